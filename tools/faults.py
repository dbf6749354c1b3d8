"""Would the tests notice? One small fault at a time is put into the package, and the notebooks
that run the faulty function are run

A fault is a sign, a comparison, the order of two arguments, a dropped check, or a number that
is off by one, in one function of one exported cell; which, a seed decides. It is written into
the notebook and its module, in a copy of the checkout. First the notebook is run, then its
folder, then all others that call the function (`map` finds them, by running everything once;
a function that no map has: those that name it). FOLDER keeps the copy, the map and
`faults.jsonl`, a line a fault; run again, it goes on.

`again` tries the faults of another FOLDER, of an older commit, in this checkout: each is found
by its function, wherever that is now, and by its text, or is reported as gone.

usage: python -m tools.faults map FOLDER            which notebooks call which functions
       python -m tools.faults draw [N [SEED]]       list the faults (60 of seed 1)
       python -m tools.faults run FOLDER [N [SEED]] try them
       python -m tools.faults again FOLDER BASE     try those of BASE/faults.jsonl
"""

import ast
import contextlib
import gc
import importlib
import json
import multiprocessing
import os
import random
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tools import pytest_notebooks as runner, site
from tools.site import ROOT

COMPARISONS = {
    ast.Lt: '<=',
    ast.LtE: '<',
    ast.Gt: '>=',
    ast.GtE: '>',
    ast.Eq: '!=',
    ast.NotEq: '==',
    ast.Is: 'is not',
    ast.IsNot: 'is',
    ast.In: 'not in',
    ast.NotIn: 'in',
}
EXPORTS = re.compile(r'#\|\s*exports?i?\b')
LIMIT = 600  # seconds for a notebook: a fault may be an endless loop

# --- faults of a piece of source


@dataclass(frozen=True)
class Fault:
    "One change of one function"

    notebook: str  # below nbs/
    cell: str  # its id
    function: str  # module:qualified name, as in `map`
    kind: str
    start: int  # the characters of the cell that are replaced
    end: int
    new: str


def functions(tree, above=''):
    "(qualified name, node) of the functions at the top of a tree and of its classes"
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from functions(node, f'{node.name}.')
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield above + node.name, node


def sites(node, text):
    "(kind, the node to replace, its new text) for each fault that a node can have"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        sign = '-' if isinstance(node.op, ast.Add) else '+'
        yield 'sign', node, f'{text(node.left)} {sign} {text(node.right)}'
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield 'sign', node, text(node.operand)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        sign = COMPARISONS[type(node.ops[0])]
        yield 'comparison', node, f'{text(node.left)} {sign} {text(node.comparators[0])}'
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        first, second = node.args[:2]
        starred = isinstance(first, ast.Starred) or isinstance(second, ast.Starred)
        if not starred and text(first) != text(second):
            pair = ast.copy_location(ast.Tuple([first, second]), first)
            pair.end_lineno, pair.end_col_offset = second.end_lineno, second.end_col_offset
            yield 'argument order', pair, f'{text(second)}, {text(first)}'
    if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise):
        yield 'dropped check', node.test, 'False'
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield 'off by one', node, str(node.value + 1)


def body(function):
    "The nodes of a function's body: its signature, decorators and docstring have no faults"
    for statement in function.body:
        yield from ast.walk(statement)


def find_faults(source, notebook, cell, module):
    "All faults of a cell; those within a string, as of f-strings, are left out"
    starts = [0]
    for line in source.splitlines(True):
        starts.append(starts[-1] + len(line))
    lines = source.splitlines()

    def place(line, column):
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    def text(node):
        start = place(node.lineno, node.col_offset)
        part = source[start : place(node.end_lineno, node.end_col_offset)]
        simple = isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Attribute)
        return part if simple or isinstance(node, ast.Subscript) else f'({part})'

    tree = ast.parse(source)
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.JoinedStr) for n in ast.walk(f)}
    for name, function in functions(tree):
        for node in body(function):
            if id(node) in inside:
                continue
            for kind, old, new in sites(node, text):
                start = place(old.lineno, old.col_offset)
                end = place(old.end_lineno, old.end_col_offset)
                yield Fault(notebook, cell, f'{module}:{name}', kind, start, end, new)


