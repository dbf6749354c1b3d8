"""Build the documentation site into _docs/: with Quarto when it is installed, as where the site is
published; else, or where QUARTO is empty, with nbdev's processing and smalldocs

For smalldocs this mends what it does not read: `output-file` (nbdev drops the number:
model/09_plan.ipynb is model/plan.html), nbdev's absolute links to this project's own pages, links
to a method that has no heading of its own, fonts from the web, and KaTeX, which is put
beside the pages when npm is there (else the pages load it from its CDN).

usage: python -m tools.site
"""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = tomllib.loads(Path(__file__).with_name('pages.toml').read_text(encoding='utf-8'))
FOLDERS = WORDS['folders']
START = 'index', 'concepts', 'install', 'start'
ASIDE = 'tests', 'benchmarks'  # their pages are on the site, but not in the sidebar
MARK = '    contents:\n'

# --- the sidebar


def notebooks(nbs=ROOT / 'nbs'):
    "Paths of all notebooks, from nbs/, as posix strings"
    rel = (p.relative_to(nbs) for p in nbs.rglob('*.ipynb'))
    return sorted(p.as_posix() for p in rel if not any(o[0] in '_.' for o in p.parts))


def place(name):
    "Where a tutorial or how-to page stands among its like: as listed, then by name"
    stem, first = Path(name).stem, WORDS['first'].get(Path(name).parts[0], '').split()
    return first.index(stem) if stem in first else len(first), name


def below(folder, nbs=ROOT / 'nbs'):
    "The notebooks of a folder, in their order"
    found = [n for n in notebooks(nbs) if n.startswith(f'{folder}/')]
    return sorted(found, key=place)


def sections(nbs=ROOT / 'nbs'):
    "The sidebar: {title of a section: notebooks}; every notebook but those aside is in one"
    names = notebooks(nbs)
    pages = lambda *stems: [f'{n}.ipynb' for n in stems if f'{n}.ipynb' in names]
    found = {
        'Start': pages(*START),
        'How-to': below('howto', nbs),
        'Tutorials': below('tutorials', nbs),
        'Methods': below('methods', nbs),
        'Results': below('results', nbs),
        'Reference': [*below('commands', nbs), *pages('api', 'all')],
        'Development': pages('development', 'extend', 'writing', 'changelog'),
    }
    found |= {folder: below(folder, nbs) for folder in FOLDERS}
    placed = {n for v in found.values() for n in v}
    placed |= {n for folder in ASIDE for n in below(folder, nbs)}
    if lost := [n for n in names if n not in placed]:
        sys.exit(f'site: no section has {", ".join(lost)}: see sections() in tools/site.py')
    return {k: v for k, v in found.items() if v}


def sidebar(nbs=ROOT / 'nbs'):
    "The sidebar's contents as YAML; the package's folders are sections within Development"
    lines = []
    for title, names in sections(nbs).items():
        pad = ' ' * (10 if title in FOLDERS else 6)
        lines += [f'{pad}- section: "{title}"', f'{pad}  contents:']
        lines += [f'{pad}    - {n}' for n in names]
    return '\n'.join([*lines, ''])


def write_sidebar(cfg=ROOT / '_quarto.yml', nbs=ROOT / 'nbs'):
    "Put the sidebar at the end of `_quarto.yml`, and the version into the navbar"
    head, mark, _ = cfg.read_text(encoding='utf-8').partition(MARK)
    assert mark, f'{cfg} has no line {MARK!r}'
    ini = (ROOT / 'settings.ini').read_text(encoding='utf-8')
    version = re.search(r'^version *= *(\S+)', ini, flags=re.M)[1]
    head = re.sub(r'(text: "?)v\d[^"\n]*', rf'\g<1>v{version}', head)
    cfg.write_text(head + mark + sidebar(nbs), encoding='utf-8')


# --- nbdev's processed notebooks, as smalldocs needs them


