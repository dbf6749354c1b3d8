"""Processes of one run, without `torchrun` and without an import each: they are forked from this
one on Linux, elsewhere from one that has imported the package. A module, so that other processes
can import it
"""

import multiprocessing
import os
import runpy
import socket
import sys
import traceback
from pathlib import Path

METHODS = multiprocessing.get_all_start_methods()
KIND = 'forkserver' if 'forkserver' in METHODS else 'spawn'
LOADED = ['twossp.all', 'twossp.cli.main', 'transformers.models.llama.modeling_llama']


def ready():
    "The context whose processes have the package"
    context = multiprocessing.get_context(KIND)
    if KIND == 'forkserver':
        context.set_forkserver_preload(LOADED)
    return context


def _run(work, args, env, printed):
    "One of the processes: its output in files, the code of `work` as its own"
    for name, number in (('out', 1), ('err', 2)):
        with open(f'{printed}.{name}', 'wb') as f:
            os.dup2(f.fileno(), number)
    sys.stdout, sys.stderr = (open(n, 'w', encoding='utf-8', closefd=False) for n in (1, 2))
    os.environ |= env
    if 'torch' in sys.modules:  # a forked process has none of its threads
        sys.modules['torch'].set_num_threads(1)
    try:
        code = work(*args)
    except SystemExit as e:
        code = e.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


def run_ranks(n, folder, work, *args, **env):
    "(exit code, output, errors) of `work(*args)` in each of `n` processes that are one run"
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    job = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port), TORCHELASTIC_RUN_ID='tests')
    job |= dict(WORLD_SIZE=str(n), CUDA_VISIBLE_DEVICES='') | env if n > 1 else env
    context = multiprocessing.get_context('fork') if sys.platform == 'linux' else ready()
    started = []
    for i in range(n):
        own = job | (dict(RANK=str(i), LOCAL_RANK=str(i)) if n > 1 else {})
        p = context.Process(target=_run, args=(work, args, own, f'{folder}/printed-{i}'))
        p.start()
        started.append(p)
    for p in started:
        p.join(300)
    read = lambda i, name: open(f'{folder}/printed-{i}.{name}', encoding='utf-8').read()
    return [(p.exitcode, read(i, 'out'), read(i, 'err')) for i, p in enumerate(started)]


def _run_file(path, words):
    "A script with these words after its name"
    sys.argv = [path, *words]
    runpy.run_path(path, run_name='__main__')


def run_script(folder, script, *words):
    "(exit code, output, errors) of a script in a process of its own, which may be killed"
    file = Path(folder) / 'script.py'
    file.write_text(script, encoding='utf-8')
    return run_ranks(1, folder, _run_file, str(file), [str(w) for w in words])[0]