def put(source, fault):
    "The source with the fault"
    return source[: fault.start] + fault.new + source[fault.end :]


# --- faults of the project


@cache
def exported(root=ROOT):
    "{(notebook, cell): (module, source)} of all exported cells"
    found = {}
    for notebook in sorted(site.notebooks(root / 'nbs')):
        text = (root / 'nbs' / notebook).read_text(encoding='utf-8')
        cells = [c for c in json.loads(text)['cells'] if c['cell_type'] == 'code']
        sources = {c['id']: ''.join(c['source']) for c in cells}
        home = re.search(r'^#\|\s*default_exp\s+(\S+)', '\n'.join(sources.values()), re.M)
        for cell, source in sources.items():
            if home and EXPORTS.match(source):
                found[notebook, cell] = home[1], source
    return found


@cache
def all_faults(root=ROOT):
    "{function: its faults}, of all exported cells"
    found = {}
    for (notebook, cell), (module, source) in exported(root).items():
        for fault in find_faults(source, notebook, cell, module):
            found.setdefault(fault.function, []).append(fault)
    return found


def draw(n=60, seed=1, root=ROOT):
    "`n` faults: a function, then a kind, then a place, each at random"
    chance, found = random.Random(seed), all_faults(root)
    drawn = []
    for name in chance.sample(sorted(found), n):
        kind = chance.choice(sorted({f.kind for f in found[name]}))
        drawn.append(chance.choice([f for f in found[name] if f.kind == kind]))
    return drawn


def line_of(fault, source):
    "The line of source in which a fault begins"
    return source[: fault.start].rpartition('\n')[2] + source[fault.start :].partition('\n')[0]


def find_again(fault, source, faults, sources):
    """The same fault among others, of another commit; None if its place is gone. It is in the
    function of the same name (else the only one with this line), changes the same text into
    the same, and has the same line, or is the n-th such place of as many as there were"""

    def same(f, text):
        return f.kind == fault.kind and (text[f.start : f.end], f.new) == change

    def name(f):
        return f.function.partition(':')[2]

    change, line = (source[fault.start : fault.end], fault.new), line_of(fault, source)
    module = fault.function.partition(':')[0]
    then = find_faults(source, fault.notebook, fault.cell, module)
    then = [f for f in then if f.function == fault.function and same(f, source)]
    text = lambda f: sources[f.notebook, f.cell][1]
    found = [f for f in faults if same(f, text(f))]
    alike = [f for f in found if line_of(f, text(f)).strip() == line.strip()]
    stays = any(f.function == fault.function for f in faults)
    of = (lambda f: f.function) if stays else name
    now = [f for f in found if of(f) == of(fault)] or alike
    homes = {f.function for f in now}
    if len(homes) > 1:
        homes &= {f.function for f in alike}
    if len(homes) != 1:
        return None
    now = [f for f in now if f.function in homes]
    lines = [f for f in now if f in alike]
    then_lines = [f for f in then if line_of(f, source) == line]
    for places, before in ((lines, then_lines), (now, then)):
        if len(places) == len(before):
            return places[before.index(fault)]
    return None


# --- which notebooks call a function


def traced(path, root, answer):
    "Run a notebook in this process, and write down the functions of the package that it calls"
    import threading

    lib, called = str(Path(root) / 'twossp') + os.sep, set()
    seen = set()

    def note(frame, event, value):
        code = frame.f_code
        if event == 'call' and code not in seen:
            seen.add(code)
            if code.co_filename.startswith(lib):
                module = frame.f_globals['__name__'].removeprefix('twossp.')
                called.add(f'{module}:{code.co_qualname.split(".<locals>")[0]}')

    threading.setprofile(note)
    sys.setprofile(note)
    result = runner.run_cells(path, root, ['notest', 'slow'], show=False, out=None)
    sys.setprofile(None)
    threading.setprofile(None)
    Path(answer).write_text(json.dumps([result['failed'], sorted(called)]), encoding='utf-8')


