"""Pages of measurements in a clean clone: the files of the repository, and none that git ignores

`nbs/results/index.json` names the command of each file of results, and under `needs` the files
that the command reads and the repository lacks. Small numbers are those of `nbs/tests/small.toml`.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).parents[3]
SMALL_MODEL = """\
#| hide
import contextlib
from nbs.tests.helpers.howto import enter_small
with contextlib.chdir("."):
    enter_small()
"""


class Started(BaseException):
    "A model was made: work has begun; no error that somebody else may catch"


def read_index(root=ROOT):
    "What is known of each file of results, by name"
    return json.loads((root / 'nbs/results/index.json').read_text(encoding='utf-8'))


def page_of(command):
    "The page whose slow cells a command runs, as folder/name; none if it runs something else"
    tested = re.fullmatch(
        r'(?:make test FLAGS=slow NB=|make test NB=|python -m pytest --flags slow --only )'
        r'(\w+/\w+)( FLAGS=slow)?( \(.*\))?',
        command,
    )
    return tested[1] if tested and 'slow' in command else None


def copy_checkout(folder):
    "Copy the files of the checkout that git does not ignore"
    listed = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.strip('\0').split('\0'):
        if (ROOT / name).is_file():  # and not deleted since the last commit
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def shorten(path, numbers):
    "Put small numbers into the code of a page, wherever those stand; and the small model"
    nb = json.loads(path.read_text(encoding='utf-8'))
    code = [c for c in nb['cells'] if c['cell_type'] == 'code']
    for text, small in numbers.items():
        found = [c for c in code if text in ''.join(c['source'])]
        if not found:
            raise ValueError(f'{path.name}: {text!r} stands nowhere in its code')
        for c in found:
            c['source'] = ''.join(c['source']).replace(text, small)
    first = dict(cell_type='code', id='smallone', metadata={}, outputs=[], execution_count=None)
    nb['cells'].insert(1, first | dict(source=SMALL_MODEL))
    path.write_text(json.dumps(nb), encoding='utf-8')


def replace_needs(root):
    "Write a bundled text in the place of each file that the index names as needed by a page"
    from twossp.texts.data import load_text

    news = load_text('news')
    lines = [json.dumps(dict(text=news[i % len(news)])) + '\n' for i in range(1000)]
    text = ''.join(lines).encode()
    index = read_index(root)
    for entry in index.values():
        for name, needed in entry.get('needs', {}).items():
            needed['sha256'] = hashlib.sha256(text).hexdigest()
            (root / 'nbs' / page_of(entry['command'])).with_name(name).write_bytes(text)
    (root / 'nbs/results/index.json').write_text(json.dumps(index), encoding='utf-8')


def small_command(command):
    "The `twossp` commands of an entry, as words, with small numbers"
    command = re.sub(r' \([^)]*\)', '', command)  # what its words do not say
    first, *again = command.split('; again with ')
    for flag, n in {'n_samples': 4, 'seq_len': 32, 'n_eval': 2, 'eval_len': 32}.items():
        first = re.sub(rf'--{flag} \d+', f'--{flag} {n}', first)
    return [x.split()[1:] for x in [first, *(f'{first} {more}' for more in again)]]


def run_page(root, page):
    "Run a page with its slow cells, as its command does; (exit code, what was printed)"
    command = [sys.executable, '-m', 'pytest', '--flags', 'slow', '--jobs', '1', '--only', page]
    env = os.environ | dict(PYTHONPATH=str(root))
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def start_page(root, page):
    "Run the cells of a page until the slow one is done, a model is made, or an error; that error"
    from nbdev.config import get_config
    from transformers import PreTrainedModel

    def start(self, *args, **kwargs):
        raise Started

    path = root / f'nbs/{page}.ipynb'
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    code = [''.join(c['source']) for c in cells if c['cell_type'] == 'code']
    slow = next(i for i, x in enumerate(code) if re.search(r'^#\| *slow', x, re.M))
    names = {}
    get_config.cache_clear()
    with contextlib.chdir(path.parent), patch.object(PreTrainedModel, '__init__', start):
        try:
            for source in code[: slow + 1]:
                exec(compile(source, path.name, 'exec'), names)
        except (Exception, Started) as e:
            return e
        finally:
            get_config.cache_clear()
