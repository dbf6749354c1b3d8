"""Check the built documentation site: every internal link, and, in headless Chromium,
what a reader sees

Prints a line `ok` or `FAILED` for each check, and last `N passed, N failed`. The site
is served under a folder, as it will be where it is published, so that links from the
root show up as broken. No Chromium, or no chromedriver, is a failure, not a skip.

usage: python tools/check_site.py [_docs]
Environment: CHROMIUM and CHROMEDRIVER name the two programs when they are not found on the path.
"""

import os, re, shutil, subprocess, sys, tarfile, tempfile, threading, time
from collections import defaultdict
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

PREFIX = '/twossp/'
INDEX, API, WALKTHROUGH = 'index.html', 'two_ssp.html', 'tutorials/walkthrough.html'
SYMBOL, PARAMS = 'two_ssp', ('model', 'calib', 'sparsity')
NARROW, PICTURES = 400, 2
FLAGS = (
    '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run '
    '--disable-background-networking --disable-component-update '
    '--disable-sync --disable-dev-shm-usage --hide-scrollbars'
)


class Checks:
    "Prints and counts"

    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, name, good, *details):
        "Count one check; `details` are shown when it fails"
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        print(f"{'ok    ' if good else 'FAILED'} {name}", flush=True)
        if not good:
            print(
                *(f'         {d}' for d in details[:40]),
                sep='\n',
                end='\n' if details else '',
                flush=True,
            )


# --- links, without a browser


class Page(HTMLParser):
    "The ids of a page, and what it refers to"

    def __init__(self, text):
        super().__init__()
        self.ids, self.refs = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        "Collect ids, links, pictures, styles and scripts"
        a = dict(attrs)
        self.ids |= {a[k] for k in ('id', 'name') if a.get(k)}
        self.refs += [
            a[k]
            for k in ('href', 'src')
            if a.get(k)
            and not (tag == 'link' and a.get('rel') in ('canonical', 'alternate'))
        ]

    handle_startendtag = handle_starttag


def target(ref, page, site, url):
    """(file, anchor) that `ref` on `page` names within the site; None for what lies
    outside; a file of None for a link from the root"""
    if url and ref.startswith(url.rstrip('/') + '/'):
        ref, page = ref[len(url.rstrip('/')) + 1 :], site / 'index.html'
    u = urlsplit(ref)
    if u.scheme or u.netloc:
        return None
    if u.path.startswith('/'):
        return None, ''
    p = (page.parent / unquote(u.path)).resolve() if u.path else page.resolve()
    return p / 'index.html' if p.is_dir() else p, unquote(u.fragment)


def broken_links(site, url=''):
    "(number of internal links, those that lead nowhere as 'page: link')"
    site = Path(site).resolve()
    pages = {
        p: Page(p.read_text(encoding='utf-8')) for p in sorted(site.rglob('*.html'))
    }
    n, bad = 0, defaultdict(list)
    for p, page in pages.items():
        for ref in page.refs:
            if (t := target(ref, p, site, url)) is None:
                continue
            n += 1
            f, frag = t
            ok = (
                f is not None
                and f.is_relative_to(site)
                and f.is_file()
                and (not frag or f not in pages or frag in pages[f].ids)
            )
            if not ok:
                bad[ref].append(p.relative_to(site).as_posix())
    return n, [
        f'{ref} on {ps[0]}' + (f' and {len(ps)-1} more' if len(ps) > 1 else '')
        for ref, ps in bad.items()
    ]


def orphans(site):
    "Pages that index.html does not link to"
    site = Path(site).resolve()
    top = site / 'index.html'
    if not top.exists():
        return ['index.html does not exist']
    linked = {
        t[0]
        for r in Page(top.read_text(encoding='utf-8')).refs
        if (t := target(r, top, site, ''))
    }
    return [
        p.relative_to(site).as_posix()
        for p in sorted(site.rglob('*.html'))
        if p != top
        and p.name != '404.html'
        and 'site_libs' not in p.parts
        and p not in linked
    ]


# --- a server and a browser


