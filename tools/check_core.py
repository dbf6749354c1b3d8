"""Prune and save with what `pip install twossp` alone brings: no extra, no checkout, no network

Run it with the Python of an environment that has twossp without extras. Calibration text is C4,
from a shard in the layout of huggingface_hub's cache, which is made here.
usage: python tools/check_core.py"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from twossp.model.testing import SENTENCES, write_examples
from twossp.records.extras import EXTRAS
from twossp.texts.text_names import TEXTS

OPTIONAL = {module for extra in EXTRAS.values() for module in extra.modules}
ALL = 'from twossp.all import *; print(len(METHODS))'


def write_shard(cache):
    "A shard of C4 of some documents, where huggingface_hub keeps one"
    text = TEXTS['c4']
    name = 'datasets--' + text['repo'].replace('/', '--')
    file = cache / name / 'snapshots' / text['revision'] / text['splits']['train']['file']
    file.parent.mkdir(parents=True)
    document = json.dumps(dict(text=' '.join(SENTENCES) * 20, url='', timestamp=''))
    file.write_bytes(gzip.compress('\n'.join([document] * 400).encode()))


def run(*words, cwd):
    "Run Python offline, with the hub's cache in `cwd`; an error ends the program"
    env = os.environ | dict(HF_HUB_CACHE=f'{cwd}/hub', HF_HUB_OFFLINE='1')
    subprocess.run([sys.executable, *words], cwd=cwd, check=True, env=env)


def main():
    "Prune a tiny model, save it, check it, and import the public names"
    if there := sorted(filter(find_spec, OPTIONAL)):
        sys.exit(f'check_core: this environment has {", ".join(there)}')
    with tempfile.TemporaryDirectory() as place:
        write_examples(place)
        write_shard(Path(place) / 'hub')
        asked = 'prune my-model --sparsity 0.25 --n_samples 8 --seq_len 256 --save out'
        run('-m', 'twossp', *asked.split(), cwd=place)
        run('-m', 'twossp', 'check', 'out', cwd=place)
        run('-c', ALL, cwd=place)


if __name__ == '__main__':
    main()
