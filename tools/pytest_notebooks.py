"""pytest plugin: notebooks as tests, each in a process of its own, its test cells counted

Cells with `#| eval: false`, or with a flag of `tst_flags` in settings.ini, are skipped, as
by nbdev_test. Cells with `#| linux` fork, or read /proc: elsewhere they are skipped, and with
them the cells that use what they define. Printed: one line a notebook, a block for each
failure (cell, source, traceback), and last `N passed, N failed`. Counted are test cells
(those that assert something, or call a `test_*` function); a notebook without any counts as
one, so that it too must run.

The cells after one that fails are run. What the failing cell would have defined is removed,
so that no later cell goes on with an older value: a cell that uses such a name is "not run
because of cell N". Failed are the cells with an error of their own, test or not, the tests
that are not run, and visible cells, outside nbs/tests, that show something of which the
notebook stores nothing.

usage: python -m pytest [PATH ...] [--only "NAME ..."] [--jobs N] [--threads N]
                        [--flags "slow ..."] [--time S] [--cells S] [--show] [--out DIR]
(pytest's own -k, -x, --co work)
"""

import ast
import builtins
import contextlib
import importlib
import json
import multiprocessing
import os
import re
import symtable
import sys
import tempfile
import time
import tomllib
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pytest

QUICK = 'nbs/tests/quick.toml'  # smaller numbers for pages, with which they are tested
SECONDS = 'notebooks/seconds'  # of the last run, in pytest's cache: the slowest start first
TEST = re.compile(r'test_\w+|is_close|expect_fail|raises|assert_\w+')
LIBRARIES = (  # what nearly every notebook imports, or the package does
    'torch transformers.models.auto.modeling_auto transformers.models.llama.modeling_llama pandas'
    ' matplotlib.pyplot execnb.shell nbdev.process nbdev.showdoc'
    ' transformers.trainer peft datasets lm_eval.evaluator lm_eval.models.huggingface'
).split()

# --- one notebook


def parse(source):
    "The statements of a cell, and its code without magic lines; none if it is no Python"
    code = re.sub(r'^[ \t]*[%!].*$', '', source, flags=re.M)
    try:
        return ast.parse(code).body, code
    except SyntaxError:
        return [], ''


def is_test(source):
    "Does this code check anything: an `assert`, or a call of a testing function?"
    nodes = [n for statement in parse(source)[0] for n in ast.walk(statement)]
    called = [n.func for n in nodes if isinstance(n, ast.Call)]
    names = [getattr(f, 'attr', None) or getattr(f, 'id', '') for f in called]
    return any(isinstance(n, ast.Assert) for n in nodes) or any(map(TEST.fullmatch, names))


def directives_of(cell):
    "The directives of a cell"
    return getattr(cell, 'directives_', None) or {}


def is_skipped(cell, flags):
    "Is this cell not to be run, by nbdev_test's rules?"
    if cell.cell_type != 'code' or 'nbdev_export' + '(' in cell.source:
        return True
    directives = directives_of(cell)
    no_eval = directives.get('eval:', [''])[0].lower() == 'false'
    return no_eval or bool(set(flags) & directives.keys())


def frames_of(error):
    "The frames of a traceback, without those of the machinery that runs cells"
    frames = traceback.extract_tb(error.__traceback__)
    return [f for f in frames if not re.search(r'[\\/](IPython|execnb)[\\/]', f.filename)]


def undefined_by(source, error=None):
    """Names that the failed statement of a cell and those after it were to define; `*` is any
    name. Without an error: the names of a cell that is skipped"""
    statements, code = parse(source)
    lines = [f.lineno for f in frames_of(error)[:1]] if error else []
    lines = lines or [1]
    start = next((n.lineno for n in statements if n.end_lineno >= lines[0]), 1)
    rest = '\n'.join(code.splitlines()[start - 1 :])
    symbols = symtable.symtable(rest, 'cell', 'exec').get_symbols()
    names = {x.get_name() for x in symbols if x.is_assigned() or x.is_imported()}
    return names | {'*'} if 'import *' in rest else names


def explain(path, cell, number, error):
    "The failing cell and its traceback"
    ours = frames_of(error)
    last = traceback.format_exception_only(type(error), error)
    trace = ''.join(traceback.format_list(ours) + last)
    source = '\n'.join(f'    {line}' for line in cell.source.splitlines())
    return f'{path}, cell {number} (id {cell.get("id", "?")}):\n{source}\n\n{trace}'


def is_shown(cell):
    "Does this cell show something to readers, errors and warnings aside?"
    shown = [o for o in cell.get('outputs', []) if o.get('name') != 'stderr']
    return bool(shown) and not {'hide', 'export'} & directives_of(cell).keys()


