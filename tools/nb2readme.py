"""README.md from nbs/index.ipynb, in the form that `nbdev_readme` gives it, without
Quarto

Links to notebooks become links to the site's pages, and pictures below nbs/ are linked
where they are. Plots among the outputs are an error: link a committed picture instead.

usage: python tools/nb2readme.py            write README.md
       python tools/nb2readme.py --check    only say whether it is up to date (exit code 1 if not)
"""

import os, re, sys
from pathlib import Path
import yaml

ROOT = Path(__file__).resolve().parent.parent
OPT = re.compile(r'^#\s*\|\s*([\w-]+)\s*:\s*(.*?)\s*$')


def join(x):
    return x if isinstance(x, str) else ''.join(x)


def indent(s):
    return '\n'.join(
        '    ' + l if l.strip() else ''
        for l in re.sub(r'\x1b\[[\d;]*m', '', s).rstrip('\n').split('\n')
    )


def options(src):
    "The `#|` options at the top of a cell, and the code under them"
    opts, lines = {}, src.splitlines()
    while lines and (m := OPT.match(lines[0])):
        opts[m[1]] = yaml.safe_load(m[2])
        lines.pop(0)
    return opts, '\n'.join(lines).strip('\n')


def output(o):
    "One output as Markdown"
    if o['output_type'] == 'stream':
        return indent(join(o['text']))
    if o['output_type'] == 'error':
        return indent('\n'.join(o['traceback']))
    data = o.get('data', {})
    if any(k.startswith('image/') for k in data):
        sys.exit(
            'nb2readme: index.ipynb has a picture among its outputs; link a committed file instead'
        )
    if 'text/markdown' in data:
        return join(data['text/markdown']).strip('\n')
    if 'text/html' in data:
        return re.sub(
            r'<style scoped>.*?</style>\s*', '', join(data['text/html']), flags=re.S
        ).strip('\n')
    return indent(join(data.get('text/plain', '')))


def links(s, base):
    "Links of a page in nbs/ as the README, one folder up, needs them"
    from nbdev.doclinks import _nbpath2html

    page = lambda m: f'{m[1]}{base}/{_nbpath2html(Path(m[2])).as_posix()}{m[3]}'
    s = re.sub(
        r'(\]\(|href=")(?!https?:)((?:[\w.-]+/)*[\w.-]+\.ipynb)((?:#[^)"]*)?(?=[)"]))',
        page,
        s,
    )
    there = lambda m: f'{m[1]}nbs/{m[2]}' if (ROOT / 'nbs' / m[2]).is_file() else m[0]
    return re.sub(r'(!\[[^\]]*\]\(|src=")(?!https?:)([^)"\s]+)', there, s)


def convert(nb, base):
    "The README's text from nbdev's processed notebook `nb`"
    parts = []
    for c in nb.cells:
        src = join(c.source)
        if c.cell_type == 'raw' and src.lstrip().startswith('---'):
            parts.append(f"# {yaml.safe_load(src.strip().strip('-'))['title']}")
        elif c.cell_type == 'markdown':
            parts.append(links(src.strip('\n'), base))
        elif c.cell_type == 'code':
            opts, code = options(src)
            if opts.get('include') is False:
                continue
            if code and opts.get('echo', True) is not False:
                parts.append(f'``` python\n{code}\n```')
            if opts.get('output', True) is not False:
                parts += filter(None, map(output, c.get('outputs', [])))
    return '\n\n'.join(p for p in parts if p) + '\n'


def readme():
    "What README.md should be"
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    from execnb.nbio import read_nb
    from nbdev.config import get_config
    from nbdev.process import NBProcessor
    from nbdev.processors import FilterDefaults

    cfg = get_config()
    nb = read_nb(cfg.nbs_path / cfg.readme_nb)
    # not the links behind `names`: which there are depends on what is installed
    NBProcessor(
        nb=nb, procs=[p for p in FilterDefaults().procs() if p.__name__ != 'add_links']
    ).process()
    return convert(nb, f'{cfg.doc_host}{cfg.doc_baseurl}')


if __name__ == '__main__':
    if sys.argv[1:] not in ([], ['--check']):
        sys.exit(__doc__)
    new, dst = readme(), ROOT / 'README.md'
    same = dst.exists() and dst.read_text(encoding='utf-8') == new
    if sys.argv[1:]:
        sys.exit(
            0
            if same
            else 'README.md is not what nbs/index.ipynb gives: run `make readme`'
        )
    if not same:
        dst.write_text(new, encoding='utf-8')
    print(f'README.md: {"unchanged" if same else "written"}')
