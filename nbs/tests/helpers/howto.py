"""The commands of how-to pages, which name files that `model.testing.write_examples` writes

Commands are the lines of a page's `sh` blocks that begin with `twossp`, or those that torchrun
starts.
"""

import contextlib
import io
import json
import re
import shlex
import sys
from pathlib import Path
from unittest.mock import patch

MODULE = 'twossp'  # what torchrun runs
SMALL = {  # what a test puts in the place of a page's own numbers
    '--minutes': '0.2',
    '--tokens': '5e3',
    '--synthetic': '8',
    '--context': '64',
    '--target_bytes': '170KB',
    '--target_memory': '190KB',
    '--target_params': '42K',
}


def enter_small():
    """`enter_examples`, where the bundled model is the random one with a chat template, and
    Wikipedia a short text: what pages show of "smollm2" is tested in seconds, under its name"""
    from twossp.checkpoint import models
    from twossp.model.testing import SENTENCES, enter_examples
    from twossp.texts import data

    enter_examples()
    folder = Path('my-chat-model').resolve()
    # a patch fails where the name is gone; an assignment would leave pages to the real model
    patch.object(models, '_embedded_model', lambda cache_dir=None: folder).start()
    texts = [s * 60 for s in SENTENCES]
    short = dict.fromkeys(('wiki', 'wiki_test'), lambda path, cache_dir=None: texts)
    patch.dict(data._READERS, short).start()


def read_commands(text):
    "The `twossp` commands in the `sh` blocks of a text, as lists of words"
    blocks = re.findall(r'```sh\n(.*?)```', text, flags=re.S)
    lines = '\n'.join(blocks).replace('\\\n', ' ').splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    spread = [w[w.index(MODULE) - 1 :] for w in words if w[:1] == ['torchrun']]
    return [w[1:] for w in words if w[:1] == ['twossp']] + [w[2:] for w in spread]


def page_text(path):
    "The prose of a notebook"
    cells = json.loads(Path(path).read_text(encoding='utf-8'))['cells']
    return '\n'.join(''.join(c['source']) for c in cells if c['cell_type'] != 'code')


def read_flags(words):
    "What a command asks for; `ValueError` if its flags are not those of today"
    from twossp.cli import main as cli
    from twossp.request import options

    name = words[0] if words[:1] and words[0] in cli.COMMANDS else 'prune'
    rest = words[1:] if words[:1] == [name] else words
    return options.parse_flags(cli.COMMANDS[name].load('options'), rest)


def small(words):
    "The same command with the little work that a test needs: few and short samples"
    name = words[0] if words[:1] and not words[0].startswith('-') else 'prune'
    if name not in ('prune', 'compare', 'recover', 'estimate'):
        return words
    light = [SMALL.get(before, word) for before, word in zip(['', *words], words, strict=False)]
    asked = set(light)
    shares = False
    if '--calibration' in asked:
        place = light.index('--calibration') + 1
        shares = '=' in light[place]
        light[place] = re.sub(r'=\d+', '=4', light[place])
    added = {}
    if name != 'estimate' and '--calibration' in asked:
        added['--seq_len'] = '64'
    if name in ('prune', 'compare') and '--calibration' in asked and not shares:
        added['--n_samples'] = '8'
    if name in ('prune', 'compare') and '--evaluation' in asked:
        added['--n_eval'] = '8'
    return light + [w for flag, n in added.items() if flag not in asked for w in (flag, n)]


def is_here(words):
    "Does a command ask for nothing but what is in the place? A server is not"
    return '--url' not in words and any('my-' in w or w.startswith('my.') for w in words)


def run_command(words):
    "(exit code, what it printed) of one command, in the folder we are in"
    from twossp.cli.main import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = main(words)
        except SystemExit as e:
            code = e.code
    return code or 0, said.getvalue()


if __name__ == '__main__':  # a command of a page's script, with small numbers
    from twossp.cli.main import main

    sys.exit(main(small(sys.argv[1:])))