class Handler(SimpleHTTPRequestHandler):
    "Serves the folder under PREFIX only, quietly"

    def translate_path(self, path):
        "What is outside PREFIX does not exist"
        return (
            super().translate_path('/' + path[len(PREFIX) :])
            if path.startswith(PREFIX)
            else os.path.join(self.directory, 'outside', 'the', 'site')
        )

    def log_message(self, *args):
        pass


@contextmanager
def served(site):
    "The site's address while it is served"
    server = ThreadingHTTPServer(
        ('127.0.0.1', 0), partial(Handler, directory=str(site))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_port}{PREFIX}'
    finally:
        server.shutdown()
        server.server_close()


def program(env, *names):
    "The first of these programs that exists; what the environment says comes first"
    found = [p for n in (os.environ.get(env), *names) if n and (p := shutil.which(n))]
    return found[0] if found else None


@contextmanager
def chromium():
    "A headless Chromium with an empty profile"
    browser = program(
        'CHROMIUM',
        'chromium',
        'chromium-browser',
        'google-chrome',
        'google-chrome-stable',
        'chrome',
    )
    driver = program('CHROMEDRIVER', 'chromedriver', 'chromium.chromedriver')
    if not browser or not driver:
        raise RuntimeError(
            f'{"Chromium" if not browser else "chromedriver"} is not installed'
            ' (on Debian: apt-get install chromium chromium-driver)'
        )
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        o = webdriver.ChromeOptions()
        o.binary_location = browser
        for a in (*FLAGS.split(), f'--user-data-dir={profile}'):
            o.add_argument(a)
        o.set_capability('goog:loggingPrefs', {'browser': 'SEVERE'})
        d = webdriver.Chrome(options=o, service=Service(driver))
        d.set_page_load_timeout(60)
        try:
            yield d
        finally:
            d.quit()


def until(f, secs=10):
    "The first true value of `f()`, or its last one when time is up"
    end = time.time() + secs
    while not (r := f()) and time.time() < end:
        time.sleep(0.1)
    return r


def resize(d, width, height=900):
    "Emulate a screen of this size"
    d.execute_cdp_cmd(
        'Emulation.setDeviceMetricsOverride',
        dict(width=width, height=height, deviceScaleFactor=1, mobile=width < 600),
    )


# --- what a reader sees

SEEN = '''const seen = e => {
  if (!e || getComputedStyle(e).visibility === "hidden") return false;
  const r = e.getBoundingClientRect();
  return r.width > 0 && r.height > 0 && r.right > 0 && r.left < innerWidth };
'''


def js(d, code, *args):
    return d.execute_script(SEEN + code, *args)


READY = '''return document.readyState === "complete"
  && [...document.images].every(i => i.complete)'''
MATHS = '''const wrong = ".katex-error, [mathcolor='#cc0000'], [style*='#cc0000'],"
    + " [style*='204, 0, 0']";
  return [...document.querySelectorAll(".math")].map(e => ({
    text: e.textContent.slice(0, 60),
    ok: !!e.querySelector(".katex, mjx-container") && !e.querySelector(wrong)
      && e.getBoundingClientRect().width > 0}))'''
PICS = '''return [...document.images].map(i => ({
    src: i.src.slice(0, 80), ok: i.complete && i.naturalWidth > 0}))'''
WIDE = '''const root = document.documentElement, w = root.clientWidth;
  const scrolls = e => {
    for (; e; e = e.parentElement)
      if (e !== document.body && e !== root
          && ["auto", "scroll"].includes(getComputedStyle(e).overflowX)) return true;
    return false };
  const wide = e => !e.ownerSVGElement && !e.closest(".katex-mathml, .hide-tail")
    && e.getBoundingClientRect().right > w+1 && !scrolls(e);
  return {page: Math.max(root.scrollWidth, document.body.scrollWidth), width: w,
    who: [...document.querySelectorAll("main *")].filter(wide).slice(0, 5)
      .map(e => e.tagName + "." + e.className)}'''
TEXT = '''const p = document.querySelector("main p");
  if (!p) return {size: 0, width: 0};
  return {size: parseFloat(getComputedStyle(p).fontSize),
    width: p.getBoundingClientRect().width}'''
