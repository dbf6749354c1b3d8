"""How much one has to hold in mind: where kinds of parts are named outside the modules that
define them, and what one `twossp prune` meets on its way

usage: python -m tools.ideas kinds         lines that name FFNs, attention, heads or experts
       python -m tools.ideas concepts      classes, registries and repeated work of one prune
"""

import ast
import contextlib
import inspect
import io
import re
import sys
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from pkgutil import resolve_name

ROOT = Path(__file__).resolve().parent.parent
KIND = re.compile(r'ffns?|attn|attentions?|heads?|experts?|groups?|grouped')  # a whole word
HOME = 'model/slots.py', 'model/parts.py', 'model/structure.py'  # where kinds are defined
COUNTED = {  # what a prune should do once: a label, and the functions that do it
    'validations of the calibration': ('engine.calibration:_check_fields',),
    'hashes of the calibration': ('engine.calibration:identity',),
    'tokenizations': ('texts.data:encode_texts', 'texts.sources:chat_tokens'),
    'reads of all weights': (
        'records.identity:_weights_checksum',
        'records.identity:_read_weights',
        'engine.statistics:_sum_bits',
    ),
    'calls of structure': ('model.parts:structure', 'model.structure:structure'),
    'calls of arch': ('model.families:arch',),
}

# --- kinds of parts, by the syntax tree


