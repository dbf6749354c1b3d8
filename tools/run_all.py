"""Run All: each tutorial from top to bottom in a kernel of its own, and the time it takes

usage: python tools/run_all.py [NAME ...] [--shown] [--slow] [--keep]
  NAME     only tutorials whose name contains it
  --shown  only the cells that the site shows: what a reader can copy has to run
  --slow   with RUN_SLOW = True: measures anew, and writes what is kept in nbs/results/
  --keep   write the times into nbs/results/run_all.json, and outputs into the notebooks
"""

import json, platform, re, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TUTORIALS = ROOT / 'nbs' / 'tutorials'
TIMES = ROOT / 'nbs' / 'results' / 'run_all.json'
HIDDEN = re.compile(r'^#\|\s*(hide|export|exporti|default_exp)\b', re.M)
SWITCH = re.compile(r'^RUN_SLOW = False( *# True: \w+ anew, about (.*))?$', re.M)


def source(cell):
    "A cell's text"
    return ''.join(cell['source'])


def shown(nb):
    "The notebook without the code that the site leaves out"
    hidden = lambda c: c['cell_type'] == 'code' and HIDDEN.search(source(c))
    return {**nb, 'cells': [c for c in nb['cells'] if not hidden(c)]}


def switched(nb):
    "The notebook with its switch on"
    cells = [{**c, 'source': SWITCH.sub('RUN_SLOW = True', source(c))} for c in nb['cells']]
    return {**nb, 'cells': cells}


def undefined(nb):
    "Names that the code a reader sees uses and never defines, also where it is switched off"
    import twossp.all

    cells = [source(c) for c in shown(nb)['cells'] if c['cell_type'] == 'code']
    names = '\n'.join(f'{n} = 0' for n in twossp.all.__all__)
    star = lambda s: s.replace('from twossp.all import *', names)
    text = '\n'.join(map(star, cells)).replace('get_ipython', 'print')
    asked = ['--isolated', '--select', 'F821', '--output-format', 'json', '-']
    p = subprocess.run(
        [sys.executable, '-m', 'ruff', 'check', *asked],
        input=text,
        capture_output=True,
        text=True,
        encoding='utf-8',
    )
    found = [re.search(r'`(.*?)`', m['message']) for m in json.loads(p.stdout)]
    return sorted({m[1] for m in found if m and m[1] != 'display'})


def run(nb, folder):
    "Run a notebook; (seconds, it as it is then, what went wrong or '')"
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    whole = [{**c, 'source': source(c)} for c in nb['cells']]
    done = nbformat.from_dict(json.loads(json.dumps({**nb, 'cells': whole})))
    where = dict(metadata=dict(path=str(folder)))
    client = NotebookClient(done, timeout=None, resources=where, kernel_name='python3')
    start = time.time()
    try:
        client.execute()
        wrong = ''
    except CellExecutionError as e:
        wrong = str(e)
    return time.time() - start, done, wrong


def say(seconds):
    "A time for readers: rounded up to what it is worth"
    if seconds < 55:
        return f'{5 * (int(seconds) // 5 + 1)} s'
    return f'{int(seconds) // 60 + 1} min'


def split(output):
    "An output as notebooks are written: text as lines, no counts"
    lines = lambda x: x.splitlines(True) if isinstance(x, str) else x
    out = {k: lines(v) if k == 'text' else v for k, v in output.items()}
    if 'data' in out:
        text = lambda k, v: lines(v) if k.startswith('text/') else v
        out['data'] = {k: text(k, v) for k, v in out['data'].items()}
    return out | ({'execution_count': None} if 'execution_count' in out else {})


def keep_outputs(path, nb, done):
    "Put the outputs of a run into the notebook, but for what is hidden, and noise"
    for c, d in zip(nb['cells'], done.cells, strict=True):
        if c['cell_type'] == 'code' and not HIDDEN.search(source(c)):
            c['outputs'] = [split(o) for o in d.outputs if o.get('name') != 'stderr']
    text = json.dumps(nb, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + '\n', encoding='utf-8')


def keep_times(took):
    "Write the times, beside those that were there"
    told = json.loads(TIMES.read_text('utf-8')) if TIMES.exists() else {}
    import torch, transformers

    told |= dict(machine=f'{platform.machine()}, 2 CPU cores', command='tools/run_all.py --keep')
    told |= dict(torch=torch.__version__, transformers=transformers.__version__)
    told['tutorials'] = dict(sorted((told.get('tutorials', {}) | took).items()))
    TIMES.write_text(json.dumps(told, indent=1) + '\n', encoding='utf-8')


def main(args):
    "Run those that are asked for; exit code 1 if one failed"
    names = [a for a in args if not a.startswith('--')]
    pages = [p for p in sorted(TUTORIALS.glob('*.ipynb')) if p.stem != 'tutorials']
    pages = [p for p in pages if not names or any(n in p.stem for n in names)]
    failed, took = 0, {}
    for p in pages:
        nb = json.loads(p.read_text(encoding='utf-8'))
        slow = [m[2] for c in nb['cells'] if (m := SWITCH.search(source(c)))]
        asked = switched(nb) if '--slow' in args else nb
        secs, done, wrong = run(shown(asked) if '--shown' in args else asked, p.parent)
        print(f'{"FAILED" if wrong else "ok":6} {p.stem}: {secs:.0f} s', wrong, flush=True)
        failed += bool(wrong)
        took[p.stem] = [say(secs), (slow or [''])[0].replace(' on two CPU cores', '')]
        if '--keep' in args and not wrong:
            keep_outputs(p, nb, done)
    if '--keep' in args:
        keep_times(took)
    print(f'{len(pages) - failed} passed, {failed} failed')
    return bool(failed)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
