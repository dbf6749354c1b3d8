"""How `show_doc` shows a function or class: signature, docstring, and a table of its
parameters

nbdev uses `TableRenderer` because settings.ini says `renderer =
tools.showdoc.TableRenderer`. Needed for the documentation only. """

import ast
import html
import inspect
import re
import textwrap
from importlib import import_module
from operator import attrgetter
from pathlib import Path

from nbdev.config import get_config
from nbdev.showdoc import BasicMarkdownRenderer

from tools.docstrings import FUNCTIONS, describe, quote, read_comments


def home(sym):
    """The module that exports what a notebook defines, of several that define such a name the one
    with the same docstring; its own module otherwise; '' for neither"""
    if sym.__module__ != '__main__':
        return sym.__module__
    index = import_module(f'{get_config().lib_name}._modidx').d['syms']
    modules = [m for m, names in index.items() if f'{m}.{sym.__qualname__}' in names]
    defined = {m: attrgetter(sym.__qualname__)(import_module(m)) for m in modules}
    same = [m for m, x in defined.items() if inspect.getdoc(x) == inspect.getdoc(sym)]
    return next(iter(same + modules), '')


def exported(sym):
    """A class defined in a notebook has no source to read comments from: its twin in the
    exported module has"""
    if not inspect.isclass(sym) or not home(sym):
        return sym
    return getattr(import_module(home(sym)), sym.__name__, sym)


def source_link(module, qualname):
    "Address of a definition's first line on GitHub; '' where a module does not define it"
    file = getattr(import_module(module), '__file__', None) if module else None
    body = ast.parse(Path(file).read_text(encoding='utf-8')).body if file else []
    node = None
    for name in qualname.split('.'):
        found = [n for n in body if getattr(n, 'name', '') == name]
        node = found[-1] if found else None
        body = getattr(node, 'body', [])
    if node is None:
        return ''
    config = get_config()
    path = f'{module.replace(".", "/")}.py'
    if Path(file).name == '__init__.py':
        path = f'{module.replace(".", "/")}/__init__.py'
    return f'{config.git_url}/blob/{config.branch}/{path}#L{node.lineno}'


def joined(docs):
    "A docstring whose summary is one line: italics end with a line"
    summary, blank, rest = docs.partition('\n\n')
    return f'{" ".join(summary.split())}{blank}{rest}'


def read_definition(sym):
    "(syntax tree, comments) of a function or class; None where there is no source"
    try:
        source = textwrap.dedent(inspect.getsource(sym))
        node = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError):
        return None
    known = isinstance(node, (*FUNCTIONS, ast.ClassDef))
    return (node, read_comments(source)) if known else None


def short(kind):
    "A type without the modules of its names: `Tensor | None`"
    return re.sub(r'\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])', '', kind)


def write(default):
    "A default as it is written in code"
    return '' if default is None else ast.unparse(default)


def write_param(name, kind, default):
    "A parameter as it stands in a signature: `a: int = 1`, `*b`, `c=2`"
    equals = '' if default is None else ' = ' if kind else '='
    return name + (f': {short(kind)}' if kind else '') + equals + write(default)


def write_signature(node, name, rows, returned, width=84):
    "`def f(a: int, b=1) -> str`, one parameter a line when it is too long for one line"
    is_class = isinstance(node, ast.ClassDef)
    if is_class and not rows:
        return f'class {name}({", ".join(map(ast.unparse, node.bases))})'
    params = [write_param(*row[:3]) for row in rows]
    if not is_class and node.args.kwonlyargs and not node.args.vararg:
        first = node.args.kwonlyargs[0].arg
        params.insert([row[0] for row in rows].index(first), '*')
    start = f'{"class" if is_class else "def"} {name}('
    end = f') -> {short(returned)}' if returned else ')'
    line = f'{start}{", ".join(params)}{end}'
    return line if len(line) <= width else f'{start}\n    ' + ',\n    '.join(params) + f'\n{end}'


def code(text):
    "Inline code for a table's cell, as HTML: Markdown's readers disagree on `|` in backticks"
    escaped = html.escape(text, quote=False).replace('|', '&#124;')
    return f'<code>{escaped}</code>' if text else ''


def write_table(rows, returned):
    "Markdown table of the parameters and the return; empty where nothing is said"
    lines = [(code(n), code(short(kind)), code(write(d)), quote(text)) for n, kind, d, text in rows]
    if returned[1]:
        lines.append(('**Returns**', code(short(returned[0])), '', quote(returned[1])))
    if not any(line[3] for line in lines):
        return ''
    keep = [i for i in range(4) if i in (0, 3) or any(line[i] for line in lines)]
    lines = [['', '**Type**', '**Default**', '**Details**'], ['---'] * 4, *lines]
    cells = lambda line: ' | '.join(line[i].replace('|', r'\|') for i in keep)
    return '\n'.join(f'| {cells(line)} |' for line in lines)


class TableRenderer(BasicMarkdownRenderer):
    "nbdev's renderer, with types and comments in a table under a plain signature"

    def __init__(self, sym, name=None, title_level=3, maxline=110):
        sym, self.table, self.source = inspect.unwrap(exported(sym)), '', ''
        found = read_definition(sym)
        if found is None:
            super().__init__(sym, name=name, title_level=title_level, maxline=maxline)
            return
        rows, returned = describe(*found)
        self.title_level, self.nm = title_level, name or sym.__qualname__
        self.fn = f'{sym.__module__}.{sym.__qualname__}'
        self.source = source_link(home(sym), sym.__qualname__)
        self.docs = joined(inspect.cleandoc(sym.__doc__ or ''))
        self.dm = write_signature(found[0], self.nm, rows, returned[0])
        self.table = write_table(rows, returned)

    def _repr_markdown_(self):
        text = super()._repr_markdown_()
        if self.source:  # nbdev's own has no line, and none for what a notebook defines
            text = re.sub(r'^---\n\n(\[source\]\(.*\n\n)?', '---\n\n' + self.link(), text, count=1)
        text = text.replace('.py#LNone)', '.py)')
        return f'{text}\n\n::: {{.parameters}}\n\n{self.table}\n\n:::' if self.table else text

    def link(self):
        "The link to the source"
        style = '{target="_blank" style="float:right; font-size:smaller"}'
        return f'[source]({self.source}){style}\n\n'