def page_name(name):
    "Name of the notebook whose page nbdev would call so: 03_plan.ipynb -> plan.ipynb"
    from nbdev.doclinks import _nbpath2html

    return _nbpath2html(Path(name)).with_suffix('.ipynb').name


def mend_links(s, base, up):
    "Links to `base` made relative, and links to notebooks by the names of their pages"
    link = r'((?:\]\(|href="|href: )(?!https?:)[^)"\s]*?)([\w.-]+\.ipynb)'
    return re.sub(link, lambda m: m[1] + page_name(m[2]), s.replace(base, up))


def mend_notebook(p, base, up):
    "The notebook `p`, rewritten"
    nb = json.loads(p.read_text(encoding='utf-8'))
    for c in nb['cells']:
        text = ''.join(c['source'])
        if c['cell_type'] == 'raw':
            c['source'] = re.sub(r'^output-file:.*\n', '', text, flags=re.M)
        if c['cell_type'] == 'markdown':
            c['source'] = mend_links(text, base, up)
        for data in (o.get('data', {}) for o in c.get('outputs', [])):
            for k in {'text/markdown', 'text/html'} & data.keys():
                data[k] = mend_links(''.join(data[k]), base, up)
    p.write_text(json.dumps(nb, ensure_ascii=False, indent=1), encoding='utf-8')
    p.rename(p.with_name(page_name(p.name)))


def stage(proc, dst, base, config):
    "Copy `proc` to `dst` with each notebook named as its page will be, and its links mended"
    shutil.rmtree(dst, ignore_errors=True)
    shutil.copytree(proc, dst, ignore=shutil.ignore_patterns('_docs', '.quarto'))
    for p in list(dst.rglob('*.ipynb')):
        mend_notebook(p, base, '../' * (len(p.relative_to(dst).parts) - 1))
    # the one configuration, instead of nbs/_quarto.yml that only names it
    settings = config.read_text(encoding='utf-8')
    named = re.sub(r'([\w.-]+\.ipynb)', lambda m: page_name(m[1]), settings)
    (dst / '_quarto.yml').write_text(named, encoding='utf-8')


# --- smalldocs' pages


def rewrite(site, pattern, mend):
    "Every file of the site that fits a pattern, as `mend(path, text)` has it; how many changed"
    changed = 0
    for p in site.rglob(pattern):
        old = p.read_text(encoding='utf-8')
        if (new := mend(p, old)) != old:
            p.write_text(new, encoding='utf-8')
            changed += 1
    return changed


def npm_package(name, version):
    "The folder of a package, fetched once with npm; None when that cannot be done"
    place, npm = ROOT / '.cache' / f'{name}-{version}', shutil.which('npm')
    folder = place / 'node_modules' / name
    if npm and not (folder / 'package.json').exists():
        get = [npm, 'install', '--ignore-scripts', '--no-save', '--prefix', place]
        subprocess.run([*get, f'{name}@{version}'], capture_output=True)
    return folder if (folder / 'package.json').exists() else None


def local_katex(site):
    "Point every page at a copy of KaTeX in site_libs/; returns what was done, in words"
    cdn = re.compile(r'https://[^"\s]*/katex@([\d.]+)/dist')
    texts = (p.read_text(encoding='utf-8') for p in site.rglob('*.html'))
    version = next((m[1] for text in texts if (m := cdn.search(text))), None)
    package = version and npm_package('katex', version)
    if not package:
        return 'maths: KaTeX from its CDN, if at all (npm is missing, or could not fetch it)'
    libs = site / 'site_libs' / 'katex'
    other = shutil.ignore_patterns('*.mjs', '*.ttf', '*.woff', '*swap*')
    shutil.copytree(package / 'dist', libs, dirs_exist_ok=True, ignore=other)
    here = lambda p: os.path.relpath(libs, p.parent).replace(os.sep, '/')
    n = rewrite(site, '*.html', lambda p, text: cdn.sub(here(p), text))
    return f'maths: KaTeX beside the pages ({n} use it)'


