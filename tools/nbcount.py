"""Run the tests of the notebooks, each in a process of its own, and count them

The rules are nbdev_test's: cells with `#| eval: false`, or with a flag of `tst_flags`
in settings.ini, are skipped; a notebook stops at its first error. Printed: one line a
notebook, a block for each failure (cell, source, traceback), and last `N passed, N
failed`. Counted are test cells (those that assert something, or call a `test_*`
function); a notebook without any counts as one, so that it too must run. In a notebook
that fails, the failing cell and the test cells after it count as failed.

usage: python tools/nbcount.py [--jobs N] [--flags "slow ..."] [--timeout S] [--show]
                               [--out DIR] [NAME ...]
  NAME     only notebooks whose path contains it (`plan`, `03_plan`, `tutorials/`)
  --jobs   notebooks at a time (2); with more than one, each gets its share of the cores
  --flags  run the cells with these flags too
  --show   print the text that the cells print
  --out    write the executed notebooks to this folder"""

import argparse, ast, json, multiprocessing, os, re, sys, tempfile, time, traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

HISTORY = '.nbcount.json'  # seconds of the last run, to start the slowest first
PRELOADED = [
    'torch',
    'transformers.models.auto.modeling_auto',
    'transformers.models.llama.modeling_llama',
    'pandas',
    'matplotlib.pyplot',
    'execnb.shell',
    'nbdev.process',
    'nbdev.showdoc',
]  # by (nearly) every notebook
TEST = re.compile(r'test_\w+|is_close|expect_fail|raises|assert_\w+')


def calls(tree):
    "Names of the functions that are called or used as context managers in `tree`"
    for n in ast.walk(tree):
        f = n.func if isinstance(n, ast.Call) else None
        if f is not None:
            yield (
                f.id
                if isinstance(f, ast.Name)
                else f.attr if isinstance(f, ast.Attribute) else ''
            )


def is_test(src):
    "Does this code check anything: an `assert`, or a call of a testing function?"
    try:
        tree = ast.parse(re.sub(r'^\s*[%!].*$', '', src, flags=re.M))
    except SyntaxError:
        return False
    return any(isinstance(n, ast.Assert) for n in ast.walk(tree)) or any(
        TEST.fullmatch(o) for o in calls(tree)
    )


def skipped(cell, flags):
    "Is this cell not to be run, by nbdev_test's rules?"
    if cell.cell_type != 'code' or 'nbdev_export' + '(' in cell.source:
        return True
    d = getattr(cell, 'directives_', None) or {}
    return d.get('eval:', [''])[0].lower() == 'false' or bool(flags & d.keys())


def explain(fn, cell, n, exc, root):
    "The failing cell and its traceback, without the frames of the machinery that runs cells"
    frames = [
        f
        for f in traceback.extract_tb(exc.__traceback__)
        if not re.search(r'[\\/](IPython|execnb)[\\/]', f.filename)
    ]
    tb = ''.join(
        traceback.format_list(frames) + traceback.format_exception_only(type(exc), exc)
    )
    src = '\n'.join(f'    {l}' for l in cell.source.splitlines())
    return (
        f'{fn.relative_to(root)}, cell {n} (id {cell.get("id", "?")}):\n{src}\n\n{tb}'
    )


def run_one(fn, root, flags, show, out):
    "Run one notebook in this process; the result as a dictionary"
    from execnb.nbio import write_nb
    from execnb.shell import CaptureShell
    from fastcore.basics import str2bool
    from nbdev.frontmatter import FrontmatterProc
    from nbdev.process import NBProcessor, nb_lang

    os.environ['IN_TEST'] = '1'
    sys.path.insert(0, str(root))
    nb = NBProcessor(fn, procs=FrontmatterProc, rm_directives=False, process=True).nb
    if (
        str2bool(getattr(nb, 'frontmatter_', {}).get('skip_exec', False))
        or nb_lang(nb) != 'python'
    ):
        return dict(cells=0, tests=0, failed=0, skipped=len(nb.cells))
    todo = [c for c in nb.cells if not skipped(c, flags)]
    n_code = sum(c.cell_type == 'code' for c in nb.cells)
    res = dict(cells=0, tests=0, failed=0, skipped=n_code - len(todo))
    shell = CaptureShell(fn)
    os.chdir(fn.parent)
    for i, c in enumerate(todo):
        shell.cell(c)
        if show:
            print(
                *(
                    ''.join(o['text'])
                    for o in c.get('outputs', [])
                    if o['output_type'] == 'stream'
                ),
                sep='',
                end='',
                flush=True,
            )
        if shell.exc:
            later = sum(is_test(o.source) for o in todo[i + 1 :])
            res |= dict(
                failed=1 + later,
                unreached=later,
                why=explain(fn, c, nb.cells.index(c) + 1, shell.exc, root),
            )
            break
        res['cells'] += 1
        res['tests'] += is_test(c.source)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        write_nb(nb, out / fn.name)
    return res


def child(spec, said):
    """Run the notebook that the JSON file `spec` names; the result is written over it, and
    what the process prints goes to the file `said`"""
    with open(said, 'wb', buffering=0) as f:
        for to in (1, 2):
            os.dup2(f.fileno(), to)
    s = json.loads(Path(spec).read_text())
    res = run_one(
        Path(s['fn']),
        Path(s['root']),
        set(s['flags']),
        s['show'],
        Path(s['out']) if s['out'] else None,
    )
    try:
        import resource

        own = resource.getrusage(resource.RUSAGE_SELF)
        res['rss'] = own.ru_maxrss / (2**30 if sys.platform == 'darwin' else 2**20)
        both = own, resource.getrusage(resource.RUSAGE_CHILDREN)
        res['cpu'] = sum(u.ru_utime + u.ru_stime for u in both)
    except ImportError:
        pass  # Windows
    Path(spec).write_text(json.dumps(res))


