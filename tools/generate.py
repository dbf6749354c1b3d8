"""What follows from the notebooks and the measurements is written: the second of the three
steps of `make export`, between nbdev_export and nbdev_clean

The script of the benchmark, from the cells of its notebooks that are marked `#| script`. Notebooks
without warnings and bars, with the tag `skip-execution` on the cells that nbconvert
and the site skip, and hidden cells folded; the stubs of the public names; the pages on results,
model types, methods, commands, changes and names; the sidebar; README.md. The modules are as
nbdev_export wrote them. Run again, it changes nothing.

usage: python -m tools.generate
"""

import ast
import json
import re
import subprocess
import sys

from execnb.nbio import write_nb

from tools import commands, nb2readme, pages, results, site, stubs
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


# --- the script that measures a device, beside the package

SCRIPT = ROOT / 'tools' / 'measure_gpu.py'
PARTS = 'bench', 'bench_right', 'bench_speed'  # of nbs/benchmarks, in this order
HEAD = '''# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["twossp[eval]"]
#
# [tool.uv.sources]  # until there is a release
# twossp = { git = "https://github.com/twossp/twossp" }
# ///
"""Measure 2SSP on your GPU: whether it is right and how fast, on random weights; then a model of 7
or 8 billion parameters at 25 and 50 %, with and without reconstruction, on the paper's texts and
six tasks

It resumes: the same command goes on where it stopped. Other flags are handed to `twossp prune`.
"""

# Written by `make export` from nbs/benchmarks/bench*.ipynb (tools/generate.py).
'''
TAIL = 'if __name__ == "__main__":\n    sys.exit(main())\n'


def script_cells(nbs=ROOT / 'nbs'):
    "The source of every cell that is marked `#| script`, without its directives"
    for name in PARTS:
        path = nbs / 'benchmarks' / f'{name}.ipynb'
        for c in json.loads(path.read_text(encoding='utf-8'))['cells']:
            source = ''.join(c['source'])
            if re.match(r'#\|\s*script\b', source):
                yield re.sub(r'^#\|.*\n', '', source, flags=re.M).strip()


def script_text():
    "One program of these cells: the imports of all of them first, sorted and without its own"
    imports, code = set(), []
    for source in script_cells():
        body = ast.parse(source).body
        if all(isinstance(n, ast.Import | ast.ImportFrom) for n in body):
            others = (n for n in body if getattr(n, 'module', '') != f'tools.{SCRIPT.stem}')
            imports.update(map(ast.unparse, others))
        else:
            code.append(source)
    text = '\n\n\n'.join(['\n'.join([HEAD, *sorted(imports)]), *code, TAIL])
    words = [sys.executable, '-m', 'ruff', 'check', '--quiet', '--select', 'I', '--fix']
    words += ['--config', ROOT / 'ruff.toml', '--stdin-filename', SCRIPT, '-']
    how = dict(cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding='utf-8')
    made = subprocess.run(words, input=text, **how)
    made.check_returncode()
    return made.stdout


def write_script():
    "Write the script"
    SCRIPT.write_text(script_text(), encoding='utf-8')


def main():
    "All of it, in this order: pages are made of modules, the sidebar of pages"
    pages_of_site = results.main, commands.main, pages.main, site.write_sidebar
    pages_of_site += site.write_addresses, nb2readme.main
    for step in (write_script, tidy_all, stubs.write_stubs, *pages_of_site):
        step()


if __name__ == '__main__':
    main()
