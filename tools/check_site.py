"""Check the built documentation site: every internal link, and, in headless Chromium,
what a reader sees (check_site.js says how)

Prints a line `ok` or `FAILED` for each check, and last `N passed, N failed`. The site
is served under a folder, as it will be where it is published, so that links from the
root show up as broken. No Chromium, or no chromedriver, is a failure, not a skip.

usage: python -m tools.check_site [_docs]
Environment: CHROMIUM and CHROMEDRIVER name the two programs when they are not found on the path.
"""

import html
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools.site import ROOT, WORDS, npm_package

PREFIX = '/twossp/'
INDEX, WALKTHROUGH = 'index.html', 'tutorials/walkthrough.html'
SYMBOL, PARAMS = 'two_ssp', ('model', 'calib', 'sparsity', 'Returns')
DOCUMENTED = 'pruning/two_ssp.html'  # the page of SYMBOL
WIDE, NARROW, PICTURES = 1280, 400, 2
AXE_VERSION = '4.14.1'
COLORS = 'color-contrast', 'link-in-text-block'  # axe-core's rules that depend on the mode
JOBS = 2  # browsers at a time
FLAGS = (
    '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run '
    '--disable-background-networking --disable-component-update '
    '--disable-sync --disable-dev-shm-usage --hide-scrollbars'
)
PROGRAMS = {
    'CHROMIUM': 'chromium chromium-browser google-chrome google-chrome-stable chrome'.split(),
    'CHROMEDRIVER': ['chromedriver', 'chromium.chromedriver'],
}


class Checks:
    "Prints and counts, for several browsers at a time"

    def __init__(self):
        self.passed, self.failed, self.lock = 0, 0, threading.Lock()

    def __call__(self, name, good, *details):
        "Count one check; `details` are shown when it fails"
        lines = [] if good else [f'         {d}' for d in details[:40]]
        with self.lock:
            self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
            print(f"{'ok    ' if good else 'FAILED'} {name}", *lines, sep='\n', flush=True)


# --- links, without a browser


class Page(HTMLParser):
    "The ids of a page, and what it refers to"

    def __init__(self, text):
        super().__init__()
        self.ids, self.refs = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        "Collect ids, links, images, styles and scripts"
        a = dict(attrs)
        self.ids |= {a[k] for k in ('id', 'name') if a.get(k)}
        if tag != 'link' or a.get('rel') not in ('canonical', 'alternate'):
            self.refs += [a[k] for k in ('href', 'src') if a.get(k)]

    handle_startendtag = handle_starttag


def read_pages(site):
    "{path: its ids and links} of every page"
    paths = [p for p in sorted(site.rglob('*.html')) if 'site_libs' not in p.parts]
    texts = {p: p.read_text(encoding='utf-8') for p in paths}
    # a page that has moved is looked at where it is now
    return {p: Page(text) for p, text in texts.items() if 'http-equiv="refresh"' not in text}


def target(ref, page, site, url):
    """(file, anchor) that `ref` on `page` names within the site; None for what lies
    outside; a file of None for a link from the root"""
    if url and ref.startswith(url.rstrip('/') + '/'):
        ref, page = ref[len(url.rstrip('/')) + 1 :], site / INDEX
    u = urlsplit(ref)
    if u.scheme or u.netloc:
        return None
    if u.path.startswith('/'):
        return None, ''
    p = (page.parent / unquote(u.path)).resolve() if u.path else page
    return p / INDEX if p.is_dir() else p, unquote(u.fragment)


def broken_links(site, url='', pages=None):
    "(number of internal links, those that lead nowhere as 'link on page')"
    site = Path(site).resolve()
    pages, n, bad = pages or read_pages(site), 0, defaultdict(list)
    for p, page in pages.items():
        for ref in page.refs:
            if (found := target(ref, p, site, url)) is None:
                continue
            n += 1
            file, anchor = found
            there = file is not None and file.is_relative_to(site) and file.is_file()
            if not there or (anchor and file in pages and anchor not in pages[file].ids):
                bad[ref].append(p.relative_to(site).as_posix())
    more = lambda on: f' and {len(on) - 1} more' if len(on) > 1 else ''
    return n, [f'{ref} on {on[0]}{more(on)}' for ref, on in bad.items()]


def orphans(site, pages=None):
    "Pages that no way of links from index.html leads to"
    site = Path(site).resolve()
    pages, top = pages or read_pages(site), site / INDEX
    if top not in pages:
        return [f'{INDEX} does not exist']
    found, todo = {top}, [top]
    while todo:
        page = todo.pop()
        named = {t[0] for ref in pages[page].refs if (t := target(ref, page, site, ''))}
        new = (named & pages.keys()) - found
        found |= new
        todo += new
    lost = [p for p in pages if p.name != '404.html' and p not in found]
    return [p.relative_to(site).as_posix() for p in lost]


DASHED = r'(?<!\w)[–—][a-z]\w*'  # –context, of --context


