"""Run the shell steps of the workflows here, each job once, in a fresh clone

The steps are read from `.github/workflows/*.yml`; of a matrix the first combination is
taken. A job gets a clone of what is committed and a Python of its own, as on GitHub;
its steps run one after the other and stop at the first that fails. What a job does
besides (`uses:`) is GitHub's.

usage: python tools/jobs.py            run all jobs (much longer than an hour)
       python tools/jobs.py --list     only say what would be run
       python tools/jobs.py NAME ...   only these jobs, such as test.yml:lint
"""

import os, re, subprocess, sys, tempfile, time, venv
from pathlib import Path
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = ROOT / '.github' / 'workflows'


def first_of(matrix):
    "The first combination of a matrix: {key: value}"
    return {k: v[0] for k, v in matrix.items() if isinstance(v, list) and v}


def fill(text, matrix):
    "A text with `${{ matrix.x }}` filled in; `ValueError` for another expression"
    known = {f'matrix.{k}': str(v) for k, v in matrix.items()}

    def value(m):
        if m[1] not in known:
            raise ValueError(f'{m[0]} cannot be filled in here')
        return known[m[1]]

    return re.sub(r'\$\{\{\s*(.*?)\s*\}\}', value, str(text))


def read_steps(job):
    "A job's shell steps: [(name, script, environment)]"
    matrix = first_of(job.get('strategy', {}).get('matrix', {}))
    common, steps = job.get('env', {}), []
    for s in job.get('steps', []):
        if 'run' in s:
            env = {k: fill(v, matrix) for k, v in {**common, **s.get('env', {})}.items()}
            steps.append((s.get('name', ''), fill(s['run'], matrix).strip(), env))
    return steps


def read_jobs(folder=WORKFLOWS):
    "{'file:job': its shell steps}, of every workflow; jobs without any are left out"
    found = {}
    for p in sorted(Path(folder).glob('*.yml')):
        jobs = yaml.safe_load(p.read_text(encoding='utf-8'))['jobs']
        found |= {f'{p.name}:{k}': read_steps(v) for k, v in jobs.items()}
    return {k: v for k, v in found.items() if v}


def choose(jobs, names):
    "Those jobs that are named, or all; `ValueError` names one that is not there"
    if strange := [n for n in names if n not in jobs]:
        raise ValueError(f'no job {", ".join(strange)}; there are: {", ".join(jobs)}')
    return {n: jobs[n] for n in names or jobs}


def environment(python, env):
    "What a step sees: `python` is the job's own, and nothing of this shell's making"
    ours = 'VENV', 'VIRTUAL_ENV', 'MAKEFLAGS', 'MAKELEVEL', 'PYTHONPATH'
    kept = {k: v for k, v in os.environ.items() if k not in ours}
    path = os.pathsep.join([str(python), os.environ['PATH']])
    return {**kept, 'PATH': path, 'CI': 'true', **env}


def run_job(name, steps):
    "Run a job's steps in a fresh clone; did all of them succeed?"
    with tempfile.TemporaryDirectory(prefix='job') as tmp:
        clone, own = Path(tmp) / 'checkout', Path(tmp) / 'python'
        subprocess.run(['git', 'clone', '-q', str(ROOT), str(clone)], check=True)
        venv.create(own, with_pip=True)
        for step, script, env in steps:
            start, seen = time.time(), environment(own / 'bin', env)
            shell = ['bash', '-e', '-c', script]
            code = subprocess.run(shell, cwd=clone, env=seen).returncode
            took = f'{time.time() - start:.0f} s'
            print(f'{"FAILED" if code else "ok":6} {name}: {step} ({took})', flush=True)
            if code:
                return False
    return True


def main(args):
    "List or run; exit code 1 if a step failed"
    jobs = read_jobs()
    try:
        jobs = choose(jobs, [a for a in args if a != '--list'])
    except ValueError as e:
        sys.exit(f'{e}\n\n{__doc__}')
    if '--list' in args:
        for name, steps in jobs.items():
            print(name, *(f'    {script}' for _, script, _ in steps), sep='\n')
        return 0
    failed = [n for n, s in jobs.items() if not run_job(n, s)]
    print(f'{len(jobs) - len(failed)} passed, {len(failed)} failed')
    return bool(failed)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
