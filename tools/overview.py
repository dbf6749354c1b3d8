"""The first page of nbs/methods/: a line for each method, what it gave in the stored comparison,
what it needs, and when to take it

The numbers are those of one file of nbs/results/, `COMPARISON`; what it does not hold is named,
not left blank. What is better than 2SSP beyond noise, as nbs/evaluation/04_paired says, is in
bold. Words are in nbs/methods/words.toml.
"""

import re
from collections import defaultdict
from dataclasses import replace
from inspect import signature
from statistics import median

from tools import measured
from tools.claims import SMALL
from tools.site import WORDS

COMPARISON = measured.RESULTS / 'quality_comparison.jsonl'
TEXT = 'wiki'  # of the perplexities
COLUMNS = {  # title -> (sparsity, is it reconstructed)
    '25 %': (0.25, False), '25 %, rec.': (0.25, True),
    '50 %': (0.5, False), '50 %, rec.': (0.5, True),
}
KL = 'chats agreement/kl'
ONE = ' ¹'
MISSING = '–'  # not measured
REACH = '✕'  # the method cannot do it
OTHER_SCORES = 'taylor', 'wanda_sp'  # rows of METHODS that are 2SSP with a published score
NOT_TRAINED = ', not trained'  # 2SSP+ with a reconstruction alone


def read_comparison(path=COMPARISON):
    "{(name, sparsity, reconstructed): rows, one a subset} of the comparison"
    from twossp.records.results import load_results

    found = defaultdict(list)
    for r in load_results(path):
        always = measured.repairs_by_default(r.method)
        named = ['score', 'depth_score', *['repair'] * always]
        other = [f'`--{k} {r.options[k]}`' for k in named if k in r.options]
        repaired = always or 'repair' in r.options
        found[' '.join([r.method, *other]), r.target, repaired].append(r)
    return found


def worked(rows):
    "The rows with a number"
    return [r for r in rows if not r.errors and f'{TEXT}/ppl' in r.metrics]


def perplexity(rows):
    "The median over subsets, or None"
    found = [r.metrics[f'{TEXT}/ppl'] for r in worked(rows)]
    return median(found) if found else None


def divergence(rows):
    "The median of the divergence on chats, or None"
    found = [r.metrics[KL] for r in worked(rows) if KL in r.metrics]
    return median(found) if found else None


def verdicts(found, names, sparsity, repaired):
    "{name: better, worse, within noise or not tested} against 2SSP, in a column of the table"
    from twossp.evaluation.paired import against

    rows = [
        replace(r, method=n, options={})
        for n in names for r in worked(found.get((n, sparsity, repaired), []))
    ]
    if not any(r.method == '2ssp' for r in rows):
        return {}
    table = against(rows, '2ssp', f'{TEXT}/nll')
    return dict(zip(table.method, table.verdict, strict=True)) if len(table) else {}


def is_possible(name, repaired):
    "Whether a method can be run with reconstruction, or without it"
    from twossp.baselines.methods import METHODS, method

    name = name.partition(' ')[0]
    if name not in METHODS:
        return True
    if repaired:
        return 'repair' in signature(method(name)).parameters
    return not measured.repairs_by_default(name)


def shown(name):
    "The name of a line: 2ssp + cosine; 2ssp + taylor; 2ssp+, not trained"
    name = name.replace(' `--repair least_squares`', NOT_TRAINED)
    name = re.sub('`--\\w+ (.*?)`', r'+ \1', name)
    return f'2ssp + {name}' if name.split()[0] in OTHER_SCORES else name


def say(x):
    "A perplexity"
    if x >= 100_000:
        return f'{x / 1000:,.0f}k'
    return f'{x:,.1f}' if x < 1000 else f'{x:,.0f}'


def column(found, names, sparsity, repaired):
    "{name: its cell}: in bold what is better than 2SSP beyond noise"
    rows = {n: found.get((n, sparsity, repaired), []) for n in names}
    values = {n: v for n in names if (v := perplexity(rows[n])) is not None}
    verdict = verdicts(found, names, sparsity, repaired)
    most = max((len(worked(r)) for r in rows.values()), default=0)
    cells = {}
    for n in names:
        if n in values:
            text = say(values[n]) + ONE * (len(worked(rows[n])) == 1 < most)
            cells[n] = f'**{text}**' if verdict.get(n) == 'better' else text
        else:
            cells[n] = REACH if rows[n] or not is_possible(n, repaired) else MISSING
    return cells


def seconds(found, name):
    "Seconds and forward passes at 25 %, plain if there is such a run"
    rows = worked(found.get((name, 0.25, False), []) or found.get((name, 0.25, True), []))
    if not rows or rows[0].seconds is None:
        return MISSING
    values = [median(getattr(r, k) for r in rows) for k in ('seconds', 'forwards')]
    return '{} ({})'.format(*(f'{v:,.0f}' for v in values))


def kl(found, names):
    "{name: its cell} of the divergence on chats, or None if the comparison has none"
    both = {n: [worked(found.get((n, 0.25, x), [])) for x in (False, True)] for n in names}
    rows = {n: plain or mended for n, (plain, mended) in both.items()}
    values = {n: divergence(rs) for n, rs in rows.items()}
    if not any(values.values()):
        return None
    return {n: measured.say(v) if v else MISSING for n, v in values.items()}


