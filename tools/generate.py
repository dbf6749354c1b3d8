"""What follows from the notebooks and the measurements is written: the second of the three
steps of `make export`, between nbdev_export and nbdev_clean

Notebooks without warnings and bars; modules with relative imports, with `__all__` in the
page's width and docstrings with the parameters of public names; the pages on results, model
types, methods, changes and names; the sidebar; README.md. Run again, it changes nothing.

usage: python -m tools.generate
"""

import re, textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = re.compile(r'^__all__ = \[(.*?)\]$', re.M | re.S)


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
    from tools.docstrings import carry
    from tools.pages import read_homes
    from tools.relative import relate

    paths = [p for p in sorted(lib.rglob('*.py')) if p.name != '_modidx.py']
    parts = {p: p.relative_to(lib.parent).with_suffix('').parts for p in paths}
    old = {p: p.read_text(encoding='utf-8') for p in paths}
    new = {p: relate(old[p], '.'.join(parts[p][:-1])) for p in paths}
    homes = read_homes(new[lib / 'all.py'])
    for p in paths:
        names = {name for name, home in homes.items() if home == '.'.join(parts[p][1:])}
        if (text := narrow(carry(new[p], names))) != old[p]:
            p.write_text(text, encoding='utf-8')


def main():
    "All of it, in this order: pages are made of modules, the sidebar of pages"
    from tools import measured, methods, nb2readme, pages, site, tidy

    pages_of_site = measured.main, methods.main, pages.main, site.write_sidebar, nb2readme.main
    for step in (tidy.main, finish_modules, *pages_of_site):
        step()


if __name__ == '__main__':
    main()
