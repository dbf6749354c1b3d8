"""What nbdev_clean leaves to be done in notebooks

From the outputs go warnings that name a file of the machine's Python installation, and
progress bars, of which a notebook keeps the first moment.
"""

import json, re
from pathlib import Path

from tools import site

ROOT = Path(__file__).resolve().parent.parent
WARNING = r'^\S*[\\/](?:site|dist)-packages[\\/]\S+:\d+: \w*Warning: .*\n(?:  .*\n?)?'
BAR = 'application/vnd.jupyter.widget-view+json'


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
    return nb | dict(cells=cells)


def main(nbs=ROOT / 'nbs'):
    "Rewrite the notebooks that need it"
    for name in site.notebooks(nbs):
        nb = json.loads((nbs / name).read_text(encoding='utf-8'))
        if (new := tidy(nb)) != nb:
            text = json.dumps(new, ensure_ascii=False, indent=1, sort_keys=True)
            (nbs / name).write_text(text + '\n', encoding='utf-8')
            print(f'tidied: {name}')
