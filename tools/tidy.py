"""What nbdev_clean leaves to be done in notebooks

Prose of a title cell gets a cell of its own: nbdev turns the first cell (`# title`, `>
one line`, `- key: value` lines) into front matter and drops whatever else is in it, so
an introduction written there would reach neither the site nor the README. And from the
outputs go warnings that name a file of the machine's Python installation, and progress
bars, of which a notebook keeps the first moment.
"""

import json, re
from pathlib import Path

from tools.pages import cell_of

ROOT = Path(__file__).resolve().parent.parent
KEEP = re.compile(r'#\s|>\s|-\s+\w[\w-]*:\s|\s*$')
WARNING = r'^\S*[\\/](?:site|dist)-packages[\\/]\S+:\d+: \w*Warning: .*\n(?:  .*\n?)?'
BAR = 'application/vnd.jupyter.widget-view+json'


def split_title(source):
    "The title cell's text as (what nbdev reads, the prose after it)"
    lines = source.split('\n')
    n = next((i for i, line in enumerate(lines) if not KEEP.match(line)), len(lines))
    return '\n'.join(lines[:n]).strip('\n'), '\n'.join(lines[n:]).strip('\n')


def clean_output(output):
    "An output without warnings that name a path; None if it is nothing but these, or a bar"
    if BAR in output.get('data', {}):
        return None
    old = ''.join(output.get('text', '')) if output.get('name') == 'stderr' else ''
    new = re.sub(WARNING, '', old, flags=re.M)
    if new == old:
        return output
    return output | dict(text=new.splitlines(True)) if new.strip() else None


def tidy(nb):
    "The notebook, a dictionary, as it should be"
    outputs = lambda c: [o for o in map(clean_output, c['outputs']) if o is not None]
    cells = [c | dict(outputs=outputs(c)) if 'outputs' in c else c for c in nb['cells']]
    title = ''.join(cells[0]['source']) if cells else ''
    head, prose = split_title(title)
    if title.startswith('# ') and prose and cells[0]['cell_type'] == 'markdown':
        cells[:1] = [cells[0] | dict(source=head.splitlines(True)), cell_of(prose)]
    return nb | dict(cells=cells)


def main(nbs=ROOT / 'nbs'):
    "Rewrite the notebooks that need it"
    for p in sorted(nbs.rglob('*.ipynb')):
        hidden = any(part[0] in '_.' for part in p.relative_to(nbs).parts)
        nb = {} if hidden else json.loads(p.read_text(encoding='utf-8'))
        if nb and (new := tidy(nb)) != nb:
            text = json.dumps(new, ensure_ascii=False, indent=1, sort_keys=True)
            p.write_text(text + '\n', encoding='utf-8')
            print(f'tidied: {p.relative_to(nbs).as_posix()}')
