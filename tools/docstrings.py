"""Carries docments into docstrings: comments behind parameters become text that Python can see

`help(two_ssp)`, Shift-Tab in JupyterLab and an editor's hover read docstrings; a docment is a
comment, and says nothing there. nbdev_export writes the modules as the notebooks have them; this
adds numpy's sections (Parameters, Returns) to the docstring of every public function, method and
class in them. Run again, it changes nothing.

usage: python tools/docstrings.py [FILE ...]     rewrite the exported modules
       python tools/docstrings.py --check [...]  only name those that lack them (exit code 1)
"""
import ast
import io
import re
import sys
import textwrap
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 96  # of a line, its indent included
RULE = re.compile(r'\n\n(?:Parameters|Returns)\n-{3,}\n')


def head(doc):
    "A docstring without the sections that this tool adds"
    return RULE.split(doc or '', maxsplit=1)[0].rstrip()


def read_comments(source):
    "line -> (text, does it stand alone)"
    lines = source.splitlines()
    found = {}
    for t in tokenize.generate_tokens(io.StringIO(source).readline):
        if t.type == tokenize.COMMENT:
            text = t.string.lstrip('#').strip()
            found[t.start[0]] = text, not lines[t.start[0] - 1][: t.start[1]].strip()
    return found


def comment_of(comments, first, last, taken, top):
    """The comment behind lines `first` to `last`, else those that stand alone just above,
    below line `top`"""
    for line in range(last, first - 1, -1):
        if line in comments and not comments[line][1] and line not in taken:
            taken.add(line)
            return comments[line][0]
    above = []
    line = first - 1
    while line > top and line in comments and comments[line][1] and line not in taken:
        taken.add(line)
        above.insert(0, comments[line][0])
        line -= 1
    return ' '.join(above)