NAVBAR = '''const n = document.querySelector("nav.navbar, header nav");
  return seen(n) && n.textContent.includes("twossp")
    && seen(n.querySelector("#quarto-search"))
    && n.querySelectorAll("a[href]").length > 2'''
SIDEBAR = '''return [...document.querySelectorAll("#quarto-sidebar a[href]")]
  .map(a => a.getAttribute("href"))'''
ACTIVE = '''return seen(document.querySelector("#quarto-sidebar a[aria-current=page]"))'''
FIELD = 'return [...document.querySelectorAll("#quarto-search input")].find(seen)'
HITS = '''return [...document.querySelectorAll(".search-result, .aa-Panel a")]
  .filter(seen)'''
ROWS = '''const h = document.getElementById(arguments[0]);
  if (!h) return null;
  const after = t => h.compareDocumentPosition(t) & Node.DOCUMENT_POSITION_FOLLOWING;
  const t = [...document.querySelectorAll(".parameters table")]
    .find(after);
  const cells = r => [...r.cells].map(c => c.textContent.trim());
  return seen(t) ? [...t.querySelectorAll("tbody tr")].map(cells) : []'''
SIGNATURE = '''const words = "def " + arguments[0] + "(";
  return [...document.querySelectorAll("main pre")]
    .some(p => seen(p) && p.textContent.includes(words))'''
SWITCH = '''const b = [...document.querySelectorAll(".quarto-color-scheme-toggle")]
    .find(seen);
  if (b) b.click();
  return !!b'''


# words a reader types -> where the first hit has to lead
SEARCHES = {
    'OOM': 'howto/troubleshooting',
    'LoRA': 'howto/recover',
    'fine-tune': 'howto/recover',
    'finetune': 'howto/recover',
    'multi gpu': 'howto/several_gpus',
    'serve': 'howto/vllm',
    'install': 'index.html#install',
    'llama 7b': 'howto/big',
    'faq': 'howto/troubleshooting',
    'memory': 'howto/budget',
    'vllm': 'howto/vllm',
    'gguf': 'howto/llama_cpp',
}
# pages for users: no line of code is cut off on a screen of 1,280 pixels
CODE = '''const out = ".cell-output, .cell-output-stdout, .cell-output-stderr";
  const cut = p => !p.closest(out) && p.scrollWidth > p.clientWidth + 1;
  return [...document.querySelectorAll("main pre")].filter(cut)
    .map(p => p.textContent.slice(0, 80))'''
AXE_VERSION = '4.14.1'
AXE = '''const done = arguments[0];
  const words = n => n.target.join(" ") + ": " + (n.any[0] || n.none[0] || n.all[0] ||
    {message: ""}).message.slice(0, 150);
  axe.run(document, {resultTypes: ["violations"]}).then(r => done(r.violations.map(
    v => v.id + " (" + v.nodes.length + "), first " + words(v.nodes[0]))))'''


# colours as they are in the end, not on their way there
STILL = '''const s = document.createElement("style");
  s.textContent = "* { transition: none !important }";
  document.head.append(s)'''


def axe_source():
    "axe-core, fetched once with npm; None when that cannot be done"
    cache = Path(__file__).resolve().parent.parent / '.cache'
    kept = cache / f'axe-{AXE_VERSION}.min.js'
    npm = shutil.which('npm')
    if not kept.exists() and npm:
        with tempfile.TemporaryDirectory() as folder:
            get = [npm, 'pack', '--silent', f'axe-core@{AXE_VERSION}']
            subprocess.run(get, cwd=folder, capture_output=True)
            for archive in Path(folder).glob('*.tgz'):
                with tarfile.open(archive) as t:
                    source = t.extractfile('package/axe.min.js').read()
                cache.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(source)
    return kept.read_text(encoding='utf-8') if kept.exists() else None


