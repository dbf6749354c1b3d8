"""Install one end of the allowed versions of transformers and torch

The ranges are those of settings.ini: `oldest` takes the first version of each, `newest`
the last that is published.

usage: python tools/ends.py oldest|newest [--show]
"""

import configparser, re, shlex, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = 'torch', 'transformers'


def wanted(end, settings=ROOT / 'settings.ini'):
    "What pip is asked for: ['torch==2.5', …] or ['torch>=2.5,<3', …]"
    ini = configparser.ConfigParser(delimiters=['='])
    ini.read(settings, encoding='utf-8')
    ranges = [o for o in shlex.split(ini['DEFAULT']['requirements'])
              if re.split(r'[<>=\[]', o)[0] in NAMES]
    if end == 'newest':
        return ranges
    return [re.sub(r'>=([\d.]+).*', r'==\1', o) for o in ranges]


def main(args):
    "Install, or only show"
    if not args or args[0] not in ('oldest', 'newest'):
        sys.exit(__doc__)
    found = wanted(args[0])
    print(*found)
    if '--show' not in args:
        pip = [sys.executable, '-m', 'pip', 'install', '--upgrade', *found]
        sys.exit(subprocess.run(pip).returncode)


if __name__ == '__main__':
    main(sys.argv[1:])
