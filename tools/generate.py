"""What follows from the notebooks and the measurements is written: the second of the three
steps of `make export`, between nbdev_export and nbdev_clean

Notebooks without warnings and bars, with the tag `skip-execution` on the cells that nbconvert
and the site skip, and hidden cells folded; modules with relative imports, with `__all__` in the
page's width and docstrings with the parameters of public names; the stubs of these names; the
pages on results, model types, methods, commands, changes and names; the sidebar; README.md. Run
again, it changes nothing.

usage: python -m tools.generate
"""

import ast
import json
import re
import textwrap

from execnb.nbio import write_nb
from nbdev.maker import relative_import

from tools import commands, docstrings, measured, methods, nb2readme, pages, site, stubs
from tools.site import ROOT

PUBLIC = re.compile(r'^__all__ = \[(.*?)\]$', re.M | re.S)
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


def relate(source, package):
    """The source of a module of `package`, with relative imports from the same root: nbdev_export
    does so for imports of one line at the top of a module, this for all"""
    lines = source.split('\n')
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and not node.level:
            name = relative_import(node.module, package.replace('.', '/'))
            at = node.lineno - 1
            start, rest = lines[at][: node.col_offset], lines[at][node.col_offset :]
            new = re.sub(rf'^from +{re.escape(node.module)} +', f'from {name} ', rest)
            lines[at] = start + new
    return '\n'.join(lines)


def narrow(source):
    "A module whose `__all__`, which nbdev writes in lines of up to 130 letters, fits the page"
    m = PUBLIC.search(source)
    if not m or all(len(line) <= 88 for line in m[0].split('\n')):
        return source
    names = ' '.join(m[1].split())
    lines = textwrap.wrap(names, 84, break_long_words=False, break_on_hyphens=False)
    new = '__all__ = [\n' + ''.join(f'    {line}\n' for line in lines) + ']'
    return source.replace(m[0], new, 1)


def finish_modules(lib=ROOT / 'twossp'):
    "The modules as they are committed"
    paths = [p for p in sorted(lib.rglob('*.py')) if p.name != '_modidx.py']
    parts = {p: p.relative_to(lib.parent).with_suffix('').parts for p in paths}
    old = {p: p.read_text(encoding='utf-8') for p in paths}
    new = {p: relate(old[p], '.'.join(parts[p][:-1])) for p in paths}
    homes = pages.read_homes(new[lib / 'all.py'])
    for p in paths:
        names = {name for name, home in homes.items() if home == '.'.join(parts[p][1:])}
        if (text := narrow(docstrings.carry(new[p], names))) != old[p]:
            p.write_text(text, encoding='utf-8')


def main():
    "All of it, in this order: pages are made of modules, the sidebar of pages"
    pages_of_site = measured.main, methods.main, commands.main, pages.main, site.write_sidebar
    pages_of_site += site.write_addresses, nb2readme.main
    for step in (tidy_all, finish_modules, stubs.write_stubs, *pages_of_site):
        step()


if __name__ == '__main__':
    main()