def lost_dashes(site):
    "Flags whose two dashes became one, as 'text on page': smart typography is off (_quarto.yml)"
    site, bad = Path(site).resolve(), []
    for p in sorted(site.rglob('*.html')):
        text = html.unescape(p.read_text(encoding='utf-8'))
        bad += [f'{x} on {p.relative_to(site).as_posix()}' for x in re.findall(DASHED, text)]
    return bad


# --- a server and a browser


class Handler(SimpleHTTPRequestHandler):
    "Serves quietly"

    def log_message(self, *args):
        pass


@contextmanager
def served(site):
    "The site's address while it is served, below PREFIX and nowhere else"
    with tempfile.TemporaryDirectory() as top:
        (Path(top) / PREFIX.strip('/')).symlink_to(site)
        server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Handler, directory=top))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f'http://127.0.0.1:{server.server_port}{PREFIX}'
        finally:
            server.shutdown()
            server.server_close()


def find_browser():
    "Chromium and its driver; what the environment names comes first"
    for env, names in PROGRAMS.items():
        found = [p for n in (os.environ.get(env), *names) if n and (p := shutil.which(n))]
        if not found:
            fix = 'on Debian: apt-get install chromium chromium-driver'
            raise RuntimeError(f'{env.capitalize()} is not installed ({fix})')
        yield found[0]


@contextmanager
def chromium():
    "A headless Chromium with an empty profile"
    browser, driver = find_browser()
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = browser
        for flag in (*FLAGS.split(), f'--user-data-dir={profile}'):
            options.add_argument(flag)
        options.set_capability('goog:loggingPrefs', {'browser': 'SEVERE'})
        options.timeouts = dict(pageLoad=60_000, script=120_000)
        d = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield d
        finally:
            d.quit()


SEEN = Path(__file__).with_suffix('.js').read_text(encoding='utf-8')


def js(d, call, *args):
    "What a function of check_site.js says of the page"
    return d.execute_script(f'{SEEN}\nreturn {call}', *args)


def until(f, secs=10):
    "The first true value of `f()`, or its last one when time is up"
    end = time.time() + secs
    while not (r := f()) and time.time() < end:
        time.sleep(0.1)
    return r


def resize(d, width):
    "Emulate a screen of this size"
    size = dict(width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    d.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)


def load(d, url):
    "Open a page and wait until scripts and images are done; errors it put on the console"
    d.get_log('browser')
    d.get(url)
    until(lambda: js(d, 'ready()'))
    until(lambda: all(m['ok'] for m in js(d, 'maths()')), 5)
    return [e['message'] for e in d.get_log('browser') if 'favicon' not in e['message']]


# --- what a reader sees


def check_frame(d, check, base, page):
    "Navbar, sidebar"
    load(d, base + page)
    check(f'{page}: navbar with the title, a search field and links', js(d, 'navbar()'))
    check(f'{page}: the sidebar shows where we are', js(d, 'active()'))


def search(d, base, words):
    "The hits of a search, as links"
    load(d, base + INDEX)
    until(lambda: js(d, 'field()')).send_keys(words)
    return until(lambda: js(d, 'hits()')) or []


def check_searches(d, check, base):
    "What readers look for is the first hit, and following it leads to a page that has it"
    for words, wanted in WORDS['searches'].items():
        hits = [h.get_attribute('href').removeprefix(base) for h in search(d, base, words)[:3]]
        right = hits and hits[0].startswith(wanted)
        check(f'search for {words!r}: {hits[0] if hits else "nothing"}', right, *hits)
    hits = search(d, base, SYMBOL)
    if hits:
        hits[0].click()
    there = lambda: SYMBOL in d.find_element('css selector', 'main').text
    where = urlsplit(d.current_url).path
    check(f'search for {SYMBOL!r} leads to a page with it ({where})', hits and until(there))


def check_api(d, check, base, page):
    "Signature and parameter table of the symbol"
    load(d, f'{base}{page}#{SYMBOL}')
    rows = js(d, 'rows(arguments[0])', SYMBOL) or []
    names = [r[0] for r in rows]
    complete = {*PARAMS} <= {*names} and all(r[-1] for r in rows)
    check(f'{page}: every parameter of {SYMBOL} is described', complete, *rows)
    check(f'{page}: the signature is shown', js(d, 'signature(arguments[0])', SYMBOL))


def check_dark(d, check, base):
    "The switch between light and dark changes the background"
    load(d, base + INDEX)
    before = js(d, 'shade()')
    changed = js(d, 'toggle()') and until(lambda: js(d, 'shade()') != before, 5)
    check('dark mode: a switch that changes the background', changed, before)


def check_narrow_menus(d, check, base, page):
    "On a small screen the buttons open the sidebar and the navbar"
    resize(d, NARROW)
    load(d, base + page)
    for what, button, menu in (
        ('sidebar', '.quarto-secondary-nav button', '#quarto-sidebar a[href]'),
        ('navbar', '.navbar-toggler', '.navbar-collapse a[href]'),
    ):
        count = partial(js, d, 'count(arguments[0])', menu)
        hidden = count() == 0
        js(d, 'click(arguments[0])', button)
        check(f'{NARROW} pixels: a button opens the {what}', hidden and until(count, 5))
    resize(d, WIDE)


