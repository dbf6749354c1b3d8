"""Write nbs/methods/: a page for each row of METHODS, and one that lists them

What a row does not say (the idea, the formula, the cost, the figure) is in
nbs/methods/words.toml; what was measured is read from nbs/results/. A row without words
gets its page too, from its line and its paper. Pages keep the outputs of cells that are
as they were; a new page is run.
"""

import contextlib
import json
import tomllib
from pathlib import Path

from execnb.shell import CaptureShell

from nbs.methods import idea
from tools import measured, overview
from tools.pages import cell_of, save_notebook
from tools.site import ROOT

PAGES = ROOT / 'nbs' / 'methods'


def stem(name):
    "The file of a method's page: 2ssp+ -> two_ssp_plus"
    return name.replace('2ssp', 'two_ssp').replace('+', '_plus')


def read_pages():
    "{page: (its methods, what is said of it)}, in the order of METHODS"
    from twossp.baselines.methods import METHODS

    words, pages = tomllib.loads((PAGES / 'words.toml').read_text(encoding='utf-8')), {}
    for name, row in METHODS.items():
        key = row.page or name
        facts = dict(title=key, about=row.about, paper=row.paper) | words.get(key, {})
        names = pages.get(key, ((), None))[0]
        pages[key] = (*names, name), facts
    return pages


# --- what was measured


def places(rows):
    "{(method, target): (place, of how many)} by perplexity, controls aside"
    from twossp.baselines.methods import METHODS

    out, found = {}, measured.merge_seeds(rows)
    for target in {t for _, t in found}:
        paper = [m for m, t in found if t == target and m in METHODS and METHODS[m].paper]
        value = lambda m, t=target: measured.middle(found[m, t], 'wiki/ppl')
        for i, m in enumerate(sorted(paper, key=value), 1):
            out[m, target] = f'{i} of {len(paper)}'
    return out


def results_of(names, rows, facts):
    "A table of these methods, or a sentence where nothing was measured"
    found, place = measured.merge_seeds(rows), places(rows)
    dense = next(r for r in rows if r['method'] == 'dense')['wiki/ppl']
    lines = []
    for (m, target), v in found.items():
        if m in names:
            ppl = measured.middle(v, 'wiki/ppl')
            took = [measured.middle(v, k) for k in ('seconds', 'forwards')]
            kept = f'{100 * v[0]["sparsity"]:.2f} %'
            rank = place.get((m, target), '')
            cells = [measured.percent(target), kept, ppl, ppl / dense, rank, *took]
            lines.append([m, *cells])
    if not lines:
        return facts.get('measured', 'Not in the common table yet.').strip()
    head = 'method|target|achieved|perplexity|times dense|place|pruning, s|forward passes'
    first = int(len(names) == 1)  # one method needs no column of names
    text = measured.table(head.split('|')[first:], [line[first:] for line in lines])
    return text + measured.failed_rows([r for r in rows if r['method'] in names])


# --- a page

HIDDEN = ['#| hide\nfrom nbs.methods import idea']


def picture(facts):
    "The cell that draws what is kept of six layers"
    if 'attn' not in facts:
        return []
    kept = {k: facts.get(k, v) for k, v in dict(attn=[1] * 6, ffn=[1] * 6, stream=1).items()}
    words = f'{facts["title"]}. {idea.describe(**kept)}'
    named = kept | dict(name=facts['title'])
    lines = [f'    {k}={json.dumps(v)},\n' for k, v in named.items()]
    return [f'#| echo: false\n#| fig-alt: "{words}"\nidea.draw(\n{"".join(lines)})']


REMOVED = """#| fig-alt: "{caption}"
rows = ts.load_results("../results/quality_methods.jsonl")
names = {names}
mine = [r for r in rows if r.method in names and r.seed == 0]
ts.plot_removed([r for r in mine if not r.errors])"""


def removed(names, rows):
    "The cells that draw what was removed, of those whose layers can be told apart"
    if not any(r['method'] in names and r.get('kept') for r in rows):
        return []
    caption = f'By layer, the share that {", ".join(names)} removed at three sparsities'
    shown = REMOVED.format(caption=caption, names=json.dumps([*names]))
    return ['import twossp as ts', shown]


CHAPTERS = dict(formula='Formula', cost='Cost', use='When to use it')


def text_cells(names, facts, rows):
    "The page as [(kind, text)]"
    code = lambda cells: [('code', c) for c in cells]
    chapters = [f'## {t}\n\n{facts[k].strip()}' for k, t in CHAPTERS.items() if facts.get(k)]
    more = facts.get('more', 'baselines/05_methods.ipynb')
    dense = next(r for r in rows if r['method'] == 'dense')['wiki/ppl']
    source = '[arXiv {0}](https://arxiv.org/abs/{0})'.format(facts.get('paper', ''))
    about = facts['about'][:1].upper() + facts['about'][1:]
    intro = (facts.get('idea') or f'{about}.').strip()
    intro = f'{intro} ({source})' if facts.get('paper') else intro
    setting = ' '.join(measured.WORDS['setting'].split()).format(dense=dense)
    table = f'{setting}\n\n{results_of(names, rows, facts)}'
    drawn = code(removed(names, rows))
    return [
        ('markdown', f'# {facts["title"]}\n\n> {about}'),
        *code(HIDDEN),
        ('markdown', intro),
        *code(picture(facts)),
        ('markdown', measured.WORDS['command'].strip().format(names[0])),
        *[('markdown', text) for text in chapters],
        ('markdown', f'## Results here\n\n{table}'),
        *([('markdown', 'What was removed, layer by layer:')] if drawn else []),
        *drawn,
        ('markdown', f'The code, explained and tested: [{Path(more).stem[3:]}](../{more}).'),
    ]


def write_page(path, cells):
    "Write a page; outputs of cells that are as they were stay. Does it have to be run?"
    old = json.loads(path.read_text(encoding='utf-8'))['cells'] if path.exists() else []
    kept = {c['id']: c for c in old if c['cell_type'] == 'code'}
    new = [cell_of(text, kind) for kind, text in cells]
    new = [kept.get(c['id'], c) for c in new]
    save_notebook(path, new)
    return any('fig-alt' in ''.join(c['source']) and not c['outputs'] for c in new)


def main():
    "Write all pages; run those that are new"
    rows, pages = measured.read_rows(measured.RESULTS / 'quality_methods.jsonl'), read_pages()
    first = [('markdown', text) for text in overview.texts(pages)]
    write_page(PAGES / 'methods.ipynb', first)
    for key, (names, facts) in pages.items():
        path = PAGES / f'{stem(key)}.ipynb'
        if write_page(path, text_cells(names, facts, rows)):
            with contextlib.chdir(path.parent):  # run, and what it draws is kept
                CaptureShell(path).execute(path, path, exc_stop=True)
