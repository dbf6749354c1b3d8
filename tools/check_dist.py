"""Check the sdist and the wheel in dist/: what they hold, and that the wheel installs
and brings the command

The wheel is installed without what it needs, into a folder that is put before this
environment's own packages.
usage: python tools/check_dist.py [dist]"""

import os, subprocess, sys, tarfile, tempfile, zipfile
from pathlib import Path

WHEEL = ['twossp/__init__.py', 'twossp/two_ssp.py', 'twossp/py.typed', 'twossp/types.csv']
SDIST = ['settings.ini', 'setup.py', 'LICENSE', 'README.md', 'PKG-INFO', *WHEEL]


def problems(sdist, wheel):
    "What is wrong with the names of the files in `sdist` (below its top folder) and in `wheel`"
    bad = [f'the sdist lacks {o}' for o in SDIST if o not in sdist]
    bad += [f'the wheel lacks {o}' for o in WHEEL if o not in wheel]
    if not any('.dist-info/' in o and o.endswith('/LICENSE') for o in wheel):
        bad.append('the wheel lacks LICENSE')
    foreign = [o for o in wheel if not o.startswith(('twossp/', 'twossp-'))]
    return bad + [f'the wheel holds {o}' for o in foreign]


def run(*cmd, path, cwd):
    "Run Python with the wheel first on its path; what it printed, or an error"
    p = subprocess.run(
        [sys.executable, *cmd],
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': str(path)},
        capture_output=True,
        text=True,
    )
    if p.returncode:
        said = f'ended with {p.returncode}\n{p.stdout}{p.stderr}'
        sys.exit(f'check_dist: {" ".join(map(str, cmd))} {said}')
    return p.stdout


def main(dist):
    "Check the one sdist and the one wheel in the folder `dist`"
    sdists, wheels = list(dist.glob('*.tar.gz')), list(dist.glob('*.whl'))
    if len(sdists) != 1 or len(wheels) != 1:
        held = sorted(p.name for p in dist.glob("*"))
        sys.exit(f'check_dist: {dist} should hold one sdist and one wheel, not {held}')
    with tarfile.open(sdists[0]) as t:
        names = [n.partition('/')[2] for n in t.getnames()]
    if bad := problems(names, zipfile.ZipFile(wheels[0]).namelist()):
        sys.exit('check_dist: ' + '; '.join(bad))
    with tempfile.TemporaryDirectory() as d:
        site = Path(d).resolve() / 'site'
        pip = '-m pip install --quiet --no-deps --target'.split()
        run(*pip, str(site), str(wheels[0].resolve()), path='', cwd=d)
        ask = 'import twossp.two_ssp as p; print(p.__file__)'
        where = run('-c', ask, path=site, cwd=d).strip()
        if Path(where).resolve().parent != site / 'twossp':
            sys.exit(f'check_dist: imported {where}, not what the wheel holds')
        said, usage = (
            run(str(site / 'bin' / 'twossp'), a, path=site, cwd=d)
            for a in ('--version', '--help')
        )
        version = sdists[0].name.removesuffix('.tar.gz').split('-')[-1]
        if version not in said or '--pruning_method' not in usage:
            sys.exit(f'check_dist: the command says {said!r} and\n{usage}')
    print(
        f'{sdists[0].name} and {wheels[0].name}: complete; the wheel installs, imports,'
        f' and brings the command ({said.strip()})'
    )


if __name__ == '__main__':
    main(Path(sys.argv[1] if sys.argv[1:] else 'dist'))
