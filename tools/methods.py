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
from statistics import median

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


def places(found):
    """{(method, target): its place, of how many} by perplexity as removed; controls, and what is
    not ranked, aside"""
    from twossp.baselines.methods import METHODS

    apart = overview.set_apart()
    out, papers = {}, [name for name, row in METHODS.items() if row.paper and name not in apart]
    for target in {target for _, target, _ in found}:
        mine = {m: overview.perplexity(found.get((m, target, False), [])) for m in papers}
        mine = {m: x for m, x in mine.items() if x}
        for i, m in enumerate(sorted(mine, key=mine.get), 1):
            out[m, target] = f'{i} of {len(mine)}'
    return out


MISSING = {  # why a method is in no row of the comparison
    'moe': '{} is for mixture-of-experts models, which the compared one is not.',
    'reach': '{} is not in the table: all attention modules together are less than a quarter of'
             ' the layers of this model.',
}


def results_of(names, found, facts):
    "A table of these methods, as removed and reconstructed, and why one is not in it"
    place, lines, missing = places(found), [], []
    for m in names:
        words = overview.words_of(facts, m)
        why = 'moe' if words.get('moe') else 'reach' if not words.get('reach', True) else None
        missing += [MISSING[why].format(f'`{m}`')] if why else []
        if 'apart' in words:
            missing.append(f'`{m}` has no place among the others: {words["apart"]}.')
        for target, repaired in overview.COLUMNS.values():
            rows = overview.worked(found.get((m, target, repaired), []))
            if rows:
                ppl = overview.perplexity(rows)
                kept = f'{100 * rows[0].sparsity:.2f} %'
                rank = '' if repaired else place.get((m, target), '')
                counted = [median(getattr(r, k) for r in rows) for k in ('seconds', 'forwards')]
                lines.append([
                    m, measured.percent(target), kept, 'yes' if repaired else 'no',
                    f'{ppl:,.1f}', rank, measured.say(overview.divergence(rows)),
                    *(f'{x:,.0f}' for x in counted),
                ])
    head = 'method|target|achieved|reconstructed|perplexity|place|KL on chats|pruning, s'
    head = f'{head}|forward passes'.split('|')
    first = int(len(names) == 1)  # one method needs no column of names
    table = [overview.markdown(head[first:], [line[first:] for line in lines])] if lines else []
    return '\n\n'.join([*table, *missing]) or 'Not in the comparison yet.'


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
rows = ts.load_results("../results/quality_comparison.jsonl")
names = {names}
other = {{"repair", "depth_score"}}
first = [r for r in rows if r.seed == 0]  # of the subsets
mine = [r for r in first if r.method in names and not other & set(r.options)]
ts.plot_removed([r for r in mine if not r.errors])"""


def removed(names, found):
    "The cells that draw what was removed, of those whose layers can be told apart"
    mine = [r for (m, *_), rows in found.items() for r in overview.worked(rows) if m in names]
    if not any(r.kept for r in mine):
        return []
    caption = f'By layer, the share that {", ".join(names)} removed at two sparsities'
    shown = REMOVED.format(caption=caption, names=json.dumps([*names]))
    return ['import twossp as ts', shown]


CHAPTERS = dict(formula='Formula', cost='Cost', use='When to use it')


def text_cells(names, facts, found):
    "The page as [(kind, text)]"
    code = lambda cells: [('code', c) for c in cells]
    chapters = [f'## {t}\n\n{facts[k].strip()}' for k, t in CHAPTERS.items() if facts.get(k)]
    more = facts.get('more', 'baselines/05_methods.ipynb')
    dense = overview.perplexity(found['dense', 0.0, False])
    source = '[arXiv {0}](https://arxiv.org/abs/{0})'.format(facts.get('paper', ''))
    about = facts['about'][:1].upper() + facts['about'][1:]
    intro = (facts.get('idea') or f'{about}.').strip()
    intro = f'{intro} ({source})' if facts.get('paper') else intro
    setting = ' '.join(measured.WORDS['setting'].split()).format(dense=dense)
    more_said = [facts['measured'].strip()] if 'measured' in facts else []
    table = '\n\n'.join([setting, results_of(names, found, facts), *more_said])
    drawn = code(removed(names, found))
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
    found, pages = overview.read_comparison(), read_pages()
    first = [('markdown', text) for text in overview.texts(pages)]
    write_page(PAGES / 'methods.ipynb', first)
    for key, (names, facts) in pages.items():
        path = PAGES / f'{stem(key)}.ipynb'
        if write_page(path, text_cells(names, facts, found)):
            with contextlib.chdir(path.parent):  # run, and what it draws is kept
                CaptureShell(path).execute(path, path, exc_stop=True)
            cells = json.loads(path.read_text(encoding='utf-8'))['cells']
            for c in cells:  # without warnings
                if c['cell_type'] == 'code':
                    c['outputs'] = [o for o in c['outputs'] if o.get('name') != 'stderr']
            save_notebook(path, cells)
