"""What follows from the notebooks and the measurements is written: the second of the three
steps of `make export`, between nbdev_export and nbdev_clean

Notebooks without warnings and bars, with the tag `skip-execution` on the cells that nbconvert
and the site skip, and hidden cells folded; the stubs of the public names; the pages on results,
model types, methods, commands, changes and names; the sidebar; README.md. The modules are as
nbdev_export wrote them. Run again, it changes nothing.

usage: python -m tools.generate
"""

import json
import re

from execnb.nbio import write_nb

from tools import commands, measured, methods, nb2readme, pages, site, stubs
from tools.site import ROOT

WARNING = r'^\S*[\\/](?:site|dist)-packages[\\/]\S+:\d+: \w*Warning: .*\n(?:  .*\n?)?'
BAR = 'application/vnd.jupyter.widget-view+json'
SKIPPED = re.compile(r'^#\|\s*(slow|notest|eval:\s*false)\s*$', re.M)
HIDDEN = re.compile(r'^#\|\s*hide\b', re.M)


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
    """The notebook, a dictionary, without what nbdev_clean leaves in it: warnings that name a
    file of the machine's Python installation, and progress bars with their states, of which it
    keeps the first moment. Of the code cells, just those that do not run by default have the tag
    `skip-execution`, and JupyterLab folds just those that the site hides"""
    cells = []
    for c in nb['cells']:
        if c['cell_type'] == 'code':
            source = ''.join(c['source'])
            tags = [t for t in c.get('metadata', {}).get('tags', []) if t != 'skip-execution']
            tags += ['skip-execution'] if SKIPPED.search(source) else []
            metadata = dict(jupyter=dict(source_hidden=True)) if HIDDEN.search(source) else {}
            metadata |= dict(tags=tags) if tags else {}
            outputs = [o for o in map(clean_output, c['outputs']) if o is not None]
            c = c | dict(metadata=metadata, outputs=outputs)
        cells.append(c)
    facts = {k: v for k, v in nb.get('metadata', {}).items() if k != 'widgets'}
    return nb | dict(cells=cells, metadata=facts)


def tidy_all(nbs=ROOT / 'nbs'):
    "Rewrite the notebooks that need it"
    for path in (nbs / name for name in site.notebooks(nbs)):
        write_nb(tidy(json.loads(path.read_text(encoding='utf-8'))), path)


def main():
    "All of it, in this order: pages are made of modules, the sidebar of pages"
    pages_of_site = measured.main, methods.main, commands.main, pages.main, site.write_sidebar
    pages_of_site += site.write_addresses, nb2readme.main
    for step in (tidy_all, stubs.write_stubs, *pages_of_site):
        step()


if __name__ == '__main__':
    main()
