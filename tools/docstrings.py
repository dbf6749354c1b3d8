"""Carries docments into docstrings: comments behind parameters become text that Python can see

`help(two_ssp)`, Shift-Tab in JupyterLab and an editor's hover read docstrings; a docment is a
comment, and says nothing there. The modules in the checkout are as nbdev_export writes them, and
`two_ssp??` shows the comments. When a wheel or an sdist is built, setup.py adds numpy's sections
(Parameters, Returns) to the docstrings of the names that `twossp.all` offers, and of their
methods. It needs nothing but the standard library. On what it gave before, it changes nothing.
"""

import ast
import io
import re
import textwrap
import tokenize
from functools import cache
from pathlib import Path

WIDTH = 96  # of a line, its indent included
RULE = re.compile(r'\n\n(?:Parameters|Returns)\n-{3,}\n')
FUNCTIONS = ast.FunctionDef, ast.AsyncFunctionDef
RUN_OPTIONS = Path(__file__).parents[1] / 'twossp/engine/entries.py'  # module of `RunOptions`
MODEL = 'model', 'PreTrainedModel', None, 'dense, of a supported family; untouched'
WINDOWS = 'calib', 'torch.Tensor | Calibration', None, '(n, t) calibration windows'


def head(doc):
    "A docstring without the sections that this tool adds"
    return RULE.split(doc or '', maxsplit=1)[0].rstrip()


def quote(text):
    "Flags in a text as code; what is code already stays"
    flag = lambda m: m[0] if m[1] else f'`{m[0]}`'
    return re.sub(r'(`[^`]*`)|(?<![`\w-])--[a-z]\w*', flag, text)


# --- what comments say


def read_comments(source):
    "({line: comment behind code}, {line: comment that stands alone})"
    behind, alone = {}, {}
    for t in tokenize.generate_tokens(io.StringIO(source).readline):
        if t.type == tokenize.COMMENT:
            where = behind if t.line[: t.start[1]].strip() else alone
            where[t.start[0]] = t.string.lstrip('#').strip()
    return behind, alone


def take_comment(comments, first, last, top):
    "The comment behind lines `first` to `last`, else those alone just above, below line `top`"
    behind, alone = comments
    for line in range(last, first - 1, -1):
        if line in behind:
            return behind.pop(line)
    above, line = [], first - 1
    while line > top and line in alone:
        above.insert(0, alone.pop(line))
        line -= 1
    return ' '.join(above)


def type_name(annotation):
    "An annotation as it is written in code; one in quotes without them"
    return ast.unparse(annotation).strip("'") if annotation is not None else ''