def no_web_fonts(site):
    "Themes import their fonts from elsewhere; the reader's own sans-serif does"
    font = re.compile(r'@import url\(["\']?https?:[^)]*\);?')
    rewrite(site, '*.css', lambda p, text: font.sub('', text))


def mend_anchors(site):
    """nbdev links `Plan.__or__` to plan.html#plan.__or__: where that has no heading, link
    to the class's"""
    texts = {p.resolve(): p.read_text(encoding='utf-8') for p in site.rglob('*.html')}
    ids = {p: set(map(html.unescape, re.findall(r'\sid="([^"]+)"', s))) for p, s in texts.items()}

    def mend(page, m):
        target = (page.parent / m[1]).resolve() if m[1] else page.resolve()
        anchor, there = html.unescape(m[2]), ids.get(target, set())
        above = anchor.partition('.')[0]
        lost = anchor not in there and above in there
        return f'href="{m[1]}#{html.escape(above)}"' if lost else m[0]

    link = re.compile(r'href="((?!https?:)[^"#]*)#([^"]+)"')
    rewrite(site, '*.html', lambda p, text: link.sub(partial(mend, p), text))


FUZZY = 'const hits = fuse ?'


def exact_first(site):
    "Search: pages with the very words first; what is alike only where there are none"
    exact = Path(__file__).with_name('site_search.js').read_text(encoding='utf-8').rstrip()
    new = f'const exact = {exact};\n      const hits = exact.length ? exact : fuse ?'
    if not rewrite(site, 'smalldocs*.js', lambda p, text: text.replace(FUZZY, new)):
        sys.exit('site: the search of smalldocs is not as it was: mend exact_first')


# --- for everyone: what a page needs that is read aloud, by keyboard, or by contrast

SKIP = '<a class="skip-link" href="#quarto-document-content">Skip to the content</a>'
SHADED = r'background-color: #([0-9a-f]{6});(\s*)color: #[0-9a-f]{6}'
CONTENTS = r'<nav id="TOC-body"([^>]*)>\s*<h2[^>]*>(.*?)</h2>(.*?)</nav>'
FOLDED = (  # the table of contents in the text, which small screens show
    r'<nav aria-label="Contents" id="TOC-body"\1><details><summary>\2</summary>'
    r'\3</details></nav>'
)
NAMED = {  # landmarks have names of their own, icons none, and what opens a menu is a button
    'role="img"></i>': 'aria-hidden="true"></i>',
    'role="navigation" aria-expanded': 'role="button" aria-expanded',
    '<nav id="TOC"': '<nav aria-label="On this page" id="TOC"',
    '<nav id="quarto-sidebar"': '<nav aria-label="Pages" id="quarto-sidebar"',
    '<nav class="navbar': '<nav aria-label="Main" class="navbar',
    '<div class="toc-actions"': '<div role="navigation" aria-label="Actions" class="toc-actions"',
    'class="math display"': 'class="math display" tabindex="0"',
}


FLAG = r'<code(?: class="sourceCode ")?>[^<]*--[a-z][^<]*'  # in a text or an output

CRUMB = '<li class="breadcrumb-item"><a href="[^"]*">'
TWICE = rf'({CRUMB}([^<]*)</a></li>)\s*{CRUMB}\2</a></li>'  # Methods > Methods


EMPTY = r'<th[^>]*>(?:&nbsp;|\s)*</th>'
FIRST = rf'<th[^>]*>(?:flag</th>|name</th>\s*{EMPTY}\s*<th[^>]*>module</th>)'
OF_FLAGS = rf'class="([^"]*"[^>]*>\s*<thead>\s*<tr[^>]*>\s*{FIRST})'  # and of public names


def whole_flags(code):
    "Code without colors, whose flags are not broken after their dashes"
    return re.sub(r'--[a-z][\w-]*', r'<span class="flag">\g<0></span>', code[0])


