"""Write the pages of the site that follow from something else: changelog, lists, API

`nbs/changelog.ipynb` is CHANGELOG.md; `nbs/howto/howto.ipynb` and
`nbs/tutorials/tutorials.ipynb` list the pages of their folders, `nbs/api.ipynb` the public
names by task, and `nbs/development.ipynb` every module by folder, with what its docstring says
first, and the pages of benchmarks and tests, which the sidebar leaves out.
"""

import ast
import csv
import hashlib
import json
import re
from pathlib import Path

from execnb.nbio import write_nb

from tools import site
from tools.docstrings import read_comments, read_homes, take_comment
from tools.site import ROOT, WORDS

META = dict(kernelspec=dict(display_name='python3', language='python', name='python3'))


def cell_of(text, kind='markdown'):
    "A cell whose id follows from what it says"
    fields = dict(outputs=[], execution_count=None) if kind == 'code' else {}
    name = hashlib.sha1(text.encode()).hexdigest()[:8]
    lines = text.strip('\n').splitlines(True)
    return dict(cell_type=kind, id=name, metadata={}, source=lines, **fields)


def write_notebook(path, title, line, *texts):
    "Write a notebook of prose, with a title and a line"
    save_notebook(path, [cell_of(f'# {title}\n\n> {line}'), *map(cell_of, texts)])


def save_notebook(path, cells):
    "Write a notebook"
    write_nb(dict(cells=cells, metadata=META, nbformat=4, nbformat_minor=5), path)


# --- what has changed


def read_changes(text):
    "CHANGELOG.md without its title: (its preamble, the changes)"
    preamble, _, rest = text.partition('\n## ')
    return preamble.partition('\n')[2].strip(), f'## {rest.strip()}'


# --- what is in a folder


def list_folder(folder, nbs=ROOT / 'nbs', times=None, head=('I want to', '')):
    "A table of the pages of a folder"
    head = [*head] if times is None else ['', '', 'Run All', 'with `RUN_SLOW`']
    rows = [head, ['---'] * len(head)]
    for n in (n for n in site.below(folder, nbs) if Path(n).stem != folder):
        title, line = read_title(nbs / n)
        took = (times or {}).get(Path(n).stem, [''] * (len(head) - 2))
        to = Path(n).name if folder in ('howto', 'tutorials') else n
        rows.append([f'[{title}]({to})', line, *took])
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def write_lists(nbs):
    "The first pages of How-to and of Tutorials"
    one, line = lambda s: s.strip().replace('\n', ' '), 'One task a page'
    page = nbs / 'howto' / 'howto.ipynb'
    write_notebook(page, 'How-to', line, one(WORDS['howto']), list_folder('howto', nbs))
    page, line = nbs / 'tutorials' / 'tutorials.ipynb', 'What to run, and how long it takes'
    with (nbs / 'results' / 'speed_tutorials.csv').open(encoding='utf-8', newline='') as f:
        times = {name: took for name, *took in csv.reader(f)}
    texts = WORDS['tutorials'], list_folder('tutorials', nbs, times), WORDS['modules']
    write_notebook(page, 'Tutorials', line, one(texts[0]), texts[1], one(texts[2]))


# --- every public name


def read_names(source):
    "[(name, first paragraph of its docstring)] of what a module offers, in its order"
    tree = ast.parse(source)
    public = next(
        ast.literal_eval(n.value)
        for n in tree.body
        if isinstance(n, ast.Assign) and getattr(n.targets[0], 'id', '') == '__all__'
    )
    defined = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    first = lambda n: ' '.join((ast.get_docstring(n) or '').partition('\n\n')[0].split())
    words = {n.name: first(n) for n in defined}
    return [(n.name, words[n.name]) for n in defined if n.name in public]


def read_title(path):
    "(title, line) of a notebook"
    first = ''.join(json.loads(path.read_text(encoding='utf-8'))['cells'][0]['source'])
    line = re.search(r'^> (.*)', first, flags=re.M)
    return first.partition('\n')[0].lstrip('# '), line[1] if line else ''


def module_of(nb):
    "The module that a notebook exports: model/09_plan.ipynb -> model.plan"
    path = Path(nb)
    return '.'.join([*path.parent.parts, re.sub(r'^\d\d_', '', path.stem)])


