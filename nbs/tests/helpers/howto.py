"""The commands of how-to pages, which name files that `core.testing.write_examples` writes

Commands are the lines of a page's `sh` blocks that begin with `twossp`, or those that torchrun
starts.
"""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

MODULE = 'twossp'  # what torchrun runs


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
