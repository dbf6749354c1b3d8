"""What nbdev_clean leaves to be done in notebooks

Prose of a title cell gets a cell of its own: nbdev turns the first cell (`# title`, `>
one line`, `- key: value` lines) into front matter and drops whatever else is in it, so
an introduction written there would reach neither the site nor the README. And from the
outputs go warnings that name a file of the machine's Python installation, and progress
bars, of which a notebook keeps the first moment.
"""

import hashlib, json, re
from pathlib import Path

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
    cells = []
    for c in nb['cells']:
        if 'outputs' in c:
            outputs = map(clean_output, c['outputs'])
            c = c | dict(outputs=[o for o in outputs if o is not None])
        cells.append(c)
    title = ''.join(cells[0]['source']) if cells else ''
    head, prose = split_title(title)
    if title.startswith('# ') and prose and cells[0]['cell_type'] == 'markdown':
        name = hashlib.sha1(prose.encode()).hexdigest()[:8]
        new = dict(cell_type='markdown', id=name, metadata={}, source=prose.splitlines(True))
        cells[:1] = [cells[0] | dict(source=head.splitlines(True)), new]
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
