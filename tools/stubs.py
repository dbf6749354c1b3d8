"""Stubs of the public names: what editors and type checkers read

`twossp/all.pyi` has the functions whose arguments are names of a registry, with these names as
`Literal`s, so that an editor offers them and any other string is allowed, and imports all other
names from where they are defined. `twossp/__init__.pyi` has the same names and nothing else, so
that a name that does not exist is an error. Both follow from `twossp/all.py`, the modules that it
imports from, and the registries.
"""

import ast
import builtins
import textwrap

from tools.docstrings import describe_function, read_homes, read_taken
from tools.site import ROOT

# argument -> the registry or constant that names its values; (function, argument) comes first
ARGUMENTS = {
    'method': 'METHODS',
    'methods': 'METHODS',
    ('method', 'name'): 'METHODS',
    'score': 'SCORES',
    ('collect_scores', 'scores'): 'SCORES',
    ('greedy', 'score'): '',  # what a table calls the losses
    'depth_score': 'DEPTH_SCORES',
    'balance': 'COUNTS',
    'count': 'COUNTS',
    'widths': 'WIDTHS',
    'repair': 'REPAIRS',
    'dtype': '_DTYPES',
    'format': 'FORMATS',
    'tasks': 'TASKS',
    ('load_tasks', 'names'): 'TASKS',
    ('load_text', 'name'): 'TEXTS',
}
CONSTANTS = {  # name -> module, which may import torch and is read only
    'COUNTS': 'pruning.balance',
    'WIDTHS': 'pruning.probe',
    'REPAIRS': 'refine.repair',
    '_DTYPES': 'engine.devices',
    'FORMATS': 'checkpoint.save',
    'TASKS': 'evaluation.task_names',
}
WINDOWS = 'torch.Tensor | Calibration'  # of a parameter that `Calibration.of` reads
HEAD = '''\
"""{}"""
# Written by `make export` (tools/stubs.py).
'''
TABLE = '''
class _Table(Protocol):  # a `datasets.Dataset`
    @property
    def column_names(self) -> Any: ...
    def select_columns(self, column_names: Any) -> Any: ...

'''


def read_constant(source, name):
    "The strings of a constant: a tuple, or what a comprehension runs over"
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and any(ast.unparse(t) == name for t in node.targets):
            tuples = [n for n in ast.walk(node.value) if isinstance(n, ast.Tuple)]
            return ast.literal_eval(tuples[0])
    raise ValueError(f'no constant {name}')


def read_values(lib):
    "Registry or constant -> the strings that it names"
    from twossp.baselines.methods import METHODS
    from twossp.engine.scores import SCORES
    from twossp.texts.text_names import TEXTS

    values = dict(METHODS=METHODS, TEXTS=TEXTS)
    values |= dict(SCORES=SCORES['neurons'], DEPTH_SCORES=SCORES['attention modules'])
    for name, module in CONSTANTS.items():
        path = lib / f'{module.replace(".", "/")}.py'
        values[name] = read_constant(path.read_text(encoding='utf-8'), name)
    return {k: tuple(x) for k, x in values.items()}


def find_imports(tree, module):
    "Name -> the line that imports it in a stub, of all names of a module"
    package, found = module.rpartition('.')[0], {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for a in node.names:
                alias = f' as {a.asname}' if a.asname else ''
                found[a.asname or a.name.partition('.')[0]] = f'import {a.name}{alias}'
        elif isinstance(node, ast.ImportFrom):
            parts = package.split('.')[: 1 - node.level or None] if node.level else []
            home = '.'.join([p for p in (*parts, node.module) if p])
            dot = '.' if node.level else ''
            for a in node.names:
                alias = f' as {a.asname}' if a.asname else ''
                found[a.asname or a.name] = f'from {dot}{home} import {a.name}{alias}'
    own = [n.name for n in tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))]
    return found | {name: f'from .{module} import {name}' for name in own}


def annotate(function, parameter):
    "A parameter's type in the stub, and the constant of its names ('': none)"
    old = ast.unparse(parameter.annotation) if parameter.annotation else 'Any'
    old = old.strip('"\'')
    keys = (function, parameter.arg), parameter.arg
    constant = next((ARGUMENTS[k] for k in keys if k in ARGUMENTS), '')
    if constant and 'str' in old.replace('[', ' ').replace(']', ' ').split():
        names = '_' + constant.strip('_').title()
        return old.replace('str', f'{names} | str', 1), constant
    if WINDOWS in old:
        return f'{old} | _Windows', ''
    return old, ''


