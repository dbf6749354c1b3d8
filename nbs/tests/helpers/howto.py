"""A place for how-to pages to run in: a tiny model, a text, and the commands of a page

The pages name folders `my-model`, `my-mixture` and `my-chat-model`, and files `my.txt` and
`my-chats.jsonl`. Here they exist, small enough for a test: a random Llama and a random Mixtral
of four layers over bytes, the Llama with a chat template, some sentences and some chats.
Commands are
the lines of a page's `sh` blocks that begin with `twossp`, or those that torchrun starts.
"""

import contextlib
import io
import json
import os
import re
import shlex
import tempfile
from pathlib import Path

SENTENCES = (
    'Pruning takes whole structures out of a model, and leaves the rest as it was. '
    'What is quiet on the calibration text goes first. ',
    'The river rose in the night, and in the morning the bridge was gone. '
    'They went back, and took the long way over the hills. ',
)


TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
MODULE = 'twossp'  # what torchrun runs


def make_place(folder, length=60):
    "Write the models and texts that pages name into a folder; `length`: of `my.txt`"
    from twossp.core.testing import byte_tokenizer, tiny_model

    for name, kind in (('my-model', 'llama'), ('my-mixture', 'mixtral')):
        tiny_model(kind).save_pretrained(Path(folder) / name)
        byte_tokenizer().save_pretrained(Path(folder) / name)
    talks = tiny_model(max_position_embeddings=512)
    talks.save_pretrained(Path(folder) / 'my-chat-model')
    tok = byte_tokenizer()
    tok.chat_template = TEMPLATE
    tok.save_pretrained(Path(folder) / 'my-chat-model')
    chats = (dict(prompt=f'Is {i} even?', completion='no' if i % 2 else 'yes') for i in range(40))
    lines = '\n'.join(map(json.dumps, chats))
    (Path(folder) / 'my-chats.jsonl').write_text(lines, encoding='utf-8')
    text = '\n'.join(s * length for s in SENTENCES)
    (Path(folder) / 'my.txt').write_text(text, encoding='utf-8')


def enter():
    "Make such a place, and go there; it is gone when the returned object is"
    place = tempfile.TemporaryDirectory(prefix='howto')
    make_place(place.name)
    os.chdir(place.name)
    return place


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
    from twossp.cli import main as cli, options

    name = words[0] if words[:1] and words[0] in cli.COMMANDS else 'prune'
    rest = words[1:] if words[:1] == [name] else words
    return options.parse_flags(cli.COMMANDS[name].load()[1], rest)


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
