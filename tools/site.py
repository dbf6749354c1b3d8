"""Build the documentation site into _docs/: with Quarto when it is installed, else with
nbdev's processing and smalldocs

For smalldocs this mends what it does not read: `output-file` (nbdev drops the number:
03_plan.ipynb is plan.html), nbdev's absolute links to this project's own pages, links
to a method that has no heading of its own, fonts from the web, and KaTeX, which is put
beside the pages when npm is there (else the pages load it from its CDN).

usage: python tools/site.py              build
       python tools/site.py --smalldocs  build without Quarto, even when it is installed
       python tools/site.py --sidebar    only write the sidebar's list of notebooks into _quarto.yml
"""

import html, json, os, re, shutil, subprocess, sys, tarfile, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# the pages of a folder that come first, in this order
FIRST = dict(
    tutorials='tutorials walkthrough new_family new_method recover recover_half experts'
    ' ablations paper_tables',
    howto='howto prune several_gpus big budget sparsity calibration recover evaluate grid save'
    ' vllm llama_cpp quantise hybrid multimodal mixture',
    methods='methods two_ssp two_ssp_plus shortgpt window_based blockpruner evopress slicegpt',
    results='measured types',
)
FIRST = {k: v.split() for k, v in FIRST.items()}
START = 'index', 'changelog'
FLOORS = {  # decade of a notebook's number -> what one asks there
    '0': 'The model and the plan',
    '1': 'Running it',
    '2': 'The paper',
    '3': 'Beyond it',
    '4': 'Rivals',
    '5': 'Keep and serve',
    '6': 'Measure',
    '7': 'Doors',
}
LAST = 'Tests & benchmarks'
MARK = '    contents:\n'

# --- the sidebar


def notebooks(nbs=ROOT / 'nbs'):
    "Paths of all notebooks, from nbs/, as posix strings"
    rel = (p.relative_to(nbs) for p in nbs.rglob('*.ipynb'))
    return sorted(p.as_posix() for p in rel if not any(o[0] in '_.' for o in p.parts))


def place(name):
    "Where a tutorial or how-to page stands among its like: as listed, then by name"
    stem, first = Path(name).stem, FIRST.get(Path(name).parts[0], [])
    return first.index(stem) if stem in first else len(first), name


def below(folder, nbs=ROOT / 'nbs'):
    "The notebooks of a folder, in their order"
    found = [n for n in notebooks(nbs) if n.startswith(f'{folder}/')]
    return sorted(found, key=place)


def sections(nbs=ROOT / 'nbs'):
    "The sidebar: {title of a section: notebooks}; every notebook is in one"
    names = notebooks(nbs)
    found = {
        'Get started': [f'{n}.ipynb' for n in START if f'{n}.ipynb' in names],
        'How-to': below('howto', nbs),
        'Tutorials': below('tutorials', nbs),
        'Methods': below('methods', nbs),
        'Results': below('results', nbs),
        'API': [n for n in names if n == 'api.ipynb'],
    }
    for digit, title in FLOORS.items():
        found[title] = [n for n in names if re.match(digit + r'\d_', n)]
    placed = {n for v in found.values() for n in v}
    found[LAST] = [n for n in names if n not in placed]
    return {k: v for k, v in found.items() if v}


def list_section(title, names, indent):
    "A section of the sidebar as YAML"
    pad = ' ' * indent
    pages = ''.join(f'{pad}    - {n}\n' for n in names)
    return f'{pad}- section: "{title}"\n{pad}  contents:\n{pages}'


def sidebar(nbs=ROOT / 'nbs'):
    "The sidebar's contents as YAML; the floors are sections within that of the API"
    found = sections(nbs)
    inner = {*FLOORS.values(), LAST}
    return ''.join(
        list_section(k, v, 10 if k in inner else 6) for k, v in found.items()
    )


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
    s = s.replace(base, up)
    return re.sub(
        r'((?:\]\(|href="|href: )(?!https?:)[^)"\s]*?)([\w.-]+\.ipynb)',
        lambda m: m[1] + page_name(m[2]),
        s,
    )


