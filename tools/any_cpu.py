"""The whole suite under settings that stand for other kinds of CPU, each with one thread and two

PyTorch's own kernels, oneDNN's and MKL's choose their instructions by the CPU, and sum in an order
that depends on them and on the threads. These settings make them choose otherwise, so that a test
that holds for one order only fails here. Printed: one line a run, the failures below it, and last
`N passed, N failed`.

usage: python -m tools.any_cpu [--cpu NAME ...] [--threads N ...] [--only "NAME ..."] [--jobs N]
"""

import argparse
import os
import re
import subprocess
import sys
import time

SETTINGS = {  # name -> environment; oneDNN and MKL compute the products of float32 matrices
    'default': dict(ATEN_CPU_CAPABILITY='default'),
    'avx2': dict(ATEN_CPU_CAPABILITY='avx2'),
    'sse': dict(ONEDNN_MAX_CPU_ISA='SSE41', MKL_ENABLE_INSTRUCTIONS='SSE4_2'),
    'own': {},
}


def run_suite(name, threads, only, jobs):
    "One run: the numbers of tests that passed and failed"
    words = [sys.executable, '-m', 'pytest', '--jobs', str(jobs), '--threads', str(threads)]
    start, others = time.time(), set().union(*SETTINGS.values())
    env = {k: v for k, v in os.environ.items() if k not in others} | SETTINGS[name]
    ran = subprocess.run([*words, '--only', only], env=env, capture_output=True, text=True)
    counts = re.search(r'^(\d+) passed, (\d+) failed$', ran.stdout, re.M)
    passed, failed = map(int, counts.groups()) if counts else (0, 1)  # e.g. a wrong option
    took = f'{time.time() - start:.0f} s'
    print(f'{name}, threads {threads}: {passed} passed, {failed} failed, {took}', flush=True)
    if failed:
        print(ran.stdout.partition(' FAILURES ')[2] or ran.stdout + ran.stderr, flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--cpu', nargs='+', default=[*SETTINGS], choices=SETTINGS)
    parser.add_argument('--threads', nargs='+', type=int, default=[1, 2])
    parser.add_argument('--only', default='', help='notebooks whose path contains one of these')
    parser.add_argument('--jobs', type=int, default=2, help='notebooks at a time')
    o = parser.parse_args()
    runs = [run_suite(c, t, o.only, o.jobs) for t in o.threads for c in o.cpu]
    passed, failed = map(sum, zip(*runs, strict=True))
    print(f'{passed} passed, {failed} failed')
    return int(failed > 0)


if __name__ == '__main__':
    sys.exit(main())