def as_called(function):
    "A function's arguments as users give them: a method takes a model, not a probe"
    if read_taken(function) is None:
        return function.args
    rows, _ = describe_function(function, ({}, {}))
    given = [f'{k}: {kind}' for k, kind, default, _ in rows if default is None]
    options = [f'{k}: {x} = {ast.unparse(d)}' for k, x, d, _ in rows if d is not None]
    (node,) = ast.parse(f'def f({", ".join(given)}, *, {", ".join(options)}): ...').body
    return node.args


def stub_of(function, imports):
    "A function's stub, the constants that it uses and the imports; None without any constant"
    lines, used, needed = [], set(), set()

    def note(annotation):
        names = {n.id for n in ast.walk(ast.parse(annotation)) if isinstance(n, ast.Name)}
        needed.update(imports[n] for n in names if n in imports and not hasattr(builtins, n))
        return annotation

    def line(parameter, default, mark=''):
        annotation, constant = annotate(function.name, parameter)
        used.update({constant} - {''} | ({'Windows'} if '_Windows' in annotation else set()))
        simple = default is None or isinstance(default, (ast.Constant, ast.UnaryOp))
        end = '' if default is None else f' = {ast.unparse(default) if simple else "..."}'
        lines.append(f'    {mark}{parameter.arg}: {note(annotation)}{end},')

    a = as_called(function)
    defaults = [None] * (len(a.args) - len(a.defaults)) + a.defaults
    for parameter, default in zip(a.args, defaults, strict=True):
        line(parameter, default)
    if a.vararg:
        line(a.vararg, None, '*')
    elif a.kwonlyargs:
        lines.append('    *,')
    for parameter, default in zip(a.kwonlyargs, a.kw_defaults, strict=True):
        line(parameter, default)
    if a.kwarg:
        line(a.kwarg, None, '**')
    returns = note(ast.unparse(function.returns).strip('"\'') if function.returns else 'Any')
    text = '\n'.join([f'def {function.name}(', *lines, f') -> {returns}: ...'])
    return (text, used, needed) if used else None


def write_stubs(lib=ROOT / 'twossp'):
    "Write both stubs"
    homes = read_homes((lib / 'all.py').read_text(encoding='utf-8'))
    values, trees = read_values(lib), {}
    functions, used, needed, plain = [], set(), set(), []
    probe = (lib / 'pruning/probe.py').read_text(encoding='utf-8')
    common = find_imports(ast.parse(probe), 'pruning.probe')  # of the options of all methods
    for name, module in sorted(homes.items()):
        if module not in trees:
            source = (lib / f'{module.replace(".", "/")}.py').read_text(encoding='utf-8')
            trees[module] = ast.parse(source)
        own = [n for n in trees[module].body if isinstance(n, ast.FunctionDef)]
        defined = [n for n in own if n.name == name]
        contexts = [ast.unparse(d) for n in defined for d in n.decorator_list]
        stub = None
        if defined and 'contextmanager' not in contexts:
            stub = stub_of(defined[-1], common | find_imports(trees[module], module))
        if stub is None:
            plain.append(f'from .{module} import {name} as {name}')
            continue
        functions.append(stub[0])
        used |= stub[1]
        needed |= stub[2]
    kinds = []
    for name in sorted(used & values.keys()):
        names = ', '.join(f'"{x}"' for x in values[name])
        wrapped = textwrap.wrap(names, 84, break_long_words=False, break_on_hyphens=False)
        lines = ''.join(f'    {x}\n' for x in wrapped)
        kinds.append(f'_{name.strip("_").title()}: TypeAlias = Literal[\n{lines}]\n')
    imports = {'from typing import Any, Literal, Protocol, TypeAlias'}
    imports |= {x for x in needed if x.rpartition(' ')[2] not in homes}
    mapping = {x for x in imports if x.startswith('from collections.abc import ')}
    abc = {x.rpartition(' ')[2] for x in mapping} | {'Mapping', 'Sequence'}
    imports = imports - mapping | {f'from collections.abc import {", ".join(sorted(abc))}'}
    windows = '_Windows: TypeAlias = Sequence[Any] | Mapping[str, Any] | _Table\n'
    about = 'Types of the public names; of names in registries, these names'
    outside = sorted(x for x in imports if not x.startswith('from .'))
    inside = sorted({*(x for x in imports if x.startswith('from .')), *plain})
    text = '\n'.join([HEAD.format(about), *outside, '', *inside, TABLE, windows, *kinds])
    text += '\n' + '\n\n'.join(functions) + '\n'
    (lib / 'all.pyi').write_text(text, encoding='utf-8')
    names = ''.join(f'from .all import {name} as {name}\n' for name in sorted(homes))
    about = 'The public names, for type checkers: any other is an error'
    text = f'{HEAD.format(about)}\n{names}\n__version__: str\n'
    (lib / '__init__.pyi').write_text(text, encoding='utf-8')


if __name__ == '__main__':
    write_stubs()
