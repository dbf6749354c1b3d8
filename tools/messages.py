"""Write every message that the package raises into nbs/howto/troubleshooting.ipynb

A search on the site for the words of an error finds the page then. Messages are read
from the sources, not listed by hand: what a message fills in when it is raised is
shown as an ellipsis.

usage: python tools/messages.py
"""

import ast, json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / 'nbs' / 'howto' / 'troubleshooting.ipynb'
MARK = '<!-- written by `make export` -->\n'
SHORT = 12  # letters; a message with fewer fixed ones is found by nobody
INNER = 'testing', '_modidx'  # what they raise is for developers


def spell(node, known):
    "The fixed words of an expression, with an ellipsis for what is filled in"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return ''.join(spell(v, {}) for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return spell(node.left, known) + spell(node.right, known)
    if isinstance(node, ast.Name) and node.id in known:
        return spell(known[node.id], {})
    return '…'


def raised(source):
    "The messages that a module's source raises, in its order"
    tree = ast.parse(source)
    for f in ast.walk(tree):
        if not isinstance(f, ast.FunctionDef):
            continue
        known = {
            n.targets[0].id: n.value
            for n in ast.walk(f)
            if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)
        }
        for n in ast.walk(f):
            if isinstance(n, ast.Raise) and isinstance(n.exc, ast.Call):
                words = [spell(a, known) for a in n.exc.args]
                text = ' '.join(max(words, key=len, default='').split())
                if sum(c.isalpha() for c in text) >= SHORT:
                    yield text


def read_messages(lib=ROOT / 'twossp'):
    "{module: its messages, each once}"
    found, seen = {}, set()
    for p in sorted(Path(lib).glob('*.py')):
        if p.stem in INNER:
            continue
        new = [m for m in raised(p.read_text(encoding='utf-8')) if m not in seen]
        seen.update(new)
        if new:
            found[p.stem] = sorted(set(new), key=lambda m: m.lstrip('…\'" ').lower())
    return found


def to_markdown(messages):
    "A paragraph a module, a message a line"
    code = lambda m: f'- `` {m} ``' if '`' in m else f'- `{m}`'
    parts = [
        f'**From {k}**\n\n' + '\n'.join(map(code, v)) for k, v in messages.items()
    ]
    return MARK + '\n\n'.join(parts)


def write_page(page=PAGE, lib=ROOT / 'twossp'):
    "Put the list into the last cell of the page; is it changed?"
    nb = json.loads(page.read_text(encoding='utf-8'))
    cell = nb['cells'][-1]
    assert ''.join(cell['source']).startswith(MARK), f'{page} has no place for messages'
    new = to_markdown(read_messages(lib)).splitlines(True)
    changed, cell['source'] = cell['source'] != new, new
    if changed:
        text = json.dumps(nb, indent=1, ensure_ascii=False)
        page.write_text(text + '\n', encoding='utf-8')
    return changed


if __name__ == '__main__':
    write_page()