def list_args(args):
    "[(name as it is shown, node, default)], in their order, without self and cls"
    plain = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(plain) - len(args.defaults)) + args.defaults
    rows = [(a.arg, a, d) for a, d in zip(plain, defaults, strict=True)]
    rows = rows[1:] if plain and plain[0].arg in ('self', 'cls') else rows
    rows += [(f'*{a.arg}', a, None) for a in [args.vararg] if a]
    rows += [(a.arg, a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    return rows + [(f'**{a.arg}', a, None) for a in [args.kwarg] if a]


def describe_function(node, comments):
    "[(name, type, default, text)] of the parameters, and (type, text) of what is returned"
    rows, end = [], node.lineno
    for name, a, default in list_args(node.args):
        end = (default or a).end_lineno
        # behind `def f(x) -> int:` it is the return's
        one_line = node.returns is not None and node.returns.end_lineno == end
        text = '' if one_line else take_comment(comments, a.lineno, end, node.lineno)
        rows.append((name, type_name(a.annotation), default, text))
    last = node.body[0].lineno - 1
    text = take_comment(comments, end, last, last)
    lowest = max((line for line in comments[1] if end < line <= last), default=end)
    text = text or take_comment(comments, lowest + 1, lowest, end)
    if (taken := read_taken(node)) is not None:
        rows = [MODEL, WINDOWS, *rows[1:], *taken]
    return rows, (type_name(node.returns), text)


@cache
def read_run_options():
    "{name: (name, type, default, text)} of the options that runs have beside a method's own"
    source = RUN_OPTIONS.read_text(encoding='utf-8')
    classes = [n for n in ast.parse(source).body if isinstance(n, ast.ClassDef)]
    (node,) = [n for n in classes if n.name == 'RunOptions']
    return {row[0]: row for row in describe(node, read_comments(source))[0]}


def read_taken(node):
    """What users give a method `(probe, target, *, options)` beside its own options, as rows;
    None for any other function"""
    calls = [d for d in node.decorator_list if isinstance(d, ast.Call)]
    planners = [d for d in calls if getattr(d.func, 'id', '') == 'planner']
    if not planners or len(node.args.args) != 2:
        return None
    given = {k.arg: k.value for k in planners[0].keywords}
    names = ast.literal_eval(given['takes']) if 'takes' in given else ()
    changed = given.get('defaults', ast.Dict([], []))
    defaults = {k.value: v for k, v in zip(changed.keys, changed.values, strict=True)}
    rows = [read_run_options()[k] for k in (*names, 'progress', 'log')]
    return [(k, kind, defaults.get(k, default), text) for k, kind, default, text in rows]


def read_field(value, switch=False):
    """(default, text) of a dataclass's field, where `field(…)`, `flag(text, default)` or
    `word(text)` stands for the default"""
    name = getattr(getattr(value, 'func', None), 'id', '')
    if name == 'field':  # of `field(default_factory=dict)` it is `dict()`
        given = {k.arg: k.value for k in value.keywords}
        factory = given.get('default_factory')
        return ast.Call(factory, [], []) if factory else given.get('default'), ''
    if name not in ('flag', 'positional'):
        return value, ''
    text, *given = value.args
    default = [*given, ast.Constant(False if switch else None) if name == 'flag' else None][0]
    return default, text.value.replace('%%', '%') if isinstance(text, ast.Constant) else ''


def describe(node, comments):
    "The same of a function or class: of its fields, or of what `__init__` takes"
    if isinstance(node, FUNCTIONS):
        return describe_function(node, comments)
    for f in node.body:
        if isinstance(f, ast.FunctionDef) and f.name == '__init__':
            return describe_function(f, comments)[0], ('', '')
    is_data, rows = any('dataclass' in ast.unparse(d) for d in node.decorator_list), []
    for f in (f for f in node.body if isinstance(f, ast.AnnAssign) and is_data):
        default, text = read_field(f.value, getattr(f.annotation, 'id', '') == 'bool')
        text = take_comment(comments, f.lineno, f.end_lineno, node.lineno) or text
        rows.append((f.target.id, type_name(f.annotation), default, text))
    return rows, ('', '')


# --- docstrings


def head_line(name, kind, default):
    "A parameter with its type, and its default if that is short"
    value = '' if default is None or isinstance(default, ast.Call) else ast.unparse(default)
    kinds = [kind, f'default {value}' if 0 < len(value) <= 30 else '']
    return ' : '.join(filter(None, [name, ', '.join(filter(None, kinds))]))


def write_section(title, entries, indent):
    "Lines of a numpy section"
    wrap = textwrap.TextWrapper(
        WIDTH - indent, initial_indent='    ', subsequent_indent='    ',
        break_long_words=False, break_on_hyphens=False,
    )
    lines = [line for name, text in entries for line in (name, *wrap.wrap(text))]
    return ['', title, '-' * len(title), *lines]


def write_doc(node, comments):
    "The source lines of a definition's docstring, with sections where something is documented"
    rows, (returned, text) = describe(node, comments)
    indent, lines = node.body[0].col_offset, head(ast.get_docstring(node)).splitlines()
    if any(words for *_, words in rows):
        entries = [(head_line(*row[:3]), row[3]) for row in rows]
        lines += write_section('Parameters', entries, indent)
    if text:
        lines += write_section('Returns', [(returned or 'object', text)], indent)
    raw, pad = 'r' if any('\\' in x for x in lines) else '', ' ' * indent
    if len(lines) == 1 and '"' not in lines[0]:
        return [f'{pad}{raw}"{lines[0]}"']
    body = [f'{pad}{x}'.rstrip() for x in lines[1:]]
    return [f'{pad}{raw}"""{lines[0]}', *body, f'{pad}"""']


def list_documented(tree, names):
    "The definitions of these names, and their public methods, that have a docstring"
    found = [n for n in tree.body if isinstance(n, (*FUNCTIONS, ast.ClassDef)) and n.name in names]
    classes = [n for n in found if isinstance(n, ast.ClassDef)]
    methods = [f for c in classes for f in c.body if isinstance(f, FUNCTIONS) and f.name[0] != '_']
    return [n for n in [*found, *methods] if ast.get_docstring(n)]


def read_homes(source, package='twossp'):
    "{public name: the module below `package`} that `twossp.all` imports it from"
    imports = [n for n in ast.parse(source).body if isinstance(n, ast.ImportFrom)]
    return {a.name: n.module.removeprefix(f'{package}.') for n in imports for a in n.names}


def carry(source, names):
    "A module's text with the sections in the docstrings of these names"
    lines, comments = source.split('\n'), read_comments(source)
    found = list_documented(ast.parse(source), names)
    for node in sorted(found, key=lambda n: -n.body[0].lineno):
        at = node.body[0]
        lines[at.lineno - 1 : at.end_lineno] = write_doc(node, comments)
    return '\n'.join(lines)


def list_public(folder):
    "{module's file: the public names that it defines} of the package in `folder`"
    files = {}
    for name, module in read_homes((folder / 'all.py').read_text(encoding='utf-8')).items():
        file = folder / f'{module.replace(".", "/")}.py'
        files.setdefault(file, set()).add(name)
    return files


def carry_package(folder):
    "The modules of a built package, in place, with the sections of its public names"
    for file, names in list_public(folder).items():
        text = carry(file.read_text(encoding='utf-8'), names)
        file.write_text(text, encoding='utf-8')
