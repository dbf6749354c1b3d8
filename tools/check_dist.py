"""Check the sdist and the wheel in dist/: what they hold, that the docstrings of public names
say what the comments of their parameters say, and that the wheel installs, brings the command
and the extras that errors name, and leads no entry point nowhere

The wheel is installed without what it needs, into a folder that is put before this
environment's own packages.
usage: python -m tools.check_dist [dist]"""

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tools.docstrings import carry, list_public

ROOT = Path(__file__).resolve().parent.parent
KINDS = '.py', '.typed', '.csv', '.json'
FILES = 'settings.ini', 'setup.py', 'LICENSE', 'README.md', 'PKG-INFO', 'tools/docstrings.py'
ENTRIES = """from importlib.metadata import distribution
import twossp
from twossp.records.extras import EXTRAS
wheel = distribution('twossp')
offered = {*wheel.metadata.get_all('Provides-Extra')}
assert offered == {*EXTRAS, 'all', 'dev'}, f'extras of the wheel: {offered}'
found = [e.load() for e in wheel.entry_points]
print(len(found), twossp.__file__)"""


def problems(sdist, wheel, package):
    "What is wrong with the names of the files in `sdist` (below its top folder) and in `wheel`"
    bad = [f'the sdist lacks {name}' for name in (*FILES, *package) if name not in sdist]
    bad += [f'the wheel lacks {name}' for name in package if name not in wheel]
    if not any('.dist-info/' in name and name.endswith('/LICENSE') for name in wheel):
        bad.append('the wheel lacks LICENSE')
    foreign = [name for name in wheel if not name.startswith(('twossp/', 'twossp-'))]
    return bad + [f'the wheel holds {name}' for name in foreign]


def undocumented(package):
    "Modules of a built package in which a public name lacks the sections of its parameters"
    text = {file: file.read_text(encoding='utf-8') for file in list_public(package)}
    lacking = [f for f, names in list_public(package).items() if carry(text[f], names) != text[f]]
    return [f.relative_to(package).as_posix() for f in lacking]


def run(*command, path, cwd):
    "Run Python with the wheel first on its path; what it printed, or an error"
    kwargs = dict(cwd=cwd, env=os.environ | {'PYTHONPATH': str(path)}, check=True, text=True)
    done = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, **kwargs)
    return done.stdout.strip()


def main(dist):
    "Check the one sdist and the one wheel in the folder `dist`"
    (source,), (wheel,) = dist.glob('*.tar.gz'), dist.glob('*.whl')
    with tarfile.open(source) as t:
        names = [n.partition('/')[2] for n in t.getnames()]
    found = [p for p in (ROOT / 'twossp').rglob('*') if p.suffix in KINDS]  # modules and data
    package = sorted({p.relative_to(ROOT).as_posix() for p in found} | {'twossp/_modidx.py'})
    if bad := problems(names, zipfile.ZipFile(wheel).namelist(), package):
        sys.exit('check_dist: ' + '; '.join(bad))
    with tempfile.TemporaryDirectory() as d:
        site = Path(d).resolve() / 'site'
        pip = '-m pip install --quiet --no-deps --target'.split()
        run(*pip, str(site), str(wheel.resolve()), path='', cwd=d)
        n, where = run('-c', ENTRIES, path=site, cwd=d).split(' ', 1)
        if Path(where).resolve().parent != site / 'twossp':
            sys.exit(f'check_dist: imported {where}, not what the wheel holds')
        t = Path(d) / 'source'
        with tarfile.open(source) as archive:
            archive.extractall(t, filter='data')
        for package in (site / 'twossp', *t.glob('*/twossp')):
            if bad := undocumented(package):
                sys.exit(f'check_dist: no sections of parameters in {package}: {", ".join(bad)}')
        command = str(site / 'bin' / 'twossp')
        version, usage = (run(command, a, path=site, cwd=d) for a in ('--version', '--help'))
    if source.name.removesuffix('.tar.gz').split('-')[-1] not in version or 'prun' not in usage:
        sys.exit(f'check_dist: the command says {version!r} and\n{usage}')
    print(f'{source.name} and {wheel.name}: complete; the wheel installs, {n} entry points load')


if __name__ == '__main__':
    main(Path(sys.argv[1] if sys.argv[1:] else 'dist'))