def mend_notebook(p, base, up):
    "The notebook `p`, rewritten"
    nb = json.loads(p.read_text(encoding='utf-8'))
    text = lambda x: x if isinstance(x, str) else ''.join(x)
    for c in nb['cells']:
        if c['cell_type'] == 'raw':
            c['source'] = re.sub(
                r'^output-file:.*\n', '', text(c['source']), flags=re.M
            )
        if c['cell_type'] == 'markdown':
            c['source'] = mend_links(text(c['source']), base, up)
        for o in c.get('outputs', []):
            for k in ('text/markdown', 'text/html'):
                if k in o.get('data', {}):
                    o['data'][k] = mend_links(text(o['data'][k]), base, up)
    p.write_text(json.dumps(nb, ensure_ascii=False, indent=1), encoding='utf-8')
    p.rename(p.with_name(page_name(p.name)))


def stage(proc, dst, base, config):
    "Copy `proc` to `dst` with each notebook named as its page will be, and its links mended"
    shutil.rmtree(dst, ignore_errors=True)
    shutil.copytree(proc, dst, ignore=shutil.ignore_patterns('_docs', '.quarto'))
    for p in list(dst.rglob('*.ipynb')):
        mend_notebook(p, base, '../' * (len(p.relative_to(dst).parts) - 1))
    cfg = config.read_text(
        encoding='utf-8'
    )  # the one configuration, in place of nbs/_quarto.yml that only names it
    (dst / '_quarto.yml').write_text(
        re.sub(r'([\w.-]+\.ipynb)', lambda m: page_name(m[1]), cfg), encoding='utf-8'
    )


# --- smalldocs' pages


def katex_files(version, cache):
    "Folder with that version of KaTeX, fetched once with npm; None when that cannot be done"
    dst = cache / f'katex-{version}'
    if (dst / 'katex.min.js').exists():
        return dst
    if not (npm := shutil.which('npm')):
        return None
    with tempfile.TemporaryDirectory() as d:
        p = subprocess.run(
            [npm, 'pack', '--silent', f'katex@{version}'],
            cwd=d,
            capture_output=True,
            text=True,
        )
        if p.returncode:
            return None
        with tarfile.open(next(Path(d).glob('*.tgz'))) as t:
            t.extractall(d, filter='data')
        shutil.copytree(Path(d) / 'package' / 'dist', dst, dirs_exist_ok=True)
    return dst


def local_katex(site, cache):
    "Point every page at a copy of KaTeX in site_libs/; returns what was done, in words"
    cdn = re.compile(r'https://[^"\s]*/katex@([\d.]+)/dist')
    pages = [
        p for p in site.rglob('*.html') if cdn.search(p.read_text(encoding='utf-8'))
    ]
    if not pages:
        return 'no page has maths'
    src = katex_files(cdn.search(pages[0].read_text(encoding='utf-8'))[1], cache)
    if src is None:
        return 'maths: KaTeX from its CDN (npm is missing, or could not fetch it)'
    shutil.copytree(
        src,
        site / 'site_libs' / 'katex',
        dirs_exist_ok=True,
        ignore=lambda d, fs: [
            f for f in fs if f.endswith(('.mjs', '.ttf', '.woff')) or 'swap' in f
        ],
    )
    for p in pages:
        up = '../' * (len(p.relative_to(site).parts) - 1)
        p.write_text(
            cdn.sub(f'{up}site_libs/katex', p.read_text(encoding='utf-8')),
            encoding='utf-8',
        )
    return f'maths: KaTeX beside the pages ({len(pages)} use it)'


def no_web_fonts(site):
    "Themes import their fonts from elsewhere; the reader's own sans-serif does"
    for p in site.rglob('*.css'):
        s = p.read_text(encoding='utf-8')
        if (new := re.sub(r'@import url\(["\']?https?:[^)]*\);?', '', s)) != s:
            p.write_text(new, encoding='utf-8')


def mend_anchors(site):
    """nbdev links `Plan.__or__` to plan.html#plan.__or__: where that has no heading, link
    to the class's"""
    pages = {p.resolve(): p.read_text(encoding='utf-8') for p in site.rglob('*.html')}
    ids = {
        p: {html.unescape(i) for i in re.findall(r'\sid="([^"]+)"', s)}
        for p, s in pages.items()
    }

    def fix(page, m):
        target = (page.parent / m[1]).resolve() if m[1] else page
        frag, ok = html.unescape(m[2]), ids.get(target, set())
        return (
            f'href="{m[1]}#{html.escape(frag.split(".")[0])}"'
            if frag not in ok and '.' in frag and frag.split('.')[0] in ok
            else m[0]
        )

    for p, s in pages.items():
        new = re.sub(r'href="((?!https?:)[^"#]*)#([^"]+)"', lambda m, p=p: fix(p, m), s)
        if new != s:
            p.write_text(new, encoding='utf-8')