def without_docstrings(tree):
    "The nodes of a module, without the strings that document it"
    documents = set()
    for node in ast.walk(tree):
        body = getattr(node, 'body', None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            documents.add(id(body[0].value))
    return (n for n in ast.walk(tree) if id(n) not in documents)


def words_of(node):
    "The names and strings that a node itself writes"
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    fields = 'id', 'attr', 'arg', 'name', 'asname'
    names = [getattr(node, f, None) for f in fields]
    return [n for n in names if isinstance(n, str)]


def kind_lines(source):
    "Numbers of the lines that name a kind of part: names, attributes and strings, no comments"
    found = set()
    for node in without_docstrings(ast.parse(source)):
        if any(KIND.fullmatch(word.strip('_').lower()) for word in words_of(node)):
            found.add(getattr(node, 'lineno', 0))
    return found - {0}


def count_kinds(lib=ROOT / 'twossp'):
    "{module: lines that name a kind of part}, without the modules that define the kinds"
    paths = [p for p in sorted(lib.rglob('*.py')) if p.name != '_modidx.py']
    names = {p: p.relative_to(lib).as_posix() for p in paths}
    lines = {names[p]: len(kind_lines(p.read_text(encoding='utf-8'))) for p in paths}
    return {name: n for name, n in lines.items() if n and name not in HOME}


# --- what a prune meets, by a profile of its calls


class Trace:
    "The functions of `twossp` that run, and the classes of what they are given and return"

    def __init__(self):
        self.calls = Counter()
        self.types = set()
        self.codes = {}
        self.importing = 0  # modules whose body runs

    def __call__(self, frame, event, value):
        "The function for `sys.setprofile`"
        name = frame.f_globals.get('__name__') or ''
        if event not in ('call', 'return') or not name.startswith('twossp.'):
            return
        code = frame.f_code
        if code.co_name == '<module>':
            self.importing += 1 if event == 'call' else -1
        if self.importing:  # what a module defines is not met before a function uses it
            return
        if event == 'return':
            self.types.add(type(value))
            return
        self.calls[f'{name[7:]}:{code.co_name}'] += 1
        self.codes[code] = name
        given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        values = frame.f_locals
        self.types |= {type(values[x]) for x in given if x in values}

    def tables(self):
        "{name: the registry or table of constants} that a function which ran names"
        known = dictionaries()
        found = {}
        for code, name in self.codes.items():
            values = (vars(sys.modules[name]).get(k) for k in code.co_names)
            found |= {known[id(v)]: v for v in values if id(v) in known}
        return found

    def concepts(self):
        """{idea: names of the classes and tables that it consists of}, by this rule.

        What counts: each class of this package of which a function that ran was given or returned
        an instance (its methods' `self` too; named tuples as much as dataclasses), and each
        dictionary under a public name in capitals that a function which ran names. What a module
        makes while it is imported, and no function uses, does not count.
        What is one idea: a class with its subclasses; a registry with the class of its rows, or
        with the classes that are its rows, and with the functions that it names; the classes of
        options of the command line (one class a command, put together of groups).
        What is none: a private class, which no other module may import; an exception; a class that
        is made at run time, of a configuration of transformers for instance; a table of constants
        (text, numbers, dtypes, tuples of them) that no other module writes into. Such a table
        counts after all if it is public and no other module reads it: it could be private."""
        bases = {k for t in self.types for k in t.__mro__}
        classes = {k for k in bases if is_written(k) and is_public(k)}
        ideas = {}
        for k in classes:
            ideas.setdefault(root_of(k), set()).add(title(k))
        for name, table in self.tables().items():
            rows = [*leaves(table)]
            kinds = {k for row in rows for k in [row if isinstance(row, type) else type(row)]}
            roots = {root_of(k) for k in kinds if k.__module__.startswith('twossp.')}
            if roots:  # with all classes of its rows, one idea
                met = sorted(roots & ideas.keys()) or [min(roots)]
                members = set().union(*(ideas.pop(r, ()) for r in met))
                ideas[met[0]] = members | {name}
            elif any(map(callable, rows)) or not is_constant(name):
                ideas[name] = {name}
        return {idea: sorted(members) for idea, members in sorted(ideas.items())}


def is_public(kind):
    "Whether a class is one that a reader of other modules meets"
    return not kind.__qualname__.startswith('_') and not issubclass(kind, BaseException)


def is_written(kind):
    "Whether a class stands in a module of this package: others are made at run time"
    if not kind.__module__.startswith('twossp.'):
        return False
    return kind.__qualname__.partition('.')[0] in assigned(sys.modules[kind.__module__])


def title(kind):
    "A class by its module and name"
    return f'{kind.__module__[7:]}.{kind.__qualname__}'


def root_of(kind):
    "The idea that a class belongs to: the most general public class that it comes from"
    own = [k for k in kind.__mro__ if k.__module__.startswith('twossp.') and is_public(k)]
    name = title(own[-1] if own else kind)
    return re.sub(r'\.options\.\w*Options$', '.options.Options', name)


def leaves(table):
    "The rows of a table: those of its inner tables, and what dotted names stand for"
    for row in table.values():
        if isinstance(row, dict):
            yield from leaves(row)
        elif isinstance(row, str) and re.fullmatch(r'twossp(\.\w+)+:\w+', row):
            yield resolve_name(row)
        else:
            yield row


def dictionaries():
    "{identity: name} of the dictionaries under a public name in capitals, where they are made"
    found = {}
    for name, module in sorted(sys.modules.items()):
        if name.startswith('twossp.'):
            made = assigned(module)
            tables = {k: v for k, v in vars(module).items() if k.isupper() and k in made}
            tables = {k: v for k, v in tables.items() if k[0] != '_' and isinstance(v, dict)}
            found |= {id(v): f'{name[7:]}.{k}' for k, v in tables.items()}
    return found


@cache
def assigned(module):
    "The names that the top level of a module's source gives: classes and what it assigns"
    found = set()
    for node in ast.parse(Path(module.__file__).read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = getattr(node, 'targets', None) or [node.target]
            found |= {t.id for t in targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.ClassDef):
            found.add(node.name)
    return found


def is_constant(table):
    "Whether another module reads a table, and none writes into it"
    home, _, name = table.rpartition('.')
    reads = False
    for path in package_files():
        if path.as_posix().endswith(f'twossp/{home.replace(".", "/")}.py'):
            continue
        source = path.read_text(encoding='utf-8')
        if re.search(rf'\b{name}\b', source) is None:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                reads |= name in {alias.name for alias in node.names}
            target = node.value if isinstance(node, ast.Subscript) else None
            if isinstance(getattr(node, 'ctx', None), ast.Store) and target is not None:
                if name in (getattr(target, 'id', ''), getattr(target, 'attr', '')):
                    return False
    return reads


def package_files():
    "The modules of the package that is imported"
    import twossp

    lib = Path(twossp.__file__).parent
    return [p for p in sorted(lib.rglob('*.py')) if p.name != '_modidx.py']


def trace_prune(*more):
    "The trace of a `twossp prune --save` of a tiny Llama, calibrated on a text of its own"
    from twossp.cli.main import main
    from twossp.model.testing import byte_tokenizer, tiny_model

    words = 'the model reads a text and every layer adds what it has found in it '.split()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        place = Path(folder)
        tiny_model('llama').save_pretrained(place / 'model')
        byte_tokenizer().save_pretrained(place / 'model')
        text = '\n\n'.join(' '.join(words[i % 7 :] * 9) for i in range(60))
        (place / 'text.txt').write_text(text, encoding='utf-8')
        asked = ['--model', place / 'model', '--pruning_method', '2ssp', '--sparsity_rate', 0.25]
        asked += ['--calibration', place / 'text.txt', '--n_samples', 8, '--seq_len', 64]
        asked += ['--save', place / 'out', '--cache_dir', place / 'cache', '--quiet', *more]
        trace = Trace()
        sys.setprofile(trace)
        try:
            code = main([str(word) for word in asked])
        finally:
            sys.setprofile(None)
    if code:
        raise RuntimeError(f'the command ended with code {code}')
    return trace


def repeated(trace):
    "{what should be done once: how often it was done}"
    return {label: sum(trace.calls[f] for f in names) for label, names in COUNTED.items()}


def main(what=''):
    "Print one of the two"
    if what == 'kinds':
        lines = count_kinds()
        for name, n in sorted(lines.items(), key=lambda item: -item[1]):
            print(f'{n:5} {name}')
        print(f'{sum(lines.values()):5} in {len(lines)} modules outside {", ".join(HOME)}')
    elif what == 'concepts':
        trace = trace_prune()
        met = trace.concepts()
        for idea, members in met.items():
            others = ', '.join(m for m in members if m != idea)
            print(f'{idea}{f" (with {others})" if others else ""}')
        print(f'{len(met)} concepts, {sum(map(len, met.values()))} classes and registries')
        for label, n in repeated(trace).items():
            print(f'{n:5} {label}')
    else:
        sys.exit(inspect.getdoc(sys.modules[__name__]))


if __name__ == '__main__':
    main(*sys.argv[1:])