def processes():
    """Where notebooks run: each in a process of its own. On Linux those are forked from one
    that has imported the large libraries (and run nothing), which saves seconds a notebook"""
    if sys.platform != 'linux':
        return multiprocessing.get_context('spawn')
    ctx = multiprocessing.get_context('forkserver')
    ctx.set_forkserver_preload(PRELOADED)
    return ctx


def launch(fn, args, root, flags, ctx):
    "Run one notebook in a new process; whatever happens to that process, there is a result"
    name, start, res = fn.relative_to(root), time.time(), {}
    with tempfile.TemporaryDirectory() as d:
        spec, said = Path(d) / 'spec.json', Path(d) / 'said'
        out = args.out and str(Path(args.out).resolve())
        facts = dict(fn=str(fn), root=str(root), flags=sorted(flags), show=args.show, out=out)
        spec.write_text(json.dumps(facts))
        p = ctx.Process(target=child, args=(str(spec), str(said)))
        p.start()
        p.join(args.timeout)
        if p.exitcode is None:
            p.kill()
            p.join()
            why = f'{name}: stopped after {args.timeout} s'
        else:
            why = f'{name}: its process ended with code {p.exitcode}'
        text = said.read_text(errors='replace') if said.exists() else ''
        if p.exitcode == 0:
            res = json.loads(spec.read_text())
    if 'cells' not in res:
        why += '\n' + text[-8000:]
        res = dict(cells=0, tests=0, failed=1, skipped=0, why=why)
    elif args.show:
        print(text, end='')
    return dict(res, name=name.as_posix(), secs=time.time() - start)


def weight(fn, root, history):
    "Expected seconds: those of the last run, else a guess from what the notebook does"
    if (name := fn.relative_to(root).as_posix()) in history:
        return history[name]
    src = fn.read_text(encoding='utf-8')
    return 1000 + 100 * src.count('smollm2') + src.count('"cell_type": "code"')


def select(files, root, names):
    "The notebooks whose path contains one of `names`; an error for a name that fits none"
    if not names:
        return files
    for n in names:
        if not any(n in f.relative_to(root).as_posix() for f in files):
            sys.exit(f'nbcount: no notebook has {n!r} in its name')
    return [f for f in files if any(n in f.relative_to(root).as_posix() for n in names)]


def report(r):
    "The line of one notebook"
    rss = f' ({r["cpu"]:.1f} of CPU), {r["rss"]:.1f} GiB' if 'rss' in r else ''
    skip = f', {r["skipped"]} skipped' if r['skipped'] else ''
    bad = f', {r["unreached"]} tests not reached' if r.get('unreached') else ''
    ok = 'FAILED' if r['failed'] else 'ok    '
    counts = f"{r['tests']} tests in {r['cells']} cells{skip}{bad}"
    print(f"{ok} {r['name']}: {counts}, {r['secs']:.1f} s{rss}", flush=True)


def main():
    ap = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,
    )
    ap.add_argument('names', nargs='*')
    ap.add_argument('--jobs', type=int, default=2)
    ap.add_argument('--flags', default='')
    ap.add_argument('--timeout', type=float, default=1200)
    ap.add_argument('--show', action='store_true')
    ap.add_argument('--out')
    args = ap.parse_args()
    from nbdev.config import get_config
    from nbdev.doclinks import nbglob

    cfg = get_config()
    root = Path(cfg.config_path).resolve()
    files = select(
        sorted(Path(f).resolve() for f in nbglob(cfg.nbs_path, as_path=True)),
        root,
        args.names,
    )
    if not files:
        sys.exit('nbcount: there are no notebooks')
    flags, hist = set(cfg.tst_flags.split()) - set(args.flags.split()), root / HISTORY
    history = json.loads(hist.read_text()) if hist.exists() else {}
    files.sort(key=lambda f: -weight(f, root, history))
    jobs = max(1, min(args.jobs, len(files)))
    if jobs > 1:
        threads = str(max(1, (os.cpu_count() or 1) // jobs))
        os.environ |= dict(OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads)
    paths = [str(root), os.environ.get('PYTHONPATH')]
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, paths))
    os.environ['TOKENIZERS_PARALLELISM'] = 'false'
    ctx = processes()
    start, results = time.time(), []
    with ThreadPoolExecutor(jobs) as ex:
        for f in as_completed(
            [ex.submit(launch, f, args, root, flags, ctx) for f in files]
        ):
            results.append(f.result())
            report(results[-1])
    hist.write_text(
        json.dumps(
            {**history, **{r['name']: round(r['secs'], 1) for r in results}}, indent=0
        )
    )
    failures = [r for r in results if r['failed']]
    for r in failures:
        print(f"\n{'='*100}\n{r['why'].rstrip()}\n{'='*100}")
    passed = sum(r['tests'] or not r['failed'] for r in results)
    failed = sum(r['failed'] for r in results)
    which = ''.join(' ' + r['name'] for r in failures)
    print(
        f'\n{len(results)} notebooks in {time.time()-start:.0f} s,'
        f' {len(failures)} with failures{which}'
    )
    print(f'{passed} passed, {failed} failed', flush=True)
    return bool(failed)


if __name__ == '__main__':
    sys.exit(main())
