"""What the tests of hybrids and of vision-language models share: the shell on a saved model,
and findings as a table can show them
"""

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

from twossp.model.testing import SENTENCES

ASKED = '--method 2ssp --sparsity 0.25 --save out'
# EvoPress draws more tokens than the few that are given here
OPTIONS = dict(evopress=dict(initial=8, initial_tokens=24, tokens=(24, 96)))
SMALL = '--calibration my.txt --n_samples 4 --seq_len 64'


def shorten(said):
    "A finding in a few letters: the difference that was found, where there is one"
    more = ', padded too' if 'padded windows too' in said else ''
    if found := re.search(r'equal within ([\d.e+-]+\d)', said):
        return found[1] + more
    if 'bit for bit' in said or said.endswith('logits equal'):
        return f'0{more}'
    return said.replace(', padded windows too', more)


def run_shell(place, *words):
    "(exit code, what it printed) of a process that runs a `twossp` command"
    env = os.environ | {'OMP_NUM_THREADS': '1', 'HF_HUB_OFFLINE': '1'}
    done = subprocess.run(
        [sys.executable, '-m', 'twossp.cli.main', *words],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
    )
    return done.returncode, f'{done.stdout}\n{done.stderr}'.strip()


def prune_in_shell(model, place):
    "What the command says of a tiny saved model, and what `twossp check` says of the result"
    from twossp.model.testing import byte_tokenizer

    place = Path(place)
    place.mkdir(parents=True)
    (place / 'my.txt').write_text('\n'.join(s * 60 for s in SENTENCES), encoding='utf-8')
    with contextlib.redirect_stderr(io.StringIO()):
        model.save_pretrained(place / 'model')
        byte_tokenizer().save_pretrained(place / 'model')
    words = ['--model', 'model', *ASKED.split(), *SMALL.split()]
    code, said = run_shell(place, *words)
    if code:
        return dict(shell=f'exit {code}: {said.splitlines()[-1]}', check='')
    code, told = run_shell(place, 'check', 'out')
    return dict(shell='pruned', check='whole' if code == 0 else f'exit {code}: {told[-200:]}')


def try_methods(model, calib, names):
    "What each method gives on a model: its sparsity, or the words with which it refuses"
    from twossp.baselines.methods import method

    said = {}
    for n in names:
        try:
            plan = method(n)(model, calib, 0.25, progress=False, **OPTIONS.get(n, {}))
            said[n] = f'{plan.sparsity(model):.3f}'
        except ValueError as e:
            said[n] = f'refused: {e}'.splitlines()[0]
    return said
