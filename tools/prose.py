"""Advice on texts and tests: prints what is unusual, and fails nothing

usage: python -m tools.prose [NAME ...]     only findings in what has one of these names

- words: what users read (README, CONTRIBUTING, the first page, how-to pages, `--help`, errors)
  says what the field says
- private names: docstrings name nothing that nobody can import
- pages: on a module's page, at most half of the visible code cells are tests
- shown: the names of `twossp.all` are used in a cell that has an output to look at
- clocks: tests that depend on how fast the machine is
"""

import ast
import json
import re
import sys

from tools import site
from tools.pytest_notebooks import is_test, parse
from tools.site import ROOT

# --- what a notebook has


def read_notebooks(nbs=ROOT / 'nbs'):
    "{name: notebook} of all there are"
    return {n: json.loads((nbs / n).read_text(encoding='utf-8')) for n in site.notebooks(nbs)}


def code_cells(nb):
    "The source of every code cell"
    return [''.join(c['source']) for c in nb['cells'] if c['cell_type'] == 'code']


def exported(source):
    "Does this code cell go into a module or a script?"
    return bool(re.match(r'#\|\s*(export[si]?|script)\b', source))


def hidden(source):
    "Does the site leave this code cell out, or show its documentation in its place?"
    return bool(re.search(r'^#\|\s*(hide|export|exporti|default_exp)\b', source, re.M))


def nodes(source):
    "Everything in the syntax tree of a cell"
    return [n for statement in parse(source)[0] for n in ast.walk(statement)]


# --- words


INSTEAD = {  # words that were used here once and mean one thing only: the field's word
    r'models? that (see|hear)s?\b': 'vision-language models',
    r'\battentions\b': 'attention modules',
    r'\bby lot\b': 'at random',
    r'\bmixtures\b|\bmixture(?!s|[ -]of)\b': 'MoE models',
    r'\bgolden (answers?|outputs?|tokens?)\b': 'reference outputs',
    r'\brehears(ed|als?)\b': 'simulated',
    r'\bturns? the stream\b': 'changes the hidden state',
    r'\b(in|with) few bits\b': 'quantized, low-bit',
    r'\bwritten windows\b|--written\b': 'synthetic text',
    r'\bquiet(est)? neurons?\b|\bloud(est)? (neurons?|channels?)\b': 'low-activation',
    r'\b(processor time|waits of the host)\b': 'CPU time, synchronizations',
    r'\bforwards\b': 'forward passes',
    r'\blikeliest\b': 'top-k',
    r'\bsame top token\b': 'top-1 agreement',
    r'\bstand-ins?\b': 'placeholder',
    r'\bin place of\b': 'instead of',
    r'\b(rivals?|whoever|anew|way out)\b': 'baselines; anyone who; again; fix',
    r'\blearns? from its dense model\b': 'is distilled from the original model',
}


def odd_words(text):
    "[(what a text says in words of its own, the usual word)], its code left out"
    prose = re.sub(r'```.*?```|`[^`\n]*`|\]\([^)]*\)', ' ', text, flags=re.S)
    return [(m[0], use) for p, use in INSTEAD.items() for m in re.finditer(p, prose, re.I)]


def raised(source):
    "The text of every error in a module, a string each"
    for n in ast.walk(ast.parse(source)):
        if isinstance(n, ast.Raise):
            strings = [s.value for s in ast.walk(n) if isinstance(s, ast.Constant)]
            yield ' '.join(s for s in strings if isinstance(s, str))


def read_modules(lib=ROOT / 'twossp'):
    "{module: source} of the package"
    names = {p: '.'.join(p.relative_to(lib).with_suffix('').parts) for p in lib.rglob('*.py')}
    return {name: p.read_text(encoding='utf-8') for p, name in sorted(names.items())}


def read_by_users(notebooks):
    "(name, text) of what is meant for users; of a notebook its prose"
    from twossp.baselines.methods import METHODS
    from twossp.cli.main import COMMANDS, list_commands
    from twossp.request.options import EXAMPLES, make_parser

    for name in ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'):
        yield name, (ROOT / name).read_text(encoding='utf-8')
    for name, nb in notebooks.items():
        if name.startswith(('index', 'howto/', 'methods/')):
            cells = [c for c in nb['cells'] if c['cell_type'] == 'markdown']
            yield name, '\n'.join(''.join(c['source']) for c in cells)
    for module, source in read_modules().items():
        yield f'errors of {module}', '\n'.join(raised(source))
    for name, row in COMMANDS.items():
        about = list_commands() if name == 'prune' else row.about
        parser = make_parser(row.load('options'), name, about, EXAMPLES)
        yield f'twossp {name} --help', ' '.join(parser.format_help().split())
    for name, row in METHODS.items():
        yield f'method {name}', row.about


def check_words(notebooks):
    "Words that the field does not use, in what users read"
    for name, text in read_by_users(notebooks):
        for said, use in odd_words(text):
            yield f'{name}: "{said}" (usual: {use})'


def private_names(source):
    "(name, private name) where a public docstring of a module names what nobody imports"
    for n in ast.parse(source).body:
        if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name[0] != '_':
            for said in re.findall(r'`(_[a-z]\w*)`', ast.get_docstring(n) or ''):
                yield n.name, said


def check_private(notebooks):
    "Private names in public docstrings"
    for module, source in read_modules().items():
        yield from (f'{module}.{name}: `{said}`' for name, said in private_names(source))


# --- pages


def seen_tests(nb):
    "(test cells, code cells) that the site shows of a notebook"
    cells = [s for s in code_cells(nb) if not hidden(s)]
    return sum(map(is_test, cells)), len(cells)