def plain(words):
    "Words as a cell of a table has them"
    return words.replace('|', '\\|').rstrip('.')


def list_module(nb, nbs, lib):
    "A module of the index: its line, and a row a name"
    module = module_of(nb)
    file = lib / f'{module.replace(".", "/")}.py'
    names = read_names(file.read_text(encoding='utf-8')) if file.exists() else []
    rows = [f'| `{n}` | {plain(words)} |' for n, words in names]  # nbdev links them
    table = '\n\n| name | |\n|---|---|\n' + '\n'.join(rows) if rows else ''
    line = read_title(nbs / nb)[1].rstrip('.')
    return f'### [{module}]({nb})\n\n{line}.{table}'


def list_folders(nbs=ROOT / 'nbs', lib=ROOT / 'twossp'):
    "Every module of the package, a text a folder"
    return [
        f'## {folder}\n\n{line}.\n\n'
        + '\n\n'.join(list_module(nb, nbs, lib) for nb in site.below(folder, nbs))
        for folder, line in site.FOLDERS.items()
    ]


# --- the public names, by task


def read_tasks(source):
    "{task: its names} of `twossp.all`: the comments in its lists, and what stands below each"
    tasks, now = {}, ''
    lists = re.findall(r'^_all_ = \[\n(.*?)^\]', source, flags=re.M | re.S)
    for line in '\n'.join(lists).splitlines():
        line = line.strip()
        if line.startswith('#'):
            now = line.lstrip('# ')
        else:
            tasks.setdefault(now, []).extend(re.findall(r'"(\w+)"', line))
    return tasks


def read_constants(source):
    "{name: the comment behind or above it} of a module's constants"
    behind, alone = read_comments(source)
    alone = {line: text for line, text in alone.items() if not text.startswith('%%')}
    names = re.finditer(r'^([A-Z][A-Z_]+)\b(?:: [^=\n]*)? = ', source, flags=re.M)
    lines = {m[1]: source.count('\n', 0, m.start()) + 1 for m in names}
    return {k: take_comment((behind, alone), n, n, 0) for k, n in lines.items()}


def read_presets(source):
    "[(name, line)] of the methods that a module makes with `preset`"
    calls = [
        (n.targets[0].id, n.value) for n in ast.parse(source).body
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call)
    ]
    return [(n, c.args[-1].value) for n, c in calls if ast.unparse(c.func) == 'preset']


def list_tasks(nbs=ROOT / 'nbs', lib=ROOT / 'twossp'):
    "The public names, a table a task"
    source = (lib / 'all.py').read_text(encoding='utf-8')
    homes = read_homes(source)
    pages = {module_of(nb): nb for folder in site.FOLDERS for nb in site.below(folder, nbs)}
    words = {}
    for module in set(homes.values()):
        text = (lib / f'{module.replace(".", "/")}.py').read_text(encoding='utf-8')
        named = *read_constants(text).items(), *read_presets(text), *read_names(text)
        words |= {(module, n): w for n, w in named}
    link = lambda name: f'[{homes[name]}]({pages[homes[name]]})'
    row = lambda name: f'| `{name}` | {plain(words.get((homes[name], name), ""))} | {link(name)} |'
    return [
        f'## {task[:1].upper()}{task[1:]}\n\n| name | | module |\n|---|---|---|\n'
        + '\n'.join(map(row, names))
        for task, names in read_tasks(source).items()
    ]


def main():
    "Write them all"
    nbs = ROOT / 'nbs'
    write_lists(nbs)
    changes = read_changes((ROOT / 'CHANGELOG.md').read_text(encoding='utf-8'))
    write_notebook(nbs / 'changelog.ipynb', 'Changelog', 'What is new', *changes)
    one = lambda s: s.strip().replace('\n', ' ')
    line = 'The public names of Python, by task'
    write_notebook(nbs / 'api.ipynb', 'API', line, one(WORDS['api']), *list_tasks())
    line, aside = 'How the project is made: every module, test and benchmark is a notebook', []
    for folder, title in dict(benchmarks='Benchmarks', tests='Tests').items():
        listed = list_folder(folder, head=('page', ''))
        aside.append(f'## {title}\n\n{one(WORDS[folder])}\n\n{listed}')
    texts = one(WORDS['development']), *list_folders(), *aside
    write_notebook(nbs / 'development.ipynb', 'Development', line, *texts)
