"""How `show_doc` shows a function or class: signature, docstring, and a table of its
parameters

nbdev uses `TableRenderer` because settings.ini says `renderer =
tools.showdoc.TableRenderer`. Needed for the documentation only. """

import html, inspect, re
from importlib import import_module
from fastcore.docments import docments
from nbdev.config import get_config
from nbdev.showdoc import BasicMarkdownRenderer
from tools.docstrings import head

empty = inspect.Parameter.empty
PREFIX = {inspect.Parameter.VAR_POSITIONAL: '*', inspect.Parameter.VAR_KEYWORD: '**'}


def type_name(anno):
    "An annotation as it is written in code: `int`, `dict[str, Arch]`, `Tensor | None`"
    s = (
        ''
        if anno is empty
        else anno if isinstance(anno, str) else inspect.formatannotation(anno)
    )
    return re.sub(r'\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])', '', s)


def default_name(o):
    "A default as it is written in code; functions and classes by name"
    return (
        ''
        if o is empty
        else getattr(o, '__name__', None) or re.sub(r' at 0x\w+', '', repr(o))
    )


def code(s):
    "Inline code for a table's cell, as HTML: Markdown's readers disagree on `|` in backticks"
    if not s:
        return ''
    return f'<code>{html.escape(s, quote=False).replace("|", "&#124;")}</code>'


def row(cells):
    return f'| {" | ".join(cells)} |'


def details(s):
    return ' '.join((s or '').replace('|', r'\|').split())


def own_params(sig):
    "The parameters but for `self` and `cls`"
    return [
        p
        for i, p in enumerate(sig.parameters.values())
        if i or p.name not in ('self', 'cls')
    ]


def signature_str(sym, name, sig, width=84):
    "`def f(a: int, b=1) -> str`, one parameter a line when it is too long for one line"
    ps = [
        PREFIX.get(p.kind, '')
        + p.name
        + (f': {t}' if (t := type_name(p.annotation)) else '')
        + (
            f'{" = " if t else "="}{default_name(p.default)}'
            if p.default is not empty
            else ''
        )
        for p in own_params(sig)
    ]
    stars = [i for i, p in enumerate(own_params(sig)) if p.kind is p.KEYWORD_ONLY]
    if stars and not any(o.startswith('*') for o in ps):
        ps.insert(stars[0], '*')
    head = f'{"class" if inspect.isclass(sym) else "def"} {name}('
    tail = ')' + (
        f' -> {r}'
        if not inspect.isclass(sym) and (r := type_name(sig.return_annotation))
        else ''
    )
    one = f'{head}{", ".join(ps)}{tail}'
    return (
        one if len(one) <= width else head + '\n    ' + ',\n    '.join(ps) + '\n' + tail
    )


def param_table(sym, sig):
    "Markdown table of the parameters and the return of `sym`; empty where nothing is said"
    dm = docments(sym, full=True)
    said = lambda k: details((dm.get(k) or {}).get('docment'))
    rows = [
        (
            code(p.name),
            code(type_name(p.annotation)),
            code(default_name(p.default)),
            said(p.name),
        )
        for p in own_params(sig)
    ]
    if not inspect.isclass(sym) and said('return'):
        rows.append(
            ('**Returns**', code(type_name(sig.return_annotation)), '', said('return'))
        )
    if not any(r[3] for r in rows):
        return ''
    head = ['', '**Type**', '**Default**', '**Details**']
    keep = [i for i in range(4) if i in (0, 3) or any(r[i] for r in rows)]
    return '\n'.join(row([r[i] for i in keep]) for r in [head, ['---'] * 4, *rows])


def exported(sym):
    """A class defined in a notebook has no source to read comments from: its twin in the
    exported module has"""
    if not inspect.isclass(sym) or sym.__module__ != '__main__':
        return sym
    lib = get_config().lib_name
    for mod, names in import_module(f'{lib}._modidx').d['syms'].items():
        if f'{mod}.{sym.__qualname__}' in names:
            return getattr(import_module(mod), sym.__name__, sym)
    return sym


class TableRenderer(BasicMarkdownRenderer):
    "nbdev's renderer, with types and comments in a table under a plain signature"

    def __init__(self, sym, name=None, title_level=3, maxline=110):
        sym, self.table = inspect.unwrap(exported(sym)), ''
        try:
            super().__init__(sym, name=name, title_level=title_level, maxline=maxline)
        except (NameError, SyntaxError):
            # annotations with names that only their own module knows, or the source of
            # an inherited `__init__` that is no source (matplotlib's Figure)
            self.outline(sym, name, title_level)
        # what tools/docstrings.py adds for `help` is in the table
        self.docs = head(self.docs)
        if not callable(sym) or self.sig is None:
            return
        self.table = param_table(sym, self.sig)
        if self.table:
            self.dm = signature_str(sym, self.nm, self.sig)

    def outline(self, sym, name, title_level):
        """What can be said with annotations left as they are written; of a class that
        inherits its parameters, only its bases"""
        self.title_level, self.nm = title_level, name or sym.__qualname__
        self.fn = f'{sym.__module__}.{sym.__qualname__}'
        self.docs = inspect.cleandoc(sym.__doc__ or '')
        if inspect.isclass(sym):
            self.sig = None
            bases = ', '.join(b.__name__ for b in sym.__bases__)
            self.dm = f'class {self.nm}({bases})'
        else:
            self.sig = inspect.signature(sym)
            self.dm = signature_str(sym, self.nm, self.sig)

    def _repr_markdown_(self):
        res = super()._repr_markdown_()
        if not self.table:
            return res
        return f'{res}\n\n::: {{.parameters}}\n\n{self.table}\n\n:::'
