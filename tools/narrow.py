"""The list of public names, `__all__`, of every exported module in lines of at most 88
characters: nbdev writes it in lines of up to 130

usage: python tools/narrow.py    rewrite the modules that need it (after nbdev_export)"""

import re, textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = re.compile(r'^__all__ = \[(.*?)\]$', re.M | re.S)


def narrow(src):
    "The source of a module with a list of public names that fits the page"
    m = PUBLIC.search(src)
    if not m or all(len(l) <= 88 for l in m[0].split('\n')):
        return src
    names = ' '.join(m[1].split())
    lines = textwrap.wrap(names, 84, break_long_words=False, break_on_hyphens=False)
    new = '__all__ = [\n' + ''.join(f'    {l}\n' for l in lines) + ']'
    return src.replace(m[0], new, 1)


def main(lib=ROOT / 'twossp'):
    "Rewrite what needs it"
    for p in sorted(lib.glob('*.py')):
        src = p.read_text(encoding='utf-8')
        if p.name != '_modidx.py' and (new := narrow(src)) != src:
            p.write_text(new, encoding='utf-8')


if __name__ == '__main__':
    main()
