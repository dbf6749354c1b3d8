"""Run All: each tutorial from top to bottom in a kernel of its own, its outputs and the
time it takes kept in the notebook and in nbs/results/run_all.json

`make test` runs tutorials too; this is for measuring anew. `make export` cleans up after it.

usage: python tools/run_all.py [NAME ...] [--slow]
  NAME    only tutorials whose name contains it
  --slow  with RUN_SLOW = True: measures, and writes what is kept in nbs/results/
"""

import json, platform, re, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TUTORIALS = ROOT / 'nbs' / 'tutorials'
TIMES = ROOT / 'nbs' / 'results' / 'run_all.json'
HIDDEN = re.compile(r'^#\|\s*(hide|export|exporti|default_exp)\b', re.M)
SWITCH = re.compile(r'^RUN_SLOW = False( *# True: \w+ anew, about (.*))?$', re.M)


def say(seconds):
    "A time for readers: rounded up to what it is worth"
    if seconds < 55:
        return f'{5 * (int(seconds) // 5 + 1)} s'
    return f'{int(seconds) // 60 + 1} min'


def run(nb, folder, slow=False):
    "Run a notebook, with its switch on if `slow`; outputs of what readers see are kept in it"
    from nbclient import NotebookClient

    written = [c.source for c in nb.cells]
    for c in nb.cells:
        c.source = SWITCH.sub('RUN_SLOW = True', c.source) if slow else c.source
    resources = dict(metadata=dict(path=str(folder)))
    start = time.time()
    NotebookClient(nb, timeout=None, resources=resources, kernel_name='python3').execute()
    for c, source in zip(nb.cells, written, strict=True):
        c.source = source
        if c.cell_type == 'code':
            seen = [o for o in c.outputs if o.get('name') != 'stderr']
            c.outputs = [] if HIDDEN.search(source) else seen
    return time.time() - start


def keep_times(took):
    "Put the times where the list of tutorials reads them, with the machine and the versions"
    import torch, transformers

    told = json.loads(TIMES.read_text(encoding='utf-8'))
    told |= dict(machine=f'{platform.machine()}, 2 CPU cores', command='tools/run_all.py')
    told |= dict(torch=torch.__version__, transformers=transformers.__version__)
    told['tutorials'] = dict(sorted((told['tutorials'] | took).items()))
    TIMES.write_text(json.dumps(told, indent=1) + '\n', encoding='utf-8')


def main(args):
    "Run those that are asked for; the first that fails ends it"
    import nbformat

    names = [a for a in args if a != '--slow']
    for p in sorted(TUTORIALS.glob('*.ipynb')):
        if p.stem == 'tutorials' or (names and not any(n in p.stem for n in names)):
            continue
        nb = nbformat.read(p, 4)
        slow = [m[2] or '' for c in nb.cells if (m := SWITCH.search(c.source))]
        seconds = run(nb, p.parent, '--slow' in args)
        nbformat.write(nb, p)
        print(f'{p.stem}: {seconds:.0f} s', flush=True)
        if '--slow' not in args:
            about = ''.join(slow[:1]).replace(' on two CPU cores', '')
            keep_times({p.stem: [say(seconds), about]})


if __name__ == '__main__':
    main(sys.argv[1:])
