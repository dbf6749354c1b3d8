"""How large the project is, and how its code and tests are written: one number a line

Blank lines, comments and docstrings are no code. Of notebooks, code that is exported (into a
module or a script) counts where it goes; what is left is shown to readers or hidden from them.

usage: python -m tools.count [CHECKOUT ...]     a column for each; without one, this checkout
"""

import ast
import io
import json
import re
import sys
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXPORTED = re.compile(r'^#\|\s*(export\w*|default_exp|script)\b', re.M)
HIDDEN = re.compile(r'^#\|\s*hide\b', re.M)
TEST = re.compile(r'test_\w+|is_close|expect_fail|raises|assert_\w+|check\w*')
LONG = 45  # lines of a cell
FEW = 3  # lines of a hidden cell that may do without an assertion: imports, a setting
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
NO_CODE |= {tokenize.ENCODING, tokenize.ENDMARKER}


def code_cells(nb):
    "The source of every code cell of a notebook"
    return [''.join(c['source']) for c in nb['cells'] if c['cell_type'] == 'code']


def exported(source):
    "Does this code cell go into a module or a script?"
    return bool(re.match(r'#\|\s*(export\w*|script)\b', source))


def hidden(source):
    "Does the site leave this code cell out, or show its documentation in its place?"
    return bool(re.search(r'^#\|\s*(hide|export|exporti|default_exp)\b', source, re.M))


def parse(source):
    "The syntax tree of Python, or of a cell without its magic lines; empty if it is neither"
    code = re.sub(r'^[ \t]*[%!].*$', '', source, flags=re.M)
    try:
        flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        return compile(code, 'code', 'exec', flags)
    except SyntaxError:
        return ast.Module([], [])


def docstrings(tree):
    "The nodes that are docstrings"
    for node in ast.walk(tree):
        body = getattr(node, 'body', None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            if isinstance(getattr(body[0].value, 'value', None), str):
                yield body[0]


def code_lines(source):
    "Lines of code, without blank ones, comments and docstrings"
    documented = set()
    for node in docstrings(parse(source)):
        documented.update(range(node.lineno, node.end_lineno + 1))
    lines = set()
    try:
        for t in tokenize.generate_tokens(io.StringIO(source).readline):
            if t.type not in NO_CODE:
                lines.update(range(t.start[0], t.end[0] + 1))
    except (tokenize.TokenError, SyntaxError):  # a magic line
        lines = {i for i, line in enumerate(source.splitlines(), 1) if line.strip()}
    return len(lines - documented)


def count_code(sources):
    "What Python code consists of, of all these texts together"
    found = Counter()
    for source in sources:
        tree = parse(source)
        documented = {id(node) for node in docstrings(tree)}
        found['code lines'] += code_lines(source)
        for node in ast.walk(tree):
            found['statements'] += isinstance(node, ast.stmt) and id(node) not in documented
            found['raise'] += isinstance(node, ast.Raise)
            found['ternaries'] += isinstance(node, ast.IfExp)
            is_function = isinstance(node, ast.FunctionDef)
            found['functions'] += is_function
            found['check_* functions'] += is_function and node.name.strip('_').startswith('check')
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
                targets = node.targets
                found['parallel assignments'] += any(isinstance(t, ast.Tuple) for t in targets)
    return found


def count_twice(sources):
    "Names of functions and classes that more than one module defines"
    homes = Counter()
    for source in sources:
        kinds = ast.FunctionDef, ast.ClassDef
        homes.update({n.name for n in parse(source).body if isinstance(n, kinds)})
    return sum(n > 1 for n in homes.values())


def called(call):
    "The last name of what a call calls"
    return getattr(call.func, 'attr', getattr(call.func, 'id', ''))


def strings(call):
    "The constant strings that a call is given, f-strings by their constant parts"
    given = [*call.args, *(k.value for k in call.keywords)]
    for node in given:
        texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
        yield from (x for x in texts if isinstance(x, str))


def is_patch(call):
    "`patch(…)`, `patch.object(…)`, `patch.dict(…)`, `patch.multiple(…)`, of `mock` or not"
    return re.search(r'(^|\.)patch(\.(object|dict|multiple))?$', ast.unparse(call.func))


def count_tests(tree):
    "Errors that are expected and names that are replaced, in a cell"
    found = Counter()
    for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        if called(call) in ('raises', 'test_fail'):
            texts = [*strings(call)]
            found['raises('] += 1
            found['raises( that pins words'] += bool(texts)
            found['raises( that pins more than a token'] += any(' ' in x.strip() for x in texts)
        if is_patch(call):
            names = [x.rpartition('.')[2] for x in strings(call) if re.fullmatch(r'[\w.]+', x)]
            names += [k.arg for k in call.keywords if k.arg]
            found['patched private names'] += any(re.match(r'_[a-z_]', x, re.I) for x in names)
            found['patched names of twossp'] += any(x.startswith('twossp.') for x in strings(call))
    return found


def asserts(tree):
    "Whether a cell can fail by what it finds, or defines what other cells test with"
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call) and TEST.fullmatch(called(node)):
            return True
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    return all(isinstance(node, kinds) for node in tree.body)


def count_notebooks(folder):
    "What the notebooks have that is not exported"
    found = Counter()
    for path in sorted(folder.rglob('*.ipynb')):
        if any(part[0] in '._' for part in path.relative_to(folder).parts):
            continue
        found['notebooks'] += 1
        for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
            source = ''.join(cell['source'])
            if cell['cell_type'] != 'code' or EXPORTED.search(source):
                continue
            tree, lines = parse(source), code_lines(source)
            unseen = bool(HIDDEN.search(source))
            found[f'notebook code, {"hidden" if unseen else "shown"}'] += lines
            found[f'cells above {LONG} lines'] += lines > LONG
            silent = unseen and lines > FEW and not asserts(tree)
            found['hidden cells that assert nothing'] += silent
            found += count_tests(tree)
    return found


def read(root, folder):
    "The texts of the Python files below a folder, without nbdev's index"
    paths = sorted((root / folder).rglob('*.py'))
    return [p.read_text(encoding='utf-8') for p in paths if p.name != '_modidx.py']


def count_project(root):
    "{what: number} of a checkout, in the order in which it is printed"
    package, tools, beside = (read(root, folder) for folder in ('twossp', 'tools', 'nbs'))
    each = {name: count_code(x) for name, x in dict(twossp=package, tools=tools).items()}
    both = each['twossp'] + each['tools']
    numbers = {
        f'{what}, {name}': each[name][what]
        for what in ('statements', 'code lines') for name in each
    }
    numbers['statements, both'] = both['statements']
    numbers['code lines, both'] = both['code lines']
    numbers['code lines of Python beside notebooks'] = count_code(beside)['code lines']
    pages = count_notebooks(root / 'nbs')
    code = sum(n for what, n in pages.items() if what.startswith('notebook code'))
    numbers |= {'notebook code, not exported': code} | dict(sorted(pages.items()))
    kinds = 'functions', 'raise', 'check_* functions', 'ternaries', 'parallel assignments'
    numbers |= {f'{k} (twossp and tools)': both[k] for k in kinds}
    numbers['names defined in more than one module'] = count_twice(package)
    return numbers


def main(roots):
    "Print the numbers, a column a checkout"
    columns = [count_project(Path(root)) for root in roots or [ROOT]]
    for what in dict.fromkeys(key for column in columns for key in column):
        print(f'{what:46}', *(f'{column.get(what, 0):8,}' for column in columns))


if __name__ == '__main__':
    main(sys.argv[1:])