def flags_shown(cell):
    "The command-line flags in what a cell shows"
    texts = [[o.get('text', ''), *o.get('data', {}).values()] for o in cell.get('outputs', [])]
    return {*re.findall(r'--[a-z]\w+', json.dumps(texts))}


def never_defined(cells, known):
    """(cell, name): what these cells, which are not run, read as global names, and neither they
    nor the rest of the notebook, which defines the names `known`, nor Python define"""
    made = set().union(*(undefined_by(c.source) for c in cells)) | {*known, *dir(builtins)}
    found = []
    for cell in () if '*' in made else cells:
        tables = [symtable.symtable(parse(cell.source)[1], 'cell', 'exec')]
        for table in tables:  # those of functions are added to the list
            tables += table.get_children()
            names = (x for x in table.get_symbols() if x.is_global() and x.is_referenced())
            found += [(cell, x.get_name()) for x in names if x.get_name() not in made]
    return found


def lighten(cells, page, pages):
    """Put the tests' own numbers into a page's cells: those of its folder wherever they stand,
    and its own, which have to stand there, and once"""
    code = [c for c in cells if c.cell_type == 'code']
    for text, quick in pages.get(f'{page.rpartition("/")[0]}/', {}).items():
        for c in code:
            c.source = c.source.replace(text, quick)
    for text, quick in pages.get(page, {}).items():
        found = [c for c in code if text in c.source]
        if len(found) != 1 or found[0].source.count(text) != 1:
            raise ValueError(f'{QUICK}: {text!r} has to stand once in the notebook')
        found[0].source = found[0].source.replace(text, quick)


def shorten_references():
    """Three tokens in each answer that a checkpoint keeps for other engines, instead of 16: those
    would take most of saving a tiny model. Their own page makes and tests whole ones"""
    with contextlib.suppress(ImportError):
        importlib.import_module('twossp.checkpoint.reference')._NEW_TOKENS = 3


def forbid_test_text():
    """Make reading the test text an error: nothing may be chosen by it, however a cell spells its
    name. Commands of final measurements are no cells"""

    def forbidden(*args, **kwargs):
        raise AssertionError('the test text is for final measurements: see nbs/tests/project')

    with contextlib.suppress(ImportError):
        importlib.import_module('twossp.texts.data')._READERS['wiki_test'] = forbidden


def cpu_seconds():
    "CPU seconds of this process and of its children that have ended (not on Windows)"
    try:
        import resource
    except ImportError:
        return time.process_time()
    both = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in both)


def run_cells(path, root, flags, show, out):
    "Run one notebook in this process; the result as a dictionary"
    from execnb.nbio import write_nb
    from execnb.shell import CaptureShell
    from IPython.core.pylabtools import select_figure_formats
    from nbdev.process import NBProcessor

    sys.path.insert(0, root)
    nb = NBProcessor(path, rm_directives=False, process=True).nb
    name = Path(path).relative_to(root).as_posix()
    quick = Path(root) / QUICK
    if 'slow' in flags and quick.exists():
        pages = tomllib.loads(quick.read_text(encoding='utf-8'))
        lighten(nb.cells, name.removeprefix('nbs/').removesuffix('.ipynb'), pages)
        shorten_references()
    todo = [c for c in nb.cells if not is_skipped(c, flags)]
    forbid_test_text()
    n_code = sum(c.cell_type == 'code' for c in nb.cells)
    result = dict(cells=0, tests=0, failed=0, skipped=n_code - len(todo), not_run=0)
    result['by_cell'] = {}
    # names that cells of another system define; the cells that use them are of that system, too
    away = [c.source for c in nb.cells if 'linux' in flags and 'linux' in directives_of(c)]
    elsewhere = set().union(*map(undefined_by, away))
    reasons, missing, blocked = [], {}, {}
    shell = CaptureShell(path)
    if 'slow' in flags and not out:  # figures are made, but drawn for nobody: once a week
        select_figure_formats(shell, ())
    os.chdir(Path(path).parent)
    for cell in todo:
        before, stored, said = cpu_seconds(), is_shown(cell), flags_shown(cell)
        shell.cell(cell)
        result['by_cell'][cell.get('id', '?')] = round(cpu_seconds() - before, 2)
        if show:
            streams = [o for o in cell.get('outputs', []) if o['output_type'] == 'stream']
            print(*(''.join(o['text']) for o in streams), sep='', end='', flush=True)
        number, error = nb.cells.index(cell) + 1, shell.exc
        if not error:
            result['cells'] += 1
            result['tests'] += is_test(cell.source)
            if is_shown(cell) and not stored and not name.startswith('nbs/tests/'):
                reasons.append(
                    f'{name}, cell {number} (id {cell.get("id", "?")}) shows something, and its'
                    ' output is not stored: run it in JupyterLab and save, or end it with ;'
                )
            old = ', '.join(sorted(said - flags_shown(cell)))
            if old and stored and is_shown(cell):
                reasons.append(
                    f'{name}, cell {number} (id {cell.get("id", "?")}) stores an output with {old},'
                    ' which it shows no longer: run it in JupyterLab and save'
                )
            continue
        unknown = error.name if isinstance(error, NameError) else None
        if unknown in elsewhere:
            elsewhere |= undefined_by(cell.source, error)
            result['skipped'] += 1
            continue
        cause = missing.get(unknown, missing.get('*')) if unknown else None
        if cause:
            blocked.setdefault(cause, []).append(number)
            result['not_run'] += is_test(cell.source)
        else:
            reasons.append(explain(name, cell, number, error))
        for lost in undefined_by(cell.source, error):
            missing[lost] = cause or number
            shell.user_ns.pop(lost, None)
    left = [c for c in nb.cells if c.cell_type == 'code' and c not in todo]
    for cell, lost in [] if reasons or elsewhere else never_defined(left, shell.user_ns):
        where = f'{name}, cell {nb.cells.index(cell) + 1} (id {cell.get("id", "?")})'
        reasons.append(f'{where}, which is not run, reads {lost}, which no cell defines\n')
    result['failed'] = len(reasons) + result['not_run']
    for cause, numbers in blocked.items():
        cells = ', '.join(map(str, numbers))
        reasons.append(f'{name}, not run because of cell {cause}: cells {cells}\n')
    result['why'] = '\n'.join(reasons)
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        write_nb(nb, Path(out) / Path(path).name)
    return result