def check_for_everyone(d, check, base, pages):
    "No violation of axe-core's rules, on any page, in either mode"
    axe = axe_source()
    check('axe-core is there', axe, 'npm could not fetch it')
    for p in pages if axe else ():
        load(d, base + p)
        js(d, STILL)
        for mode in ('one mode', 'the other'):
            d.execute_script(axe)
            bad = d.execute_async_script(AXE)
            check(f'{p}: axe-core finds nothing in {mode}', not bad, *bad)
            js(d, SWITCH)


def first_hits(d, base, words):
    "Where the search's first three hits lead"
    load(d, base + INDEX)
    box = until(lambda: js(d, FIELD))
    box.send_keys(words)
    hits = until(lambda: js(d, HITS)) or []
    return [h.get_attribute('href').removeprefix(base) for h in hits[:3]]


def check_searches(d, check, base):
    "What readers look for is the first hit"
    for words, wanted in SEARCHES.items():
        hits = first_hits(d, base, words)
        right = bool(hits) and hits[0].startswith(wanted)
        check(f'search for {words!r}: {hits[0] if hits else "nothing"}', right, *hits)


def load(d, url):
    "Open a page and wait until scripts and pictures are done; errors it put on the console"
    d.get_log('browser')
    d.get(url)
    until(lambda: js(d, READY))
    until(lambda: all(m['ok'] for m in js(d, MATHS)), 5)
    return [e['message'] for e in d.get_log('browser') if 'favicon' not in e['message']]


def check_frame(d, check, page, n_pages):
    "Navbar, sidebar"
    check(f'{page}: navbar with the title, a search field and links', js(d, NAVBAR))
    links = js(d, SIDEBAR)
    there = {l.split('#')[0] for l in links if l not in ('', '#')}
    counts = f'{len(links)} links, {n_pages} pages'
    check(f'{page}: sidebar with a link to every page ({counts})', len(there) >= n_pages)
    check(f'{page}: the sidebar shows where we are', js(d, ACTIVE))


def check_search(d, check, base):
    "Type the symbol, follow the first hit, arrive at its heading"
    load(d, base + INDEX)
    box = until(lambda: js(d, FIELD))
    check('search: there is a field', box)
    if not box:
        return
    box.send_keys(SYMBOL)
    hits = until(lambda: js(d, HITS))
    good = [h for h in hits if SYMBOL in (h.get_attribute('href') or '') + h.text]
    check(f'search for {SYMBOL!r} finds something', good, f'{len(hits)} results')
    if not good:
        return
    good[0].click()
    here = lambda: SYMBOL in d.find_element('css selector', 'main').text
    where = urlsplit(d.current_url).path
    check(f'search: the first hit leads to a page with {SYMBOL!r} ({where})', until(here))


def check_api(d, check, base):
    "Signature and parameter table of the symbol"
    load(d, f'{base}{API}#{SYMBOL}')
    rows = js(d, ROWS, SYMBOL)
    check(f'{API}: a heading with id {SYMBOL!r}', rows is not None)
    rows = rows or []
    names = [r[0] for r in rows]
    check(
        f'{API}: parameter table of {SYMBOL} ({", ".join(names)})',
        all(p in names for p in PARAMS) and 'Returns' in names,
        names,
    )
    check(
        f'{API}: every parameter has a description',
        rows and all(r[-1] for r in rows),
        *rows,
    )
    check(f'{API}: the signature is shown', js(d, SIGNATURE, SYMBOL))


def check_dark(d, check, base):
    "The switch between light and dark changes the background"
    load(d, base + INDEX)
    shade = 'return getComputedStyle(document.body).backgroundColor'
    before = js(d, shade)
    changed = js(d, SWITCH) and until(lambda: js(d, shade) != before, 5)
    check('dark mode: a switch that changes the background', changed, before)