def check_page(d, check, base, page, axe, whole):
    """No errors on the console, images load, maths is rendered, nothing is wider than a
    small screen or cut off, and no violation of axe-core's rules, in the second mode of
    those on colors (on the first page of all); of what looks alike on the page that is
    seen once, but on a `whole` one"""
    errors, maths, pictures = load(d, base + page), js(d, 'maths()'), js(d, 'pictures()')
    bad = errors + [f'not shown: {x["text"]}' for x in maths + pictures if not x['ok']]
    seen = f'{len(pictures)} images load, {len(maths)} formulas are rendered'
    check(f'{page}: {seen}, no errors', not bad, *bad)
    if not page.startswith('tests/'):
        cut = js(d, 'cut()')
        check(f'{page}: no line of code is cut off', not cut, *cut)
    js(d, 'still()')
    if not whole:
        js(d, 'thin()')
    d.execute_script(axe)
    for mode, rules in (('one mode', []), ('the other', [] if page == INDEX else COLORS)):
        bad = d.execute_async_script(f'{SEEN}\nviolations(...arguments)', rules)
        check(f'{page}: axe-core finds nothing in {mode}', not bad, *bad)
        dark = js(d, 'dark()')
        js(d, 'toggle()')
        until(lambda old=dark: js(d, 'dark()') != old)
    resize(d, NARROW)
    small = js(d, 'narrow()')
    check(f'{page}: readable on {NARROW} pixels', small['ok'], small)
    resize(d, WIDE)
    return len(maths), len(pictures)


def check_once(d, check, base, api):
    "What all pages share is looked at on a few"
    resize(d, WIDE)
    for page in (INDEX, api, WALKTHROUGH):
        check_frame(d, check, base, page)
    check_searches(d, check, base)
    check_dark(d, check, base)
    check_api(d, check, base, api)
    check_narrow_menus(d, check, base, api)


def check_pages(check, base, todo, axe, whole, api=None):
    """In a browser of its own: what all pages share (where `api` names a page), then pages of
    `todo` until none is left; its counts"""
    seen = {}
    with chromium() as d:
        if api:
            check_once(d, check, base, api)
        resize(d, WIDE)
        while todo:
            page = todo.pop()
            seen[page] = check_page(d, check, base, page, axe, page in whole)
    return seen


def check_in_browsers(check, base, names, api):
    "All that needs a browser"
    list(find_browser())  # without one, nothing is fetched
    folder = npm_package('axe-core', AXE_VERSION)
    check('axe-core is there', folder, 'npm could not fetch it')
    axe = (folder / 'axe.min.js').read_text(encoding='utf-8')
    whole = {INDEX, *{Path(n).parent: n for n in names[::-1]}.values()}  # one a folder
    pages = partial(check_pages, check, base, names[::-1], axe, whole)
    with ThreadPoolExecutor(JOBS) as pool:
        running = [pool.submit(pages, first) for first in (api, *[None] * (JOBS - 1))]
        seen = {page: counts for r in running for page, counts in r.result().items()}
    check('some page has maths', any(n for n, _ in seen.values()))
    check(f'{WALKTHROUGH}: at least {PICTURES} images', seen[WALKTHROUGH][1] >= PICTURES)


def run(site, check):
    "All checks of the site in the folder `site`"
    found = read_pages(site)
    pages = {p.relative_to(site).as_posix(): page for p, page in found.items()}
    api = [n for n in pages if n == DOCUMENTED and SYMBOL in pages[n].ids]
    there = {INDEX, WALKTHROUGH} <= pages.keys() and len(api) == 1
    check(f'{len(pages)} pages in {site.name}/, one of them on {SYMBOL}', there, *api)
    settings = (ROOT / '_quarto.yml').read_text(encoding='utf-8')
    url = re.search(r'^\s*site-url:\s*(\S+)', settings, flags=re.M)
    n, bad = broken_links(site, url[1] if url else '', found)
    check(f'{n} internal links and anchors lead somewhere', n and not bad, *bad)
    lost = orphans(site, found)
    check('links from the first page lead to every other one', not lost, *lost)
    bad = lost_dashes(site)
    check('no flag has one dash in place of two', not bad, *bad)
    try:
        with served(site) as base:
            check_in_browsers(check, base, [*pages], next(iter(api), INDEX))
    except Exception as e:
        first = next(iter(str(e).strip().splitlines()), '')
        check('the browser ran through', False, f'{type(e).__name__}: {first}')


def main(args):
    "Check a folder; exit code 1 if anything failed"
    site, check = Path(args[0] if args else '_docs').resolve(), Checks()
    if site.is_dir():
        run(site, check)
    else:
        check(f'{site.name}/ exists', False, 'build it with `make docs`')
    print(f'{check.passed} passed, {check.failed} failed', flush=True)
    return bool(check.failed)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