def readable(shade):
    "A shaded cell of a table, with black or white words: what is in stronger contrast"
    parts = (int(shade[1][i : i + 2], 16) / 255 for i in (0, 2, 4))
    linear = [((c + 0.055) / 1.055) ** 2.4 if c > 0.04 else c / 12.92 for c in parts]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    words = '000000' if light > 0.179 else 'ffffff'
    return f'background-color: #{shade[1]};{shade[2]}color: #{words}'


def words_before(page, at):
    "The last paragraph or heading in front of a place on a page, as plain text"
    texts = re.findall(r'<(p|h[1-6])[ >](.*?)</\1>', page[:at], flags=re.S)
    plain = (re.sub(r'<[^>]*>|&#\d+;', '', f'<{t}').strip() for _, t in reversed(texts))
    return textwrap.shorten(next((t for t in plain if t), 'plot'), 150, placeholder=' …')


def mend_levels(page):
    "Headings without a jump: nbdev gives every symbol a level of 3, whatever is above it"
    title, end, rest = page.partition('</h1>')
    above = 1

    def mend(m):
        nonlocal above
        above = min(int(m[1]), above + 1)
        return f'<h{above}{m[2]}</h{above}>'

    return title + end + re.sub(r'<h([2-6])([ >].*?)</h\1>', mend, rest, flags=re.S)


def mend_page(page):
    """A page with a skip link, words for figures, contrast in tables, landmarks with
    names, headings without a jump, boxes that scroll by keyboard, flags on one line, tables
    of flags and names that a style can name, and no name twice above the title"""
    alt = lambda m: f'<img alt="Plot: {words_before(page, m.start())}" '
    page = re.sub(r'<img (?![^>]*\balt=)', alt, page)
    if SKIP not in page:
        page = re.sub(r'(<body\b[^>]*>)', lambda m: m[1] + SKIP, page, count=1)
    page = re.sub(r'<(pre|table)(?![^>]*tabindex)', r'<\1 tabindex="0"', page)
    for old, new in NAMED.items():
        page = page.replace(old, new)
    page = re.sub(SHADED, readable, page)
    page = re.sub(TWICE, r'\1', re.sub(FLAG, whole_flags, page))
    page = re.sub(OF_FLAGS, r'class="flags \1', page)
    page = mend_levels(re.sub(CONTENTS, FOLDED, page, flags=re.S))
    return re.sub(r'<th([^>]*)>(?:&nbsp;|\s)*</th>', r'<td\1></td>', page)


def sources(nbs=ROOT / 'nbs'):
    "{page: notebook}, as the links to edit a page need it: plan.ipynb -> 03_plan.ipynb"
    paths = map(Path, notebooks(nbs))
    return {p.with_name(page_name(p)).as_posix(): p.as_posix() for p in paths}


def mend_edit(page, named):
    "The link to edit a page leads to the notebook's file, under its own name"
    name = lambda m: m[1] + named.get(m[2], m[2])
    return re.sub(r'(/edit/[^/"]+/nbs/)([\w./-]+\.ipynb)', name, page)


COLAB = 'https://colab.research.google.com/github/twossp/twossp/blob/main/nbs'


def offer_notebook(page, name, source):
    "Under the title of a tutorial: run it in Colab, or take the notebook"
    links = (
        f'<div class="run-it"><a href="{COLAB}/{source}">Open in Colab</a>'
        f'<a href="{name}" download>Download the notebook</a></div>'
    )
    title = r'(<header id="title-block-header".*?</header>)'
    after = lambda m: m[1] + links
    return page if links in page else re.sub(title, after, page, count=1, flags=re.S)


def for_everyone(site, nbs=ROOT / 'nbs'):
    "Every page of the site, mended; every tutorial with its notebook beside it"
    named = sources()
    rewrite(site, '*.html', lambda p, s: mend_edit(mend_page(s), named) if '<body' in s else s)
    for n in below('tutorials', nbs):
        page = (site / n).with_suffix('.html')
        if Path(n).stem != 'tutorials' and page.exists():
            shutil.copy(nbs / n, site / n)
            text = page.read_text(encoding='utf-8')
            page.write_text(offer_notebook(text, Path(n).name, n), encoding='utf-8')