def check_pages(d, check, base, pages):
    """On every page: no errors on the console, pictures load, maths is rendered, nothing
    is wider than a small screen"""
    n_maths, n_pics = 0, {}
    for p in pages:
        resize(d, 1280)
        errors = load(d, base + p)
        maths, pics = js(d, MATHS), js(d, PICS)
        n_maths, n_pics[p] = n_maths + len(maths), len(pics)
        bad = (
            errors
            + [f'maths not rendered: {m["text"]}' for m in maths if not m['ok']]
            + [f'picture not loaded: {i["src"]}' for i in pics if not i['ok']]
        )
        seen = f'{len(pics)} pictures load, {len(maths)} formulas are rendered'
        check(f'{p}: {seen}, no errors', not bad, *bad)
        if not p.startswith('tests/'):
            cut = js(d, CODE)
            check(f'{p}: no line of code is cut off', not cut, *cut)
        resize(d, NARROW)
        w, t = js(d, WIDE), js(d, TEXT)
        check(
            f'{p}: readable on {NARROW} pixels',
            w['page'] <= w['width']
            and not w['who']
            and t['size'] >= 14
            and t['width'] >= 0.75 * w['width'],
            w,
            t,
        )
    resize(d, 1280)
    check(f'some page has maths ({n_maths} formulas)', n_maths)
    check(
        f'{WALKTHROUGH}: at least {PICTURES} pictures',
        n_pics.get(WALKTHROUGH, 0) >= PICTURES,
        n_pics.get(WALKTHROUGH),
    )


def check_narrow_menus(d, check, base):
    "On a small screen the buttons open the sidebar and the navbar"
    resize(d, NARROW)
    load(d, base + API)
    for what, button, menu in (
        ('sidebar', '.quarto-secondary-nav button', '#quarto-sidebar a[href]'),
        ('navbar', '.navbar-toggler', '.navbar-collapse a[href]'),
    ):
        count = f'return [...document.querySelectorAll({menu!r})].filter(seen).length'
        hidden = js(d, count) == 0
        js(d, f'const b = document.querySelector({button!r}); if (seen(b)) b.click()')
        check(
            f'{NARROW} pixels: a button opens the {what}',
            hidden and until(lambda c=count: js(d, c), 5),
        )
    resize(d, 1280)


def site_url():
    "Where the site will be published"
    root = Path(__file__).resolve().parent.parent
    m = re.search(
        r'^\s*site-url:\s*(\S+)',
        (root / '_quarto.yml').read_text(encoding='utf-8'),
        flags=re.M,
    )
    return m[1] if m else ''


def run(site, check):
    "All checks of the site in the folder `site`"
    pages = [
        p.relative_to(site).as_posix()
        for p in sorted(site.rglob('*.html'))
        if 'site_libs' not in p.parts
    ]
    check(f'{len(pages)} pages in {site.name}/', pages)
    missing = [p for p in (INDEX, API, WALKTHROUGH) if p not in pages]
    check(
        f'there are {INDEX}, {API} and {WALKTHROUGH}',
        not missing,
        f'missing: {", ".join(missing)}',
    )
    n, bad = broken_links(site, site_url())
    check(f'{n} internal links and anchors lead somewhere', n and not bad, *bad)
    lost = orphans(site)
    check('the first page links to every other one', not lost, *lost)
    try:
        with served(site) as base, chromium() as d:
            resize(d, 1280)
            for p in (INDEX, API, WALKTHROUGH):
                if p in missing:
                    check(f'{p}: navbar and sidebar', False, 'the page does not exist')
                else:
                    load(d, base + p)
                    check_frame(d, check, p, len(pages))
            if INDEX not in missing:
                check_search(d, check, base)
                check_searches(d, check, base)
                check_dark(d, check, base)
            if API not in missing:
                check_api(d, check, base)
                check_narrow_menus(d, check, base)
            check_pages(d, check, base, pages)
            check_for_everyone(d, check, base, pages)
    except Exception as e:
        first = next(iter(str(e).strip().splitlines()), '')
        check('the browser ran through', False, f'{type(e).__name__}: {first}')


def main(args):
    "Check a folder; exit code 1 if anything failed"
    site, check = Path(args[0] if args else '_docs').resolve(), Checks()
    if len(args) > 1:
        sys.exit(__doc__)
    if site.is_dir():
        run(site, check)
    else:
        check(f'{site.name}/ exists', False, 'build it with `make docs`')
    print(f'{check.passed} passed, {check.failed} failed', flush=True)
    return bool(check.failed)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