# --- for everyone: what a page needs that is read aloud, by keyboard, or by contrast

SKIP = '<a class="skip-link" href="#quarto-document-content">Skip to the content</a>'
SCROLLS = r'<(pre|table)(?![^>]*tabindex)'


SHADED = r'background-color: #([0-9a-f]{6});(\s*)color: #[0-9a-f]{6}'


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
    words = next((' '.join(t.split()) for t in plain if t), 'plot')
    return words if len(words) < 150 else words[:149].rsplit(' ', 1)[0] + ' …'


def name_pictures(page):
    "Pictures without words get those that introduce them"
    return re.sub(
        r'<img (?![^>]*\balt=)',
        lambda m: f'<img alt="Plot: {words_before(page, m.start())}" ',
        page,
    )


def mend_levels(page):
    "Headings without a jump: nbdev gives every symbol a level of 3, whatever is above it"
    title, end, rest = page.partition('</h1>')
    above = 1

    def mend(m):
        nonlocal above
        above = min(int(m[1]), above + 1)
        return f'<h{above}{m[2]}</h{above}>'

    return title + end + re.sub(r'<h([2-6])([ >].*?)</h\1>', mend, rest, flags=re.S)


def fold_contents(page):
    "The table of contents in the text, which small screens show, folded"
    return re.sub(
        r'<nav id="TOC-body"([^>]*)>\s*<h2[^>]*>(.*?)</h2>(.*?)</nav>',
        r'<nav aria-label="Contents" id="TOC-body"\1><details><summary>\2</summary>'
        r'\3</details></nav>',
        page,
        flags=re.S,
    )


def mend_page(page):
    """A page with a skip link, words for pictures and icons, landmarks with names of
    their own, and boxes that scroll by keyboard"""
    page = name_pictures(page)
    if 'class="skip-link"' not in page:
        page = re.sub(r'(<body\b[^>]*>)', lambda m: m[1] + SKIP, page, count=1)
    page = re.sub(SCROLLS, r'<\1 tabindex="0"', page)
    page = page.replace('role="img"></i>', 'aria-hidden="true"></i>')
    page = page.replace('role="navigation" aria-expanded', 'role="button" aria-expanded')
    page = page.replace('<nav id="TOC"', '<nav aria-label="On this page" id="TOC"')
    pages = '<nav aria-label="Pages" id="quarto-sidebar"'
    page = page.replace('<nav id="quarto-sidebar"', pages)
    page = page.replace('<nav class="navbar', '<nav aria-label="Main" class="navbar')
    actions = '<div role="navigation" aria-label="Actions" class="toc-actions"'
    page = page.replace('<div class="toc-actions"', actions)
    page = re.sub(SHADED, readable, page)
    page = page.replace('class="math display"', 'class="math display" tabindex="0"')
    page = mend_levels(fold_contents(page))
    return re.sub(r'<th([^>]*)>(?:&nbsp;|\s)*</th>', r'<td\1></td>', page)


EXACT = """(window.exactHits = window.exactHits || ((entries, query, most) => {
  const words = query.toLowerCase().split(/[\\s-]+/).filter((w) => w);
  const escaped = (w) => w.replace(/[.*+?^${}()|[\\]\\\\]/g, "\\\\$&");
  const find = words.map((w) => new RegExp("(?<![a-z0-9])" + escaped(w), "ig"));
  const count = (text) => find.map((r) => (text.match(r) || []).length);
  const score = (e) => {
    const t = count(e.title), s = count(e.section || ""), x = count(e.text);
    if (words.some((w, i) => !(t[i] + s[i] + x[i]))) return 0;
    const first = /^howto\\//, last = /^(tests|benchmarks)\\//;
    const start = /^index/.test(e.href) ? 6 : last.test(e.href) ? -6 : 0;
    const all = /#all-messages/.test(e.href); // has words of everything
    const how = first.test(e.href) && !all ? 10 : start;
    const sum = (a, most) => a.reduce((n, k) => n + Math.min(k, most), 0);
    return 20 + how + 8 * sum(t, 1) + 5 * sum(s, 1) + sum(x, 3);
  };
  return entries.map((e) => [score(e), e]).filter((p) => p[0] > 0)
    .sort((a, b) => b[0] - a[0]).slice(0, most).map((p) => p[1]);
}))(index, q, limit)"""
FUZZY = 'const hits = fuse ?'