def other_sizes(found, names):
    "The methods that achieve another sparsity than the target, by a point or more; or nothing"
    by_size = defaultdict(list)
    for n in names:
        both = lambda s, n=n: [r for x in (False, True) for r in found.get((n, s, x), [])]
        rows = {s: worked(both(s)) for s in (0.25, 0.5)}
        achieved = [rs[0].sparsity for rs in rows.values() if rs]
        if any(abs(rs[0].sparsity - s) >= 0.01 for s, rs in rows.items() if rs):
            by_size[tuple(f'{100 * x:.1f}' for x in achieved)].append(n)
    said = [f'{", ".join(ns)} {" and ".join(sizes)} %' for sizes, ns in by_size.items()]
    return f'Removed in fact, where it is not the target: {"; ".join(said)}.' if said else ''


def against(found, names):
    "What speaks against 2SSP in these rows: who is below it, by column"
    lines = []
    for title, (sparsity, repaired) in COLUMNS.items():
        own = found.get(('2ssp', sparsity, repaired), [])
        value, below = perplexity(own), []
        verdict = verdicts(found, names, sparsity, repaired)
        for n in names:
            rows = found.get((n, sparsity, repaired), [])
            other = perplexity(rows)
            if value and other and other < value:
                beyond = ', beyond noise' if verdict.get(n) == 'better' else ''
                below.append((other, f'{shown(n)} {say(other)}{beyond}'))
        words = '; '.join(text for _, text in sorted(below)) or 'none'
        lines.append(f'- At {title.replace("rec.", "reconstructed")}, 2SSP has {say(value)}. '
                     f'Below it: {words}.')
    return '\n'.join(lines)


def words_of(facts, name):
    "What the tables say of a method of a page"
    return facts.get('table', {}) | facts.get('tables', {}).get(name, {})


def set_apart(pages=None):
    "{method: why it is not ranked with the others}: less than in its paper, or trained"
    from tools.methods import read_pages

    pages = read_pages() if pages is None else pages
    each = {n: words_of(facts, n) for names, facts in pages.values() for n in names}
    return {n: words['apart'] for n, words in each.items() if 'apart' in words}


def lines_of(pages, found):
    "[(name in the comparison, link, words)] of all lines of the table"
    from tools.methods import stem

    out, variants = [], sorted({n for n, *_ in found if ' ' in n})
    for key, (names, facts) in pages.items():
        for name in names:
            words = words_of(facts, name)
            out.append((name, f'[{name}]({stem(key)}.ipynb)', words))
            for v in (v for v in variants if v.partition(' ')[0] == name):
                compared = NOT_TRAINED in shown(v)
                take = 'to compare with the others' if compared else 'as an alternative'
                out.append((v, shown(v), words | dict(take=take)))
    return out


def markdown(head, rows):
    "A table whose cells stay as they are; numbers of the first columns stand to the right"
    numbers = 'seconds', 'KL', 'target', 'achieved', 'perplexity', 'pruning', 'forward'
    right = ['--:' if h[:1].isdigit() or h.startswith(numbers) else ':--' for h in head]
    head = [h.replace(' %', '\u00a0%') for h in head]  # in one piece
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in [head, right, *rows])


def needs(pages, found):
    "What each method removes and needs, and what loads its result"
    rows = []
    for name, link, words in lines_of(pages, found):
        if ' ' not in name:
            engines = WORDS['engines'].get(words.get('engines'), '')
            rows.append([link, words.get('removes', ''), words.get('needs', ''), engines])
    return markdown(['method', 'removes', 'needs', 'loads in'], rows)


def table(pages, found):
    "The table of numbers"
    lines = lines_of(pages, found)
    names = [n for n, *_ in lines]
    columns = [column(found, names, *c) for c in COLUMNS.values()]
    if divergence := kl(found, names):
        columns.append(divergence)
    columns.append({n: seconds(found, n) for n in names})
    head = ['method', *COLUMNS, *['KL on chats'] * bool(divergence), 'seconds (passes)',
            'when to take it']
    rows = []
    for name, link, words in lines:
        numbers = ['MoE' if words.get('moe') else c[name] for c in columns]
        if not words.get('reach', True):  # at the lowest sparsity of the table
            numbers[:len(COLUMNS)] = [REACH] * len(COLUMNS)
        rows.append([link, *numbers, words.get('take', '')])
    return markdown(head, rows)


def texts(pages, path=COMPARISON):
    "The page, as texts"
    from twossp.baselines.methods import METHODS

    found = read_comparison(path)
    names = [n for n, *_ in lines_of(pages, found)]
    facts = measured.read_index(path.parent).get(path.name, {})
    dense = perplexity(found['dense', 0.0, False])
    seeds = max(len(worked(rows)) for rows in found.values())
    papers = len({m.paper for m in METHODS.values() if m.paper})
    number = {v: k for k, v in SMALL.items()}[seeds]
    draws = f'medians of {number} calibration draws'
    once = any(len(worked(rows)) == 1 for (name, *_), rows in found.items() if name != 'dense')
    only = ' ¹: one draw only.' if once else ''
    said = ' '.join(WORDS['methods'].split()).format(
        setting=facts.get('setting', ''), dense=f'{dense:.1f}', draws=draws,
        file=path.name, methods=len(METHODS), papers=papers,
    )
    legend = ' '.join(WORDS['methods_legend'].split()).format(only=only)
    missing = '' if kl(found, names) else '\n\n' + WORDS['methods_kl'].strip()
    missing += f'\n\n{sizes}' if (sizes := other_sizes(found, names)) else ''
    parts = [p.strip() for p in WORDS['methods_after'].split('\n---\n')]
    return [
        '# Methods\n\n> Which to take, in one table',
        WORDS['methods_first'].strip(),
        said, f'{table(pages, found)}\n\n{legend}{missing}',
        f'{parts[0]}\n\n{against(found, names)}\n\n{parts[1]}',
        f'{parts[2]}\n\n{needs(pages, found)}',
        *parts[3:],
    ]