# --- pages that have moved

MOVED = WORDS['moved']
ADDRESSES = Path(__file__).with_name('addresses.txt')


def addresses(nbs=ROOT / 'nbs'):
    "The pages that there are now, without a suffix: howto/prune"
    return [Path(n).with_suffix('').as_posix() for n in sources(nbs)]


def known_addresses(path=ADDRESSES):
    "The pages that there have ever been"
    return path.read_text(encoding='utf-8').split()


def write_addresses(path=ADDRESSES, nbs=ROOT / 'nbs'):
    "Add today's pages to the list: an address that was once given away keeps leading somewhere"
    found = sorted({*known_addresses(path), *addresses(nbs)})
    path.write_text('\n'.join([*found, '']), encoding='utf-8')


def lost_addresses(known, now, moved=MOVED):
    "Pages that are neither there nor redirected, and redirects that lead to no page"
    gone = [f'{n}: say in [moved] of pages.toml where it is now' for n in known
            if n not in now and n not in moved]
    return gone + [f'{n} is redirected to {to}, which is no page' for n, to in moved.items()
                   if to not in now]


REDIRECT = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Moved</title>
<meta http-equiv="refresh" content="0; url={to}"><link rel="canonical" href="{to}">
<script>location.replace("{to}" + location.hash)</script></head>
<body><p>This page has moved: <a href="{to}">{to}</a></p></body></html>
"""


def write_redirects(site, moved=MOVED):
    "At every old address a page that leads to the new one"
    for old, new in moved.items():
        page = site / f'{old}.html'
        to = os.path.relpath(site / f'{new}.html', page.parent).replace(os.sep, '/')
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(REDIRECT.format(to=to), encoding='utf-8')


# --- building


def with_smalldocs(cfg, site):
    "Build the site without Quarto"
    import nbdev.doclinks
    from nbdev.serve import proc_nbs

    nbdev.doclinks._build_modidx()
    proc = proc_nbs(force=True)
    if lost := sorted(set(notebooks()) - set(notebooks(proc))):
        why = 'does a folder above this checkout begin with a dot?'
        sys.exit(f'site: nbdev did not process {", ".join(lost)} ({why})')
    tmp = ROOT / '.site-src'
    stage(proc, tmp, f'{cfg.doc_host}{cfg.doc_baseurl}/', ROOT / '_quarto.yml')
    code = 'import sys; from smalldocs.cli import main; sys.exit(main())'
    subprocess.run([sys.executable, '-c', code, 'render', str(tmp)], check=True)
    shutil.move(tmp / '_docs', site)
    mend_anchors(site)
    no_web_fonts(site)
    exact_first(site)
    print(local_katex(site))


def with_quarto():
    "Build the site with Quarto; README.md keeps the form that tools/nb2readme.py gives it"
    from nbdev.quarto import nbdev_docs

    readme = ROOT / 'README.md'
    before = readme.read_bytes()
    nbdev_docs.__wrapped__()
    readme.write_bytes(before)


def main():
    "Build"
    os.chdir(ROOT)
    from nbdev.config import get_config

    cfg = get_config()
    site, quarto = Path(cfg.doc_path), os.environ.get('QUARTO', shutil.which('quarto'))
    # a build that fails leaves no old pages to be taken for new ones
    shutil.rmtree(site, ignore_errors=True)
    with_quarto() if quarto else with_smalldocs(cfg, site)
    for_everyone(site)
    write_redirects(site)
    pages, how = len(list(site.rglob('*.html'))), 'Quarto' if quarto else 'smalldocs'
    print(f'{pages} pages in {site.name}/, made with {how}')


if __name__ == '__mp_main__':  # nbdev's workers are spawned, which imports this file
    from IPython.core.interactiveshell import InteractiveShell

    # a shell a notebook, each of which would collect garbage before the worker ends
    InteractiveShell.atexit_operations = lambda self: None

if __name__ == '__main__':
    main()