def exact_first(site):
    "Search: pages with the very words first; what is alike only where there are none"
    found = [p for p in site.rglob('smalldocs*.js') if FUZZY in p.read_text('utf-8')]
    for p in found:
        s = p.read_text(encoding='utf-8')
        new = f'const exact = {EXACT};\n      const hits = exact.length ? exact : fuse ?'
        p.write_text(s.replace(FUZZY, new), encoding='utf-8')
    return len(found)


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
    said = (
        f'<div class="run-it"><a href="{COLAB}/{source}">Open in Colab</a>'
        f'<a href="{name}" download>Download the notebook</a></div>'
    )
    title = r'(<header id="title-block-header".*?</header>)'
    after = lambda m: m[1] + said
    return page if said in page else re.sub(title, after, page, count=1, flags=re.S)


def offer_notebooks(site, nbs=ROOT / 'nbs'):
    "Every tutorial with its notebook beside it"
    for n in below('tutorials', nbs):
        page = site / Path(n).with_suffix('.html')
        if Path(n).stem != 'tutorials' and page.exists():
            shutil.copy(nbs / n, page.with_name(Path(n).name))
            text = page.read_text(encoding='utf-8')
            page.write_text(offer_notebook(text, Path(n).name, n), encoding='utf-8')


def for_everyone(site):
    "Every page of the site, mended"
    named = sources()
    offer_notebooks(site)
    for p in site.rglob('*.html'):
        s = p.read_text(encoding='utf-8')
        if '<body' in s:
            p.write_text(mend_edit(mend_page(s), named), encoding='utf-8')


# --- building


def setup():
    "nbdev's configuration; its child processes find this checkout's `twossp` and `tools`"
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ['PYTHONPATH'] = os.pathsep.join(
        filter(None, [str(ROOT), os.environ.get('PYTHONPATH')])
    )
    from nbdev.config import get_config

    return get_config()


def with_smalldocs(cfg):
    "Build the site without Quarto"
    import nbdev.doclinks
    from nbdev.serve import proc_nbs

    nbdev.doclinks._build_modidx()
    proc = proc_nbs(force=True)
    want, got = set(notebooks()), set(notebooks(proc))
    if want - got:
        sys.exit(
            f'site: nbdev did not process {", ".join(sorted(want-got))}'
            ' (does a folder above this checkout begin with a dot?)'
        )
    tmp = ROOT / '.site-src'
    stage(proc, tmp, f'{cfg.doc_host}{cfg.doc_baseurl}/', ROOT / '_quarto.yml')
    code = 'import sys; from smalldocs.cli import main; sys.exit(main())'
    subprocess.run([sys.executable, '-c', code, 'render', str(tmp)], check=True)
    shutil.rmtree(cfg.doc_path, ignore_errors=True)
    shutil.move(tmp / '_docs', cfg.doc_path)
    mend_anchors(Path(cfg.doc_path))
    no_web_fonts(Path(cfg.doc_path))
    print(local_katex(Path(cfg.doc_path), ROOT / '.cache'))


def with_quarto(cfg):
    "Build the site with Quarto; README.md keeps the form that tools/nb2readme.py gives it"
    from nbdev.quarto import nbdev_docs

    readme = ROOT / 'README.md'
    before = readme.read_bytes() if readme.exists() else None
    nbdev_docs.__wrapped__()
    if before is not None:
        readme.write_bytes(before)


def main(args):
    "Build, or write the sidebar"
    if args == ['--sidebar']:
        return write_sidebar()
    if args not in ([], ['--smalldocs']):
        sys.exit(__doc__)
    cfg = setup()
    quarto = shutil.which('quarto') if not args else None
    # a build that fails leaves no old pages to be taken for new ones
    shutil.rmtree(cfg.doc_path, ignore_errors=True)
    (with_quarto if quarto else with_smalldocs)(cfg)
    for_everyone(Path(cfg.doc_path))
    if not quarto and not exact_first(Path(cfg.doc_path)):
        sys.exit('site: the search of smalldocs is not as it was: mend exact_first')
    pages = len(list(Path(cfg.doc_path).rglob('*.html')))
    print(
        f'{pages} pages in {Path(cfg.doc_path).name}/,'
        f' made with {"Quarto" if quarto else "smalldocs"}'
    )


if __name__ == '__main__':  # nbdev starts its workers with 'spawn', which imports this file
    main(sys.argv[1:])
