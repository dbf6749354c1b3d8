"""How often a `twossp prune` does what it should do once"""

import contextlib
import io
import sys
import tempfile
from collections import Counter
from pathlib import Path

from twossp.cli.main import main
from twossp.model.testing import byte_tokenizer, tiny_model

COUNTED = {  # a label, and the functions that do it
    'validations of the calibration': ['twossp.engine.calibration:_check_fields'],
    'hashes of the calibration': ['twossp.engine.calibration:identity'],
    'tokenizations': ['twossp.texts.data:encode_texts', 'twossp.texts.sources:chat_tokens'],
    'reads of all weights': [
        'twossp.records.identity:_weights_checksum',
        'twossp.records.identity:_read_weights',
        'twossp.engine.statistics:_sum_bits',
    ],
    'calls of structure': ['twossp.model.parts:structure', 'twossp.model.structure:structure'],
    'calls of arch': ['twossp.model.families:arch'],
}


def count_calls(work):
    "{module:function of the package: how often it was called} while `work` runs"
    calls = Counter()

    def note(frame, event, value):
        module = frame.f_globals.get('__name__') or ''
        if event == 'call' and module.startswith('twossp.'):
            calls[f'{module}:{frame.f_code.co_name}'] += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def count_repeated(*more):
    "{label: how often} of a `twossp prune --save` of a tiny Llama, on a text of its own"
    words = 'the model reads a text and every layer adds what it has found in it '.split()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        place = Path(folder)
        tiny_model('llama').save_pretrained(place / 'model')
        byte_tokenizer().save_pretrained(place / 'model')
        text = '\n\n'.join(' '.join(words[i % 7 :] * 9) for i in range(60))
        (place / 'text.txt').write_text(text, encoding='utf-8')
        asked = ['--model', place / 'model', '--pruning_method', '2ssp', '--sparsity_rate', 0.25]
        asked += ['--calibration', place / 'text.txt', '--n_samples', 8, '--seq_len', 64]
        asked += ['--save', place / 'out', '--cache_dir', place / 'cache', '--quiet', *more]
        codes = []
        calls = count_calls(lambda: codes.append(main([str(word) for word in asked])))
    assert codes == [0], codes
    found = {label: sum(calls[f] for f in names) for label, names in COUNTED.items()}
    assert all(found.values()), f'a function that is counted has another name now: {found}'
    return found