def make_map(folder, root=ROOT):
    "Write FOLDER/map/NOTEBOOK.json for each notebook that has none yet"
    (folder / 'map').mkdir(parents=True, exist_ok=True)
    context = runner.make_context()
    for notebook in site.notebooks(root / 'nbs'):
        answer = folder / 'map' / f'{notebook.replace("/", "+")}.json'
        if not answer.exists():
            job = str(root / 'nbs' / notebook), str(root), str(answer)
            process = context.Process(target=traced, args=job)
            process.start()
            process.join()
            print(notebook, 'traced' if answer.exists() else 'FAILED', flush=True)


def read_map(folder):
    "{function: notebooks that call it}"
    calls = {}
    for path in sorted((folder / 'map').glob('*.json')):
        for function in json.loads(path.read_text(encoding='utf-8'))[1]:
            calls.setdefault(function, []).append(path.name[:-5].replace('+', '/'))
    return calls


def find_callers(fault, copy, calls):
    "The notebooks that call a function by the map, under today's names; else those that name it"
    bare = lambda n: re.sub(r'(^|/)\d+_', '', n.rpartition('/')[2])
    today = {bare(n): n for n in site.notebooks(copy / 'nbs')}
    if fault.function in calls:
        return [today[bare(n)] for n in calls[fault.function] if bare(n) in today]
    word = fault.function.rpartition(':')[2].split('.')[0]
    texts = {n: (copy / 'nbs' / n).read_text(encoding='utf-8') for n in today.values()}
    return [n for n, text in texts.items() if re.search(rf'\b{word}\b', text)]


# --- trying them


def plant(fault, copy):
    "Write a fault into the notebook and the module of a copy of the checkout"
    from nbdev.export import nb_export

    path = copy / 'nbs' / fault.notebook
    nb = json.loads(path.read_text(encoding='utf-8'))
    cell = next(c for c in nb['cells'] if c.get('id') == fault.cell)
    cell['source'] = put(''.join(cell['source']), fault).splitlines(True)
    path.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
    with contextlib.chdir(copy):
        nb_export(str(path), 'twossp')


def run_faulty(fault, copy, notebooks, answer):
    """In a process that has imported libraries and nothing of the project: write a fault into
    the copy, and run notebooks, each in a process forked from this, until one fails"""
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    os.environ['PYTHONPATH'] = str(copy)
    plant(fault, copy)
    for name in [m for m in sys.modules if m.partition('.')[0] in ('twossp', 'nbs', 'tools')]:
        del sys.modules[name]
    for name in ('twossp.all', 'twossp.model.testing'):
        with contextlib.suppress(Exception):  # the notebook says what is wrong
            importlib.import_module(name)
    gc.freeze()
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else 'spawn')
    for notebook in notebooks:
        job = dict(path=str(copy / 'nbs' / notebook), root=str(copy), flags=['notest', 'slow'])
        if runner.launch(job | dict(show=False, out=None), LIMIT, context)['failed']:
            answer.write_text(notebook, encoding='utf-8')
            return
    answer.write_text('', encoding='utf-8')


def try_fault(fault, copy, callers, context):
    "The notebook whose tests notice the fault; '' if none does"
    subprocess.run(['git', 'checkout', '--quiet', '.'], cwd=copy, check=True)
    folder = fault.notebook.rpartition('/')[0]
    beside = [n for n in site.notebooks(copy / 'nbs') if n.rpartition('/')[0] == folder]
    near = sorted(beside if folder else [], key=lambda n: n not in callers)
    notebooks = [*dict.fromkeys([fault.notebook, *near, *callers])]
    answer = copy.parent / 'answer'
    answer.unlink(missing_ok=True)
    process = context.Process(target=run_faulty, args=(fault, copy, notebooks, answer))
    process.start()
    process.join()
    return answer.read_text(encoding='utf-8')


