"""Would the tests notice? One small fault at a time is put into the package, and the notebooks
that run the faulty function are run

A fault is a sign, a comparison, the order of two arguments, a dropped check, or a number that
is off by one, in one function of one exported cell; which, a seed decides. It is written into
the notebook and its module, in a copy of the checkout. First the notebook and its folder are
run, then all others that call the function (`map` finds them, by running everything once).
FOLDER keeps the copy, the map and `faults.jsonl`, a line a fault; run again, it goes on.

usage: python -m tools.faults map FOLDER            which notebooks call which functions
       python -m tools.faults draw [N [SEED]]       list the faults (60 of seed 1)
       python -m tools.faults run FOLDER [N [SEED]] try them
"""

import ast
import json
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
        part = ast.get_source_segment(source, node)
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


def read(root, notebook):
    return json.loads((root / 'nbs' / notebook).read_text(encoding='utf-8'))


@cache
def all_faults(root=ROOT):
    "{function: its faults}, of all exported cells"
    found = {}
    for notebook in sorted(site.notebooks(root / 'nbs')):
        cells = [c for c in read(root, notebook)['cells'] if c['cell_type'] == 'code']
        sources = {c['id']: ''.join(c['source']) for c in cells}
        home = re.search(r'^#\|\s*default_exp\s+(\S+)', '\n'.join(sources.values()), re.M)
        for cell, source in sources.items():
            if home and EXPORTS.match(source):
                for fault in find_faults(source, notebook, cell, home[1]):
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
    Path(answer).write_text(json.dumps([result['failed'], sorted(called)]))


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
        for function in json.loads(path.read_text())[1]:
            calls.setdefault(function, []).append(path.name[:-5].replace('+', '/'))
    return calls


# --- trying them


def plant(fault, copy):
    "Write a fault into the notebook and the module of a copy of the checkout"
    path = copy / 'nbs' / fault.notebook
    nb = json.loads(path.read_text(encoding='utf-8'))
    cell = next(c for c in nb['cells'] if c.get('id') == fault.cell)
    cell['source'] = put(''.join(cell['source']), fault).splitlines(True)
    path.write_text(json.dumps(nb, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
    export = f'from nbdev.export import nb_export; nb_export({str(path)!r}, "twossp")'
    subprocess.run([sys.executable, '-c', export], cwd=copy, check=True, capture_output=True)


def fails(copy, notebooks):
    "The first of these notebooks that fails in the copy; '' if none does"
    names = ' '.join(f'nbs/{n}' for n in notebooks)
    words = [sys.executable, '-m', 'pytest', '-x', '--jobs', '1', '--only', names]
    environment = os.environ | dict(PYTHONPATH=str(copy), OMP_NUM_THREADS='1')
    done = subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True)
    failed = re.search(r'^FAILED (\S+):', done.stdout, re.M)
    if done.returncode and not failed:
        raise RuntimeError(f'pytest ended with {done.returncode}: {done.stdout}{done.stderr}')
    return failed[1] if failed else ''


def try_fault(fault, copy, calls):
    "The notebook whose tests notice the fault; '' if none does"
    subprocess.run(['git', 'checkout', '--quiet', '.'], cwd=copy, check=True)
    plant(fault, copy)
    folder = fault.notebook.rpartition('/')[0]
    beside = [n for n in site.notebooks(copy / 'nbs') if n.rpartition('/')[0] == folder]
    near = [n for n in beside if folder and n != fault.notebook]
    far = sorted(set(calls.get(fault.function, ())) - {fault.notebook, *near})
    tried = (fails(copy, names) for names in ([fault.notebook], near, far) if names)
    return next(filter(None, tried), '')


def run(folder, n=60, seed=1):
    "Try the faults that FOLDER/faults.jsonl does not have yet; print how many were noticed"
    copy, log = folder / 'copy', folder / 'faults.jsonl'
    if not copy.exists():
        subprocess.run(['git', 'clone', '--quiet', str(ROOT), str(copy)], check=True)
    calls = read_map(folder)
    if not calls:
        sys.exit(f'no map in {folder}: python -m tools.faults map {folder}')
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {json.dumps(row['fault']): row for row in rows}
    wanted = [asdict(f) for f in draw(n, seed, copy)]
    for number, fault in enumerate(wanted, 1):
        if json.dumps(fault) not in done:
            noticed = try_fault(Fault(**fault), copy, calls)
            row = done[json.dumps(fault)] = dict(fault=fault, noticed=noticed)
            with log.open('a', encoding='utf-8') as f:
                f.write(json.dumps(row) + '\n')
        noticed = done[json.dumps(fault)]['noticed']
        said = f'noticed by {noticed}' if noticed else 'NOT NOTICED'
        print(f'{number}: {fault["kind"]} in {fault["function"]}: {said}', flush=True)
    noticed = sum(bool(done[json.dumps(f)]['noticed']) for f in wanted)
    print(f'{noticed} of {len(wanted)} noticed')


def main(what='', *words):
    "One of the three"
    if what == 'draw':
        for f in draw(*map(int, words)):
            print(f'{f.function} ({f.notebook}, cell {f.cell}): {f.kind}: {f.new}')
    elif what == 'map' and words:
        make_map(Path(words[0]).resolve())
    elif what == 'run' and words:
        run(Path(words[0]).resolve(), *map(int, words[1:]))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(*sys.argv[1:])
