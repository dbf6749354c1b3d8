"""README.md from nbs/index.ipynb, in the form that `nbdev_readme` gives it, without
Quarto

Links to notebooks become links to the site's pages, and figures below nbs/ are linked
where they are. Outputs that are no text are an error: link a committed figure instead.
"""

import re
import sys
import textwrap
from configparser import ConfigParser
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
OPTION = re.compile(r'^#\s*\|.*\n', re.M)
LINK = re.compile(r'(\]\(|href=")(?!https?:)((?:[\w.-]+/)*[\w.-]+\.ipynb)((?:#[^)"]*)?(?=[)"]))')
PICTURE = re.compile(r'(!\[[^\]]*\]\(|src=")(?!https?:)([^)"\s]+)')


def output(o):
    "One output as a block of Markdown: plain text, without colors"
    data = o.get('data', {})
    if {*data} - {'text/plain'}:
        sys.exit(f'index.ipynb has an output of {", ".join(data)}: link a committed file instead')
    text = ''.join(o['text'] if o['output_type'] == 'stream' else data['text/plain'])
    return textwrap.indent(re.sub(r'\x1b\[[\d;]*m', '', text).rstrip('\n'), '    ')


def links(text, base):
    "Links of a page in nbs/ as the README, one folder up, needs them"
    from nbdev.doclinks import _nbpath2html

    page = lambda m: f'{m[1]}{base}/{_nbpath2html(Path(m[2])).as_posix()}{m[3]}'
    there = lambda m: f'{m[1]}nbs/{m[2]}' if (ROOT / 'nbs' / m[2]).is_file() else m[0]
    return PICTURE.sub(there, LINK.sub(page, text))


def badges(root=ROOT):
    "A line of badges: of the workflows and files that there are"
    ini = ConfigParser(delimiters=['='])
    ini.read(root / 'settings.ini', encoding='utf-8')
    git, site = ini['DEFAULT']['git_url'], '{doc_host}{doc_baseurl}'.format(**ini['DEFAULT'])
    python = '{min_python}–{max_python}'.format(**ini['DEFAULT'])
    shield = 'https://img.shields.io/badge'
    lines = []
    for file in ('test', 'pages'):
        workflow = root / '.github' / 'workflows' / f'{file}.yml'
        if workflow.exists():
            name = re.search(r'^name: *(\S+)', workflow.read_text(encoding='utf-8'), flags=re.M)[1]
            to = f'{git}/actions/workflows/{file}.yml'
            lines.append(f'[![{name}]({to}/badge.svg)]({site if file == "pages" else to})')
    lines.append(f'![Python {python}]({shield}/python-{python}-blue)')
    if (root / 'LICENSE').exists():
        lines.append(f'[![license]({shield}/license-Apache--2.0-blue)](LICENSE)')
    page = 'nbs/tutorials/walkthrough.ipynb'
    if (root / page).exists():
        colab = 'https://colab.research.google.com'
        to = f'{colab}/github/{git.partition("github.com/")[2]}/blob/main/{page}'
        lines.append(f'[![Colab]({colab}/assets/colab-badge.svg)]({to})')
    return ' '.join(lines)


def convert(nb, base, top=''):
    "The README's text from nbdev's processed notebook `nb`; `top` stands under its title"
    parts = []
    for c in nb.cells:
        source = c.source
        if c.cell_type == 'raw' and source.lstrip().startswith('---'):
            title = f"# {yaml.safe_load(source.strip().strip('-'))['title']}"
            parts += [title, top]
        elif c.cell_type == 'markdown':
            parts.append(links(source.strip('\n'), base))
        elif c.cell_type == 'code':
            code = OPTION.sub('', source).strip('\n')
            parts += [f'``` python\n{code}\n```', *map(output, c.get('outputs', []))]
    return '\n\n'.join(p for p in parts if p) + '\n'


def main():
    "Write README.md"
    from execnb.nbio import read_nb
    from nbdev.config import get_config
    from nbdev.process import NBProcessor
    from nbdev.processors import FilterDefaults

    cfg = get_config()
    nb = read_nb(cfg.nbs_path / cfg.readme_nb)
    # not the links behind `names`: which there are depends on what is installed
    procs = [p for p in FilterDefaults().procs() if p.__name__ != 'add_links']
    NBProcessor(nb=nb, procs=procs).process()
    base = f'{cfg.doc_host}{cfg.doc_baseurl}'
    (ROOT / 'README.md').write_text(convert(nb, base, badges()), encoding='utf-8')