def list_args(args):
    "(name as it is shown, node, default), in their order, without self and cls"
    plain = [*args.posonlyargs, *args.args]
    rows = [['', a, None] for a in plain]
    for row, default in zip(rows[len(rows) - len(args.defaults):], args.defaults, strict=True):
        row[2] = default
    if args.vararg:
        rows.append(['*', args.vararg, None])
    rows += [['', a, d] for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if args.kwarg:
        rows.append(['**', args.kwarg, None])
    own = rows[1:] if plain and plain[0].arg in ('self', 'cls') else rows
    return [(star + a.arg, a, d) for star, a, d in own]


def function_rows(node, comments):
    "[(name, type, text)] of the parameters, and (type, text) of what is returned"
    taken, rows = set(), []
    for name, a, default in list_args(node.args):
        last = (default or a).end_lineno
        one_line = node.returns is not None and node.returns.end_lineno == last
        # behind `def f(x) -> int:` it is the return's
        text = '' if one_line else comment_of(comments, a.lineno, last, taken, node.lineno)
        rows.append((name, type_name(a.annotation, default), text))
    body = node.body[0].lineno
    end = max([a.end_lineno for _, a, _ in list_args(node.args)] + [node.lineno])
    returned = ''
    for line in range(body - 1, end - 1, -1):
        if line in comments and line not in taken:
            alone = comments[line][1]
            first = line
            if not alone:
                returned = comments[line][0]
                break
            while first - 1 in comments and comments[first - 1][1]:
                first -= 1
            said = (comments[i][0] for i in range(first, line + 1) if i not in taken)
            returned = ' '.join(said)
            break
    return rows, (type_name(node.returns), returned)


def class_rows(node, comments):
    "[(name, type, text)] of a dataclass's fields, or of what `__init__` takes"
    for f in node.body:
        if isinstance(f, ast.FunctionDef) and f.name == '__init__':
            return function_rows(f, comments)[0]
    if not any('dataclass' in ast.unparse(d) for d in node.decorator_list):
        return []
    taken, rows = set(), []
    for f in node.body:
        if isinstance(f, ast.AnnAssign) and isinstance(f.target, ast.Name):
            text = comment_of(comments, f.lineno, f.end_lineno, taken, node.lineno)
            text = text or flag_text(f.value)
            rows.append((f.target.id, type_name(f.annotation, f.value), text))
    return rows


def flag_text(value):
    "What a field says of itself: the text of `flag(default, text)` and `word(text)`"
    if not isinstance(value, ast.Call) or getattr(value.func, 'id', '') not in ('flag', 'word'):
        return ''
    at = 1 if value.func.id == 'flag' else 0
    text = value.args[at]
    return text.value.replace('%%', '%') if isinstance(text, ast.Constant) else ''


def type_name(annotation, default=None):
    "An annotation as it is written in code, with the default if it is a short one"
    said = ast.unparse(annotation) if annotation is not None else ''
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        said = annotation.value
    if default is not None and not isinstance(default, ast.Call):
        value = ast.unparse(default)
        if len(value) <= 30:
            said += (', ' if said else '') + f'default {value}'
    return said


def section(title, entries, indent):
    "Lines of a numpy section"
    out = ['', title, '-' * len(title)]
    for heading, text in entries:
        out.append(heading)
        out += textwrap.wrap(
            text, WIDTH - indent, initial_indent='    ', subsequent_indent='    ',
            break_long_words=False, break_on_hyphens=False,
        )
    return out


def write_doc(doc, rows, returned, indent):
    "The lines of a docstring with its sections; just the text where nothing is documented"
    out = head(doc).splitlines()
    if any(text for *_, text in rows):
        entries = [(f'{n} : {t}' if t else n, text) for n, t, text in rows]
        out += section('Parameters', entries, indent)
    if returned[1]:
        out += section('Returns', [(returned[0] or 'object', returned[1])], indent)
    return out


def edits_of(source):
    "[(first line, last line, new lines)] of the docstrings that change, from the top"
    comments, found = read_comments(source), []
    tree = ast.parse(source)
    publics = [n for n in tree.body if is_public(n)]
    for node in list(publics):
        if isinstance(node, ast.ClassDef):
            publics += [n for n in node.body if is_public(n)]
    for node in publics:
        doc = ast.get_docstring(node)
        if not doc:
            continue
        returned = '', ''
        if isinstance(node, ast.ClassDef):
            rows = class_rows(node, comments)
        else:
            rows, returned = function_rows(node, comments)
        at = node.body[0]
        lines = write_doc(doc, rows, returned, at.col_offset)
        if lines != doc.splitlines():
            found.append((at.lineno, at.end_lineno, quote(lines, at.col_offset)))
    return sorted(found)


def is_public(node):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return isinstance(node, kinds) and not node.name.startswith('_')


def quote(lines, indent):
    "A docstring as source lines"
    pad = ' ' * indent
    raw = 'r' if any('\\' in x for x in lines) else ''
    first, *rest = lines
    if not rest and '"' not in first:
        return [f'{pad}{raw}"{first}"']
    body = [f'{pad}{x}'.rstrip() for x in rest]
    return [f'{pad}{raw}"""{first}', *body, f'{pad}"""']


def carry(source):
    "The module's text with the sections in its docstrings"
    lines = source.split('\n')
    for first, last, new in reversed(edits_of(source)):
        lines[first - 1 : last] = new
    out = '\n'.join(lines)
    if ast.dump(strip(ast.parse(out))) != ast.dump(strip(ast.parse(source))):
        raise RuntimeError('more than docstrings would change')
    return out


def strip(tree):
    "The tree without docstrings"
    for node in ast.walk(tree):
        if hasattr(node, 'body') and isinstance(node.body, list) and isinstance(
            node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        ) and ast.get_docstring(node, clean=False) is not None:
            node.body[0] = ast.Expr(ast.Constant(''))
    return tree


def exported(folder):
    "Modules that nbdev wrote"
    files = sorted(folder.glob('**/*.py'))
    return [f for f in files if 'AUTOGENERATED' in f.read_text(encoding='utf-8')[:2000]]


def main(args, folder=ROOT / 'twossp'):
    "Rewrite, or check"
    check = '--check' in args
    files = [Path(a) for a in args if a != '--check'] or exported(folder)
    changed = []
    for f in files:
        old = f.read_text(encoding='utf-8')
        new = carry(old)
        if new != old:
            changed.append(f)
            if not check:
                f.write_text(new, encoding='utf-8')
    if check and changed:
        print('parameters are not in the docstrings of: ' + ', '.join(map(str, changed)))
        print('run: make export')
    return int(check and bool(changed))


if __name__ == '__main__':
    if any(a.startswith('-') and a != '--check' for a in sys.argv[1:]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