def child(job, printed, answer):
    "Run a notebook; the result goes to the file `answer`, what is printed to `printed`"
    with open(printed, 'wb', buffering=0) as f:
        for to in (1, 2):
            os.dup2(f.fileno(), to)
    os.fsync = lambda fd: None  # no test outlives the machine: none waits for its disk
    # what a notebook leaves in the temporary folder is removed with that of its process
    tempfile.tempdir = os.environ['TMPDIR'] = str(Path(printed).parent)
    result = run_cells(**job)
    result['cpu'] = cpu_seconds()
    with contextlib.suppress(ImportError):  # Windows
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result['gib'] = most / (2**30 if sys.platform == 'darwin' else 2**20)
    Path(answer).write_text(json.dumps(result), encoding='utf-8')


def make_context(preload=('tools.preload',)):
    """Where notebooks run: each in a process of its own. On Linux those are forked from one
    that has imported these modules (and run nothing), which saves seconds a notebook"""
    if sys.platform != 'linux':
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([*preload])
    return context


def launch(job, limit, context):
    "Run a notebook in a new process; whatever happens to that process, there is a result"
    name, start = Path(job['path']).relative_to(job['root']).as_posix(), time.time()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        printed, answer = Path(folder) / 'printed', Path(folder) / 'answer'
        process = context.Process(target=child, args=(job, str(printed), str(answer)))
        process.start()
        process.join(limit)
        why = f'{name}: its process ended with code {process.exitcode}'
        if process.exitcode is None:
            process.kill()
            process.join()
            why = f'{name}: stopped after {limit:g} s'
        text = printed.read_text(encoding='utf-8', errors='replace') if printed.exists() else ''
        if process.exitcode == 0:
            result = json.loads(answer.read_text(encoding='utf-8'))
            print(text if job['show'] else '', end='')
        else:
            result = dict(cells=0, tests=0, failed=1, skipped=0, why=f'{why}\n{text[-8000:]}')
    return result | dict(name=name, seconds=time.time() - start)


def report_line(r, least=None):
    "The line of one notebook, and one for each cell that took at least so many CPU seconds"
    counts = f'{r["tests"]} tests in {r["cells"]} cells'
    counts += f', {r["skipped"]} skipped' if r['skipped'] else ''
    counts += f', {r["not_run"]} tests not run' if r.get('not_run') else ''
    used = f'{r["seconds"]:.1f} s'
    used += f' ({r["cpu"]:.1f} of CPU), {r["gib"]:.1f} GiB' if 'gib' in r else ''
    lines = [f'{"FAILED" if r["failed"] else "ok    "} {r["name"]}: {counts}, {used}']
    for cell, s in sorted(r.get('by_cell', {}).items(), key=lambda x: -x[1]):
        if least is not None and s >= least:
            lines.append(f'       {s:6.1f} s of CPU: cell {cell}')
    return '\n'.join(lines)


