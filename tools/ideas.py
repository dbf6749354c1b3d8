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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KIND = re.compile(r'ffns?|attn|attentions?|heads?|experts?|groups?|grouped')  # a whole word
HOME = 'core/slots.py', 'core/parts.py', 'core/structure.py'  # where kinds are defined
COUNTED = {  # what a prune should do once: a label, and the functions that do it
    'validations of the calibration': ('runtime.calibration:_check_fields',),
    'hashes of the calibration': ('runtime.calibration:identity',),
    'tokenizations': ('runtime.data:encode_texts', 'runtime.sources:chat_tokens'),
    'reads of all weights': (
        'runtime.identity:_weights_checksum',
        'runtime.identity:_read_weights',
        'runtime.statistics:_sum_bits',
    ),
    'calls of structure': ('core.parts:structure', 'core.structure:structure'),
    'calls of arch': ('core.families:arch',),
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


def registries():
    "{identity of a table: its name}: dictionaries under a name in capitals, where they are made"
    found = {}
    for name, module in sorted(sys.modules.items()):
        if name.startswith('twossp.'):
            made = assigned(module)
            tables = {k: v for k, v in vars(module).items() if k.isupper() and k in made}
            found |= {id(v): f'{name[7:]}.{k}' for k, v in tables.items() if isinstance(v, dict)}
    return found


def assigned(module):
    "The names that the top level of a module's source assigns, imports left out"
    found = set()
    for node in ast.parse(Path(module.__file__).read_text(encoding='utf-8')).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = getattr(node, 'targets', None) or [node.target]
            found |= {t.id for t in targets if isinstance(t, ast.Name)}
    return found


class Trace:
    "The functions of `twossp` that run, and the classes whose methods or instances they use"

    def __init__(self):
        self.calls = Counter()
        self.classes = set()
        self.codes = {}

    def __call__(self, frame, event, value):
        "The function for `sys.setprofile`"
        name = frame.f_globals.get('__name__') or ''
        if event != 'call' or not name.startswith('twossp.'):
            return
        code = frame.f_code
        self.calls[f'{name[7:]}:{code.co_name}'] += 1
        self.codes[code] = name
        owner = frame.f_locals.get('self')
        if owner is not None:
            kinds = [k for k in type(owner).__mro__ if k.__module__.startswith('twossp.')]
            self.classes |= {f'{k.__module__[7:]}.{k.__qualname__}' for k in kinds}

    def tables(self):
        "The registries that a function which ran names"
        known = registries()
        found = set()
        for code, name in self.codes.items():
            values = (vars(sys.modules[name]).get(k) for k in code.co_names)
            found |= {known[id(v)] for v in values if id(v) in known}
        return found

    def concepts(self):
        "{folder: the names of its classes and registries}, private ones left out"
        met = sorted(self.classes | self.tables())
        public = [m for m in met if not m.rpartition('.')[2].startswith('_')]
        groups = [m for m in public if m.endswith('Options') and m != 'request.options.Options']
        public = [m for m in public if m not in groups]  # groups of flags are one idea
        folders = sorted({m.partition('.')[0] for m in public})
        return {f: [m for m in public if m.startswith(f'{f}.')] for f in folders}


def trace_prune(*more):
    "The trace of a `twossp prune --save` of a tiny Llama, calibrated on a text of its own"
    from twossp.cli.main import main
    from twossp.core.testing import byte_tokenizer, tiny_model

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
        for folder, names in met.items():
            print(f'{folder}: {", ".join(n.partition(".")[2] for n in names)}')
        print(f'{sum(map(len, met.values()))} classes and registries')
        for label, n in repeated(trace).items():
            print(f'{n:5} {label}')
    else:
        sys.exit(inspect.getdoc(sys.modules[__name__]))


if __name__ == '__main__':
    main(*sys.argv[1:])
