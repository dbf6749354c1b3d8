"""Write nbs/commands/: a page for each command of `twossp`, and one that lists them

Made of the commands and the dataclasses of their flags, which are what the parsers are made
of: each group of `--help all` is a chapter, each flag a row with its values, its default and
its other spellings. Needs no torch.
"""

import json
import re
from argparse import SUPPRESS
from dataclasses import MISSING, fields

from tools.docstrings import quote
from tools.pages import cell_of, save_notebook
from tools.site import ROOT, WORDS

PAGES = ROOT / 'nbs' / 'commands'
FLAGS = 'flag | meaning | values | default'


def cell(text):
    "Words as a cell of a table has them"
    return ' '.join(str(text).split()).replace('|', '\\|').replace('<', '&lt;')


def spellings(field):
    "How a flag is spelled: the flag first, then `-o`, earlier names and switches that set it"
    also = [f'--{x}' for x in field.metadata.get('alias', ())]
    also += [f'--{x} (= {v})' for x, v in field.metadata.get('means', {}).items()]
    return [f'--{field.name}', *['-o'] * (field.name == 'save'), *also]


def values(action, field):
    "What a flag takes"
    if action.nargs == 0:
        return 'switch'
    choices = field.metadata.get('choices')
    if choices and len(choices) <= 12:
        return ', '.join(f'`{x}`' for x in choices)
    kind = action.metavar or field.name.upper()
    many = ', several' if action.__class__.__name__ == '_AppendAction' else ''
    return f'{kind}{many}'


def default(field):
    "What is taken where the flag is not given"
    if field.default is MISSING:
        return 'required'
    if field.default is None or field.default in (False, (), ''):
        said = re.search(r'\(default: ([^()]*?)(; paper: --\w+)?\)', field.metadata['help'])
        return quote(said[1]) if said else ('off' if field.default is False else '–')
    many = field.default if isinstance(field.default, tuple) else (field.default,)
    return f'`{",".join(map(str, many))}`'


def meaning(field):
    "The help text, without the default, which has a column of its own"
    text = field.metadata['help'].replace('%%', '%')
    text = re.sub(r' ?\(default: [^()]*\)', '', text)
    named = text.startswith(('gguf:', 'onnx:', 'least_squares:', 'gisp:'))  # formats and values
    return quote(text if named else text[:1].upper() + text[1:])


def groups(options, prog='twossp'):
    """{title of a group of `--help all`: [(field, action)]} of a dataclass of flags, in its
    order; a positional argument stands once"""
    from twossp.request.options import make_parser

    named, found = {f.name: f for f in fields(options)}, {}
    for group in make_parser(options, prog)._action_groups:
        for action in group._group_actions:
            if action.dest in named and (action.help != SUPPRESS or not action.option_strings):
                found.setdefault(group.title, []).append((named[action.dest], action))
    return found


def flag_rows(flags, bold=False):
    "Rows of the table of a group; in bold, if asked, what `--help` shows without `all`"
    head = f'| {FLAGS} |\n|---|---|---|---|'
    rows = []
    for field, action in flags:
        names = spellings(field)
        if field.metadata.get('positional'):
            names = [field.name.upper(), *names]
        named = '<br>'.join(f'`{n}`' for n in names)
        mark = '**' if bold and field.metadata.get('basic') else ''
        shown = [cell(meaning(field)), cell(values(action, field)), cell(default(field))]
        rows.append(f'| {mark}{named}{mark} | {" | ".join(shown)} |')
    return '\n'.join([head, *rows])


def command_texts(name, row):
    "The page of a command, as texts"
    from twossp.request.options import place_of

    found = groups(row.load('options'), f'twossp {name}')
    flags = [f for group in found.values() for f, _ in group]
    places = [place_of(f) for f in flags if f.metadata.get('positional')]
    usage = ' '.join(['twossp', name, *places, *['[flags]'] * bool(flags)])
    words = WORDS['commands'].get(name, '').strip()
    intro = f'```sh\n{usage}\n```' + (f'\n\n{words}' if words else '')
    bold = len(flags) > 40  # as `make_parser` decides whether to shorten the help
    if bold:
        intro += '\n\nFlags in bold are those that `--help` shows; `--help all` shows all of them.'
    chapters = [f'## {title}\n\n{flag_rows(group, bold)}' for title, group in found.items()]
    about = row.about[:1].upper() + row.about[1:]
    return [f'# twossp {name}\n\n> {about}', intro, *chapters]


def overview(commands):
    "The first page, as texts"
    rows = [f'| [`twossp {name}`]({name}.ipynb) | {cell(row.about)} |'
            for name, row in commands.items()]
    table = '\n'.join(['| command | |', '|---|---|', *rows])
    return ['# Command line\n\n> Every command and flag', WORDS['command_line'].strip(), table]


def pages():
    "{file name: texts} of all pages"
    from twossp.cli.main import COMMANDS

    found = {name: command_texts(name, row) for name, row in COMMANDS.items()}
    return {'commands': overview(COMMANDS)} | found


def main(folder=PAGES):
    "Write all pages; one of a command that is no more goes"
    folder.mkdir(exist_ok=True)
    found = pages()
    for name, texts in found.items():
        save_notebook(folder / f'{name}.ipynb', [cell_of(text) for text in texts])
    for path in folder.glob('*.ipynb'):
        if path.stem not in found:
            path.unlink()


def read_page(path):
    "The texts of a page"
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [''.join(c['source']) for c in cells]