def check_pages(notebooks):
    "Pages of modules that mostly test"
    for name, nb in notebooks.items():
        tests, cells = seen_tests(nb)
        module = any(re.search(r'^#\|\s*default_exp\b', s, re.M) for s in code_cells(nb))
        if module and tests > cells / 2:
            yield f'{name}: {tests} of {cells} visible code cells are tests (`#| hide` some)'


def in_view(nb):
    "The names that cells with an output use, on the site"
    seen = set()
    for c in nb['cells']:
        if c['cell_type'] == 'code' and c['outputs']:
            source = ''.join(c['source'])
            found = [] if hidden(source) else nodes(source)
            seen |= {getattr(n, 'id', getattr(n, 'attr', None)) for n in found}
    return seen


def check_shown(notebooks):
    "Public names that no page shows in use"
    import twossp.all as door

    seen = set().union(*map(in_view, notebooks.values()))
    ours = lambda x: callable(x) and getattr(x, '__module__', '').startswith('twossp.')
    names = [n for n in door.__all__ if ours(getattr(door, n)) and n not in seen]
    yield from (f'{n}: in no cell that has an output' for n in names)


# --- clocks

READS = {'perf_counter', 'monotonic', 'process_time', 'thread_time', 'time_ns'}
READS |= {'read_clock', 'time_calls', 'forward_time'}
TIMES = re.compile(
    r'seconds|minutes|hours|elapsed|took|spent|timeout|deadline|speedup|latency|ratio'
    r'|throughput|prefill|first_token|tok_s|\w+_(s|ms|seconds|minutes|tok_s)'
)
CHECKS = re.compile(r'test_\w+|is_close|assert_\w+')
MOVED = re.compile(r'patch[^\n]*(clock|perf_counter|monotonic)')
NO_CLOCK = {  # notebooks whose words mean no measured time
    'costs/00_estimate.ipynb': 'prefill: operations, counted from shapes',
    'recovery/05_distill.ipynb': 'minutes: of a clock that the test moves',
    'tutorials/recover_half.ipynb': 'ratio: of perplexities',
    'tutorials/two_ssp_plus.ipynb': 'ratio: of perplexities',
    'tutorials/two_ssp_plus_methods.ipynb': 'ratio: of perplexities',
}


def called(call):
    "The last name of what a call calls"
    return getattr(call.func, 'id', getattr(call.func, 'attr', ''))


def spoken(tree):
    "Names, attributes and keys (what follows their last slash) in a piece of code"
    for n in ast.walk(tree):
        if isinstance(n, (ast.Name, ast.Attribute)):
            yield getattr(n, 'id', getattr(n, 'attr', None))
        key = n.slice if isinstance(n, ast.Subscript) else None
        if isinstance(n, ast.Call) and called(n) in ('get', 'pop') and n.args:
            key = n.args[0]
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value.rpartition('/')[2]


def reads_clock(tree, timed=frozenset()):
    "Does this code read a clock, or use what was read from one?"
    return 'time.time(' in ast.unparse(tree) or bool({*spoken(tree)} & (READS | timed))


def bind(found, timed):
    "Note the names bound to what a clock said, and functions of tests that read one"
    for n in found:
        if isinstance(n, ast.FunctionDef) and reads_clock(n):
            timed.add(n.name)
        if isinstance(n, ast.Assign):
            parts = [x for t in n.targets for x in getattr(t, 'elts', [t])]
            if reads_clock(n.value, timed):
                timed |= {getattr(getattr(x, 'value', x), 'id', '') for x in parts}
            else:  # bound to something else; of `a[k] = …` the rest stays
                timed -= {getattr(x, 'id', '') for x in parts}


def timed_tests(cells):
    "(word, assertion) for assertions of test cells that depend on a clock"
    timed = set()
    for source in cells:
        if exported(source):
            continue
        found = nodes(source)
        bind(found, timed)
        for n in found:
            check = isinstance(n, ast.Call) and CHECKS.fullmatch(called(n))
            if check or isinstance(n, ast.Assert):
                odd = {w for w in spoken(n) if TIMES.fullmatch(w) or w in timed}
                if odd and not MOVED.search(source):  # a clock that the test moves
                    yield min(odd), ast.unparse(n)


def short_waits(cells):
    "Waits of under ten minutes, and tests of hypothesis with a deadline"
    for source in cells:
        waits = re.findall(r'\b(?:timeout|wait)=([\d.]+)\b', source)
        if not exported(source):
            yield from (f'waits for {w} s' for w in waits if float(w) < 600)
            if re.search(r'^\s*@(given|settings)\b', source, re.M):
                if 'deadline=None' not in source or 'too_slow' not in source:
                    yield 'a deadline of hypothesis'


def check_clocks(notebooks):
    "Tests that a slow or busy machine may fail"
    for name, nb in notebooks.items():
        cells = code_cells(nb)
        if name not in NO_CLOCK:
            yield from (f'{name}: {word}, in {text[:60]}' for word, text in timed_tests(cells))
        yield from (f'{name}: {text}' for text in short_waits(cells))


ADVICE = check_words, check_private, check_pages, check_shown, check_clocks


def main(only=()):
    "Print what is unusual, by rule"
    notebooks = read_notebooks()
    for check in ADVICE:
        found = [x for x in check(notebooks) if not only or any(n in x for n in only)]
        print(f'{check.__doc__}: {len(found) or "none"}', *found, sep='\n  ')


if __name__ == '__main__':
    main(sys.argv[1:])