def set_threads(asked, jobs):
    "How many threads the notebooks have: those that are asked for, or a part of the cores"
    cores = os.cpu_count() or 1
    threads = asked or max(1, cores // jobs)
    if asked or jobs > 1:
        os.environ |= dict(OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    if threads * jobs > cores:  # a thread that waits leaves its core to another
        os.environ |= dict(OMP_WAIT_POLICY='passive', GOMP_SPINCOUNT='0', KMP_BLOCKTIME='0')


# --- pytest's hooks


class Notebook(pytest.Item):
    "One notebook"

    def launch(self):
        "Run it in a process of its own, once"
        from nbdev.config import get_config

        o, root = self.config.option, self.config.rootpath
        wanted = {*o.flags.split(), 'linux' * (sys.platform == 'linux')}
        flags = sorted({*get_config().tst_flags.split()} - wanted)
        out = o.out and str(Path(o.out).resolve())
        job = dict(path=str(self.path), root=str(root), flags=flags, show=o.show, out=out)
        limit = o.time or (1200 if 'slow' in flags else 86400)
        self.result = launch(job, limit, self.session.context)

    def runtest(self):
        assert not self.result['failed']

    def repr_failure(self, excinfo):
        return self.result['why'].rstrip()


class NotebookFile(pytest.File):
    "Its file, as pytest collects it"

    def collect(self):
        yield Notebook.from_parent(self, name=self.nodeid)


def pytest_addoption(parser):
    group = parser.getgroup('notebooks')
    group.addoption('--only', default='', help='notebooks whose path contains one of these names')
    group.addoption('--jobs', type=int, default=2, help='notebooks at a time, sharing the cores')
    group.addoption('--threads', type=int, help='threads of a notebook, instead of cores / jobs')
    group.addoption('--flags', default='', help='run the cells with these flags too')
    limit = 'seconds that a notebook may take: 1200, with slow cells a day'
    group.addoption('--time', type=float, help=limit)
    group.addoption('--cells', type=float, help='name the cells that take so many CPU seconds')
    group.addoption('--show', action='store_true', help='print the text that the cells print')
    group.addoption('--out', help='write the executed notebooks to this folder')


def pytest_collect_file(file_path, parent):
    if file_path.suffix == '.ipynb' and not file_path.name.startswith(('_', '.')):
        return NotebookFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config, items):
    names = config.option.only.split()
    for n in names:
        if not any(n in i.name for i in items):
            raise pytest.UsageError(f'no notebook has {n!r} in its name')
    items[:] = [i for i in items if not names or any(n in i.name for n in names)]
    last = config.cache.get(SECONDS, {})
    # without a last run, a guess: those that run the bundled model
    guess = lambda i: 1000 + i.path.read_text(encoding='utf-8', errors='replace').count('smollm2')
    items.sort(key=lambda i: -(last[i.name] if i.name in last else guess(i)))


def pytest_runtestloop(session):
    "Run `--jobs` notebooks at a time, and report each as soon as it is done"
    from _pytest.runner import runtestprotocol

    if session.testsfailed or session.config.option.collectonly:
        return None
    jobs = max(1, min(session.config.option.jobs, len(session.items)))
    set_threads(session.config.option.threads, jobs)
    paths = [str(session.config.rootpath), os.environ.get('PYTHONPATH')]
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, paths))
    os.environ['TOKENIZERS_PARALLELISM'] = 'false'
    session.context = make_context()
    terminal = session.config.pluginmanager.get_plugin('terminalreporter')
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(i.launch): i for i in session.items}
        for done in as_completed(running):
            item = running[done]
            done.result()
            terminal.write_line(report_line(item.result, session.config.option.cells))
            runtestprotocol(item, nextitem=None)
            if session.shouldfail:
                pool.shutdown(cancel_futures=True)
                raise session.Failed(session.shouldfail)
    return True


def pytest_report_teststatus(report):
    "No letter: each notebook has its line"
    return report.outcome if report.when == 'call' or report.failed else '', '', ''


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    "The count of test cells, below all that pytest says"
    result = yield
    results = [i.result for i in session.items if getattr(i, 'result', None)]
    if results:
        cache, took = session.config.cache, {r['name']: round(r['seconds'], 1) for r in results}
        cache.set(SECONDS, cache.get(SECONDS, {}) | took)
        print(f'{sum(r.get("cpu", 0) for r in results):.0f} s of CPU')
        passed = sum(r['tests'] or not r['failed'] for r in results)
        print(f'{passed} passed, {sum(r["failed"] for r in results)} failed', flush=True)
    return result