def prepare(folder):
    "The copy of the checkout, the file of what was tried, and what this has: {fault: row}"
    copy, log = folder / 'copy', folder / 'faults.jsonl'
    if not copy.exists():
        subprocess.run(['git', 'clone', '--quiet', str(ROOT), str(copy)], check=True)
    lines = log.read_text(encoding='utf-8').splitlines() if log.exists() else []
    rows = [json.loads(line) for line in lines]
    return copy, log, {json.dumps(row['fault']): row for row in rows}


def try_all(folder, wanted, calls):
    "Try the faults that FOLDER/faults.jsonl does not have yet: an iterator of notebooks or ''"
    os.environ |= dict(OMP_NUM_THREADS='1', TOKENIZERS_PARALLELISM='false')
    context = runner.make_context(runner.LIBRARIES)
    copy, log, done = prepare(folder)
    for fault in wanted:
        key = json.dumps(asdict(fault))
        if key not in done:
            noticed = try_fault(fault, copy, find_callers(fault, copy, calls), context)
            done[key] = dict(fault=asdict(fault), noticed=noticed)
            with log.open('a', encoding='utf-8') as f:
                f.write(json.dumps(done[key]) + '\n')
        yield done[key]['noticed']


def say(number, fault, noticed, more=''):
    how = f'noticed by {noticed}' if noticed else 'NOT NOTICED'
    print(f'{number}: {fault.kind} in {fault.function}: {how}{more}', flush=True)


def run(folder, n=60, seed=1):
    "Draw faults and try them; print how many were noticed"
    copy, _, _ = prepare(folder)
    wanted, noticed = draw(n, seed, copy), []
    for fault, by in zip(wanted, try_all(folder, wanted, read_map(folder)), strict=True):
        noticed.append(by)
        say(len(noticed), fault, by)
    print(f'{sum(map(bool, noticed))} of {len(wanted)} noticed')


def again(folder, base):
    "Try the faults of another folder, of an older commit; print how many each noticed"
    copy, _, _ = prepare(folder)
    sources, faults = exported(copy), [f for fs in all_faults(copy).values() for f in fs]
    _, _, rows = prepare(base)
    pairs, calls = [], read_map(base)
    for row in sorted(rows.values(), key=lambda row: not row['noticed']):  # these first
        old = Fault(**row['fault'])
        show = ['git', 'show', f'HEAD:nbs/{old.notebook}']
        text = subprocess.run(show, cwd=base / 'copy', check=True, capture_output=True).stdout
        cells = {c['id']: ''.join(c['source']) for c in json.loads(text)['cells']}
        new = find_again(old, cells[old.cell], faults, sources)
        pairs.append((old, new, row['noticed']))
        if new and old.function in calls:
            calls.setdefault(new.function, calls[old.function])
    wanted = [new for _, new, _ in pairs if new]
    results, counts = try_all(folder, wanted, calls), dict.fromkeys(('then', 'now', 'gone'), 0)
    for number, (old, new, then) in enumerate(pairs, 1):
        if new:
            now = next(results)
            say(number, new, now, '' if then else ' (nor was it before)' if not now else '')
            counts['then'] += bool(then)
            counts['now'] += bool(now)
        else:
            print(f'{number}: {old.kind} in {old.function}: gone', flush=True)
            counts['gone'] += 1
    there = f'{counts["now"]} of {len(wanted)} noticed, {counts["then"]} of them before'
    print(f'{there}; {counts["gone"]} of {len(pairs)} are gone')


def main(what='', *words):
    "One of the four"
    if what == 'draw':
        for f in draw(*map(int, words)):
            print(f'{f.function} ({f.notebook}, cell {f.cell}): {f.kind}: {f.new}')
    elif what == 'map' and words:
        make_map(Path(words[0]).resolve())
    elif what == 'run' and words:
        run(Path(words[0]).resolve(), *map(int, words[1:]))
    elif what == 'again' and len(words) == 2:
        again(*(Path(w).resolve() for w in words))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(*sys.argv[1:])
