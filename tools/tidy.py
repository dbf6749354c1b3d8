"""Two things that nbdev_clean leaves to be done in notebooks

Prose of a title cell gets a cell of its own: nbdev turns the first cell (`# title`, `>
one line`, `- key: value` lines) into front matter and drops whatever else is in it, so
an introduction written there would reach neither the site nor the README. And warnings
that name a file of the machine's Python installation go from the outputs.

usage: python tools/tidy.py            rewrite the notebooks that need it
       python tools/tidy.py --check    only name them (exit code 1 if any)"""

import hashlib, json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEEP = re.compile(r'#\s|>\s|-\s+\w[\w-]*:\s|\s*$')


def split_title(src):
    "The title cell's text as (what nbdev reads, the prose after it)"
    lines = src.split('\n')
    n = next((i for i, l in enumerate(lines) if not KEEP.match(l)), len(lines))
    return '\n'.join(lines[:n]).strip('\n'), '\n'.join(lines[n:]).strip('\n')


WARNING = re.compile(
    r'^\S*[\\/](?:site|dist)-packages[\\/]\S+:\d+: \w*Warning: .*\n(?:  .*\n?)?', re.M
)


def drop_warnings(cell):
    "Remove warnings with a path from what the cell printed to stderr; whether there were any"
    outs, found = [], False
    for o in cell.get('outputs', []):
        text = ''.join(o.get('text', ''))
        new = WARNING.sub('', text) if o.get('name') == 'stderr' else text
        if new != text:
            o, found = dict(o, text=new.splitlines(True)), True
        if new.strip() or new == text:
            outs.append(o)
    if found:
        cell['outputs'] = outs
    return found


def drop_bars(cell):
    "Remove progress bars, of which a notebook keeps the first moment; whether there were any"
    bar = 'application/vnd.jupyter.widget-view+json'
    outs = [o for o in cell.get('outputs', []) if bar not in o.get('data', {})]
    found = len(outs) < len(cell.get('outputs', []))
    if found:
        cell['outputs'] = outs
    return found


def split_cell(nb):
    "Split the title cell of the notebook `nb` if need be; whether that was so"
    c = nb['cells'][0] if nb['cells'] else {}
    src = ''.join(c.get('source', ''))
    if c.get('cell_type') != 'markdown' or not src.startswith('# '):
        return False
    head, prose = split_title(src)
    if not prose:
        return False
    new = dict(
        cell_type='markdown',
        id=hashlib.sha1(prose.encode()).hexdigest()[:8],
        metadata={},
        source=prose.splitlines(True),
    )
    nb['cells'][:1] = [dict(c, source=head.splitlines(True)), new]
    return True


def tidy(nb):
    "All of it, on the notebook `nb` (a dictionary); whether it was changed"
    found = [f(c) for c in nb['cells'] for f in (drop_warnings, drop_bars)]
    return bool(split_cell(nb) + sum(found))


def main(args, nbs=ROOT / 'nbs'):
    "Rewrite, or check"
    bad = []
    for p in sorted(nbs.rglob('*.ipynb')):
        nb = json.loads(p.read_text(encoding='utf-8'))
        if any(o[0] in '_.' for o in p.relative_to(nbs).parts) or not tidy(nb):
            continue
        bad.append(p.relative_to(ROOT).as_posix())
        if not args:
            p.write_text(
                json.dumps(nb, ensure_ascii=False, indent=1, sort_keys=True) + '\n',
                encoding='utf-8',
            )
    if bad:
        print(('to be tidied: ' if args else 'tidied: ') + ', '.join(bad))
    return bool(args and bad)


if __name__ == '__main__':
    if sys.argv[1:] not in ([], ['--check']):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
