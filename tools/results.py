"""Results: everything that is written from the files of nbs/results/, and the numbers that texts
claim

The pages of nbs/results/ (a summary with five tables, every table, what did not help, every model
type), those of nbs/methods/ (which to take, and a page for each row of METHODS), and the table of
model types that the package brings. A `.jsonl` file holds rows of a grid, a `.csv` file a table;
`index.json` says of each what was measured, on what machine, with which versions and command. The
first word of a file's name is its group, a chapter. Words are in pages.toml and
nbs/methods/words.toml.

`claims.toml` names what texts say in numbers, and the row, table or registry that has each: a text
that says another number is a contradiction, and so are two stored rows that answer one question
with two numbers.

usage: python -m tools.results        the contradictions
"""

import contextlib
import csv
import json
import re
import shlex
import sys
import tomllib
from collections import Counter, defaultdict
from dataclasses import replace
from inspect import signature
from pathlib import Path
from pkgutil import resolve_name
from statistics import median

from execnb.shell import CaptureShell

from nbs.methods import idea
from tools import site
from tools.pages import cell_of, save_notebook, write_notebook
from tools.site import ROOT, WORDS

RESULTS = ROOT / 'nbs' / 'results'
PAGES = ROOT / 'nbs' / 'methods'
COMPARISON = RESULTS / 'quality_comparison.jsonl'
LONG = 40  # letters of a cell; a longer one is said below the table
GROUPS = WORDS['groups']


# --- numbers and tables

def say(x):
    "A number for readers: 32, 1,234.5, 0.00123; what is not there as a dash; or words"
    try:
        x = float(x if x or x == 0 else 'nan')
    except (TypeError, ValueError):
        words = re.split('[ \t\n]+', str(x).strip())  # not at non-breaking spaces
        return ' '.join(words).replace('|', '\\|')
    if x != x or x.is_integer():
        return '–' if x != x else f'{int(x):,}'
    fits = (d for least, d in ((1000, 0), (100, 1), (1, 2), (0.01, 3)) if abs(x) >= least)
    digits = next(fits, None)
    return f'{x:.2g}' if digits is None else f'{x:,.{digits}f}'


def markdown(head, rows, right):
    "A Markdown table; `right` says of each column whether it stands to the right"
    rule = ['--:' if r else ':--' for r in right]
    return '\n'.join('| ' + ' | '.join(map(str, row)) + ' |' for row in [head, rule, *rows])


def table(head, rows):
    "A table of numbers and words as readers see them; columns of numbers stand to the right"
    cells = [[say(x) for x in row] for row in rows]
    plain = lambda x: x.strip('–%, .0123456789') == ''
    right = [all(plain(r[i]) for r in cells) for i in range(len(head))]
    return markdown(head, cells, right)


def as_is(head, rows):
    "A table whose cells stay as they are; columns whose heads name a number stand to the right"
    numbers = 'seconds', 'KL', 'target', 'achieved', 'perplexity', 'pruning', 'forward'
    right = [h[:1].isdigit() or h.startswith(numbers) for h in head]
    return markdown([h.replace(' %', '\u00a0%') for h in head], rows, right)


def percent(x):
    "A share in per cent"
    return f'{100 * x:g} %' if x is not None else None


# --- files

def read_index(folder=RESULTS):
    "{file: what is known of it}"
    return json.loads((folder / 'index.json').read_text(encoding='utf-8'))


def read_rows(path):
    "The rows of a file, as dictionaries; texts of a table as they stand there, None: missing"
    from nbs.results.stored import load_table

    table = load_table(path, dtype=str, keep_default_na=False).astype(object)
    return table.where(table.notna(), None).to_dict('records')


def grid_rows(path):
    "The rows of a grid; none of a file of other rows"
    from twossp.records.results import load_results

    return load_results(path) if '"method"' in path.read_text(encoding='utf-8')[:200] else []


# --- every table: the archive

def repairs_by_default(name):
    "Whether a method repairs its plan unless it is told otherwise; it then trains it, too"
    from twossp.baselines.methods import METHODS, method_defaults

    return name in METHODS and bool(method_defaults(name).get('repair'))


def name_run(r):
    "The method of a row, and what else decides its quality"
    options = r.get('options') or {}
    scores = [f'{options[k]}' for k in ('score', 'depth_score') if k in options]
    words = {'least_squares': 'reconstructed', 'layerwise': 'layerwise distillation'}
    words |= {'least_squares': 'not trained'} if repairs_by_default(r['method']) else {}
    more = ['nested'] * ('nested' in options)
    more += [words[options['repair']]] if options.get('repair') else []
    return ', '.join([r['method'], *scores, *more])


def merge_seeds(rows):
    "{(run, target): its rows}; only what differs by its seed stands together"
    found, several = defaultdict(list), len({r['model'] for r in rows}) > 1
    for r in rows:
        if not r['error']:
            name = f'{r["model"]}: {name_run(r)}' if several else name_run(r)
            found[name, r['target']].append(r)
    for run, same in found.items():
        options = [r.get('options') or {} for r in same]
        assert all(x == options[0] for x in options), f'rows of {run} differ: {options}'
        assert len({r['seed'] for r in same}) == len(same), f'a seed of {run} stands twice'
    return found


def middle(rows, key):
    "The median over seeds, or None"
    got = [r[key] for r in rows if r.get(key) is not None]
    return median(got) if got else None
GRID = {  # of a grid's table: title -> (key, divided by)
    'perplexity': ('wiki/ppl', 1),
    'forward, s': ('forward/forward_s', 1),
    'operations, G': ('forward/forward_ops', 1e9),
    'prefill, s': ('generation/prefill_s', 1),
    'tokens/s': ('generation/decode_tok_s', 1),
    'cache, MB': ('generation/cache_bytes', 1e6),
    'pruning, s': ('seconds', 1),
    'forward passes': ('forwards', 1),
    'peak, GB': ('plan_peak', 1e9),
}


def grid_table(rows):
    "Methods by target, the best first; a column for each metric that there is"
    found, lines = merge_seeds(rows), []
    there = lambda c: any(middle(v, c) is not None for v in found.values())
    shown = {k: (c, by) for k, (c, by) in GRID.items() if there(c)}
    for (name, target), v in found.items():
        values = [(middle(v, c), by) for c, by in shown.values()]
        achieved = f'{100 * median(r["sparsity"] for r in v):.2f} %'
        scaled = [x / by if x is not None else None for x, by in values]
        lines.append((target, scaled[0] or 0, [name, percent(target), achieved, *scaled]))
    head = ['method', 'target', 'achieved', *shown]
    return table(head, [line for *_, line in sorted(lines, key=lambda x: x[:2])])


def failed_rows(rows):
    "What could not be done, and why; one reason a method"
    reasons = {r['method']: r['error'].partition(': ')[2] for r in rows[::-1] if r['error']}
    return ''.join(f'\n\n`{m}` is not in the table: {why}.' for m, why in reasons.items())


def shorten(cells, notes):
    "Cells whose long remarks go below the table, by number"
    out = []
    for x in cells:
        head, _, rest = x.partition(': ')
        if len(x) > LONG:
            number = notes.setdefault(rest or x, len(notes) + 1)
            x = f'{head} ({number})' if rest else f'({number})'
        out.append(x)
    return out

HEADS = dict(attentions='attention modules', said='remark', far='difference', form='format')


def csv_table(path):
    "A CSV file as a table, with remarks below it"
    rows, notes = read_rows(path), {}
    head = [HEADS.get(k, k.replace(', there', ', measured').replace('_', ' ')) for k in rows[0]]
    text = table(head, [shorten(r.values(), notes) for r in rows])
    return text + ''.join(f'\n\n({n}) {why}.' for why, n in notes.items())


def about(path):
    "Machine, versions and command of a file, as a list"
    facts = read_index(path.parent)[path.name]
    versions = facts.get('versions')
    if path.suffix == '.jsonl':
        last = read_rows(path)[-1]
        versions = last['versions']
        facts = {'device': f'{last["device"]}, {last["dtype"]}'} | facts
    kept = 'machine', 'device', 'setting', 'unit', 'before', 'after', 'date', 'command'
    word = lambda k: f'`{facts[k]}`' if k == 'command' else facts[k]
    lines = [f'{k}: {word(k)}' for k in kept if k in facts]
    lines.append('versions: ' + ', '.join(f'{k} {v}' for k, v in versions.items()))
    return facts, '\n'.join(f'- {line}' for line in [*lines, f'file: `nbs/results/{path.name}`'])


def section(path):
    "One file's section"
    facts, lines = about(path)
    if path.suffix == '.jsonl':
        rows = read_rows(path)
        text = grid_table(rows) + failed_rows(rows)
    elif path.name in WALKS.values():  # a page of its own has the types
        counts = Counter(r['verdict'] for r in read_rows(path)).most_common()
        text = table(['verdict', 'types'], counts) + '\n\n[By type, with reasons](types.ipynb).'
    else:
        text = csv_table(path)
    return f'### {facts["title"]}\n\n{facts.get("about", "")}\n\n{text}\n\n{lines}'


def group_files(folder=RESULTS):
    "{title of a group: its files}, by the first word of their names, in the order of the index"
    found = defaultdict(list)
    for name in read_index(folder):
        found[name.partition('_')[0]].append(folder / name)
    return {title: found[word] for word, title in GROUPS.items()}


def is_table(path):
    "Does a file hold rows or a table? Others are figures and texts"
    return path.suffix in ('.jsonl', '.csv')


def anchor(title):
    "Where a section is on its page, as Pandoc names it"
    words = re.sub(r'[^\w\s.-]', '', title.lower()).split()
    return re.sub(r'^[^a-z]+', '', '-'.join(words))


def list_attempts(folder=RESULTS):
    "What did not help: a table a part, with the settings below it"
    parts = defaultdict(list)
    for r in read_rows(folder / 'log_attempts.csv'):
        parts[r['part']].append(r)
    for part, rows in parts.items():
        settings, lines = {}, []
        for r in rows:
            n = settings.setdefault(r['setting'], len(settings) + 1)
            title = Path(r['page']).stem.lstrip('0123456789_').replace('_', ' ')
            page = f'[{title}](../{r["page"]})' if r['page'] else ' '
            script = r['script']
            if script != 'none':
                script = f'[{Path(script).stem}](../{script})'
            line = [r['tried'], r['result'], r['against'], f'({n})', r['reason'], page, script]
            lines.append(line)
        head = ['tried', 'result', 'against', 'setting', 'reason', 'more', 'script']
        notes = '\n'.join(f'- ({n}) {x}.' for x, n in settings.items())
        yield f'## {part}\n\n{table(head, lines)}\n\n{notes}'


# --- every model type

WALKS = {'text': 'types_text.csv', 'images and text': 'types_images.csv'}
HEAD = 'type', 'reads', 'verdict', 'said'
VERDICTS = 'table', 'derived', 'not supported', 'not tried'


def read_walks(folder=RESULTS):
    "(the version of transformers, rows as dictionaries); one row a type and what it reads"
    rows, versions = [], set()
    for reads, name in WALKS.items():
        found = [r | {'reads': reads} for r in read_rows(folder / name)]
        versions.add(read_index(folder)[name]['versions']['transformers'])
        rows += [{k: ' '.join(r[k].split()) for k in HEAD} for r in found]
    assert len(versions) == 1, f'the walks are of several versions: {versions}'
    return versions.pop(), sorted(rows, key=lambda r: (r['type'], r['reads']))


def write_shipped(version, rows, path=ROOT / 'twossp' / 'types.csv'):
    "The table that `twossp families --all` prints; its first line says of which transformers"
    with path.open('w', encoding='utf-8', newline='') as f:
        f.write(f'# transformers {version}\n')
        made = csv.DictWriter(f, HEAD, lineterminator='\n')
        made.writeheader()
        made.writerows(rows)


# --- the comparison of methods

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
ABSENT = {  # why a method is in no row of the comparison
    'moe': '{} is for mixture-of-experts models, which the compared one is not.',
    'reach': '{} is not in the table: all attention modules together are less than a quarter of'
             ' the layers of this model.',
}


def read_comparison(path=COMPARISON):
    "{(name, sparsity, reconstructed): rows, one a subset} of the comparison"
    from twossp.records.results import load_results

    found = defaultdict(list)
    for r in load_results(path):
        always = repairs_by_default(r.method)
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
    return not repairs_by_default(name)


def shown(name):
    "The name of a line: 2ssp + cosine; 2ssp + taylor; 2ssp+, not trained"
    name = name.replace(' `--repair least_squares`', NOT_TRAINED)
    name = re.sub('`--\\w+ (.*?)`', r'+ \1', name)
    return f'2ssp + {name}' if name.split()[0] in OTHER_SCORES else name


def say_perplexity(x):
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
            text = say_perplexity(values[n]) + ONE * (len(worked(rows[n])) == 1 < most)
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
    return {n: say(v) if v else MISSING for n, v in values.items()}


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
                below.append((other, f'{shown(n)} {say_perplexity(other)}{beyond}'))
        words = '; '.join(text for _, text in sorted(below)) or 'none'
        title = title.replace('rec.', 'reconstructed')
        lines.append(f'- At {title}, 2SSP has {say_perplexity(value)}. Below it: {words}.')
    return '\n'.join(lines)


def words_of(facts, name):
    "What the tables say of a method of a page"
    return facts.get('table', {}) | facts.get('tables', {}).get(name, {})


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


def set_apart(pages=None):
    "{method: why it is not ranked with the others}: less than in its paper, or trained"
    pages = read_pages() if pages is None else pages
    each = {n: words_of(facts, n) for names, facts in pages.values() for n in names}
    return {n: words['apart'] for n, words in each.items() if 'apart' in words}


def lines_of(pages, found):
    "[(name in the comparison, link, words)] of all lines of the table"
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


def needs(pages, found):
    "What each method removes and needs, and what loads its result"
    rows = []
    for name, link, words in lines_of(pages, found):
        if ' ' not in name:
            engines = WORDS['engines'].get(words.get('engines'), '')
            rows.append([link, words.get('removes', ''), words.get('needs', ''), engines])
    return as_is(['method', 'removes', 'needs', 'loads in'], rows)


def overview_table(pages, found):
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
    return as_is(head, rows)


def overview_texts(pages, path=COMPARISON):
    "The page, as texts"
    from twossp.baselines.methods import METHODS

    found = read_comparison(path)
    names = [n for n, *_ in lines_of(pages, found)]
    facts = read_index(path.parent).get(path.name, {})
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
    parts = [p.strip() for p in WORDS['methods_after'].split('\n---\n')]
    return [
        '# Methods\n\n> Which to take, in one table',
        WORDS['methods_first'].strip(),
        said, f'{overview_table(pages, found)}\n\n{legend}{missing}',
        f'{parts[0]}\n\n{against(found, names)}\n\n{parts[1]}',
        f'{parts[2]}\n\n{needs(pages, found)}',
        *parts[3:],
    ]


# --- a page for each method

def results_of(names, found, facts):
    "A table of these methods, as removed and reconstructed, and why one is not in it"
    lines, missing = [], []
    for m in names:
        words = words_of(facts, m)
        why = 'moe' if words.get('moe') else 'reach' if not words.get('reach', True) else None
        missing += [ABSENT[why].format(f'`{m}`')] if why else []
        if 'apart' in words:
            missing.append(f'`{m}` has no place among the others: {words["apart"]}.')
        for target, repaired in COLUMNS.values():
            rows = worked(found.get((m, target, repaired), []))
            if rows:
                ppl = perplexity(rows)
                kept = f'{100 * rows[0].sparsity:.2f} %'
                counted = [median(getattr(r, k) for r in rows) for k in ('seconds', 'forwards')]
                lines.append([
                    m, percent(target), kept, 'yes' if repaired else 'no',
                    f'{ppl:,.1f}', say(divergence(rows)),
                    *(f'{x:,.0f}' for x in counted),
                ])
    head = 'method|target|achieved|reconstructed|perplexity|KL on chats|pruning, s'
    head = f'{head}|forward passes'.split('|')
    first = int(len(names) == 1)  # one method needs no column of names
    table = [as_is(head[first:], [line[first:] for line in lines])] if lines else []
    return '\n\n'.join([*table, *missing]) or 'Not in the comparison yet.'


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
    mine = [r for (m, *_), rows in found.items() for r in worked(rows) if m in names]
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
    dense = perplexity(found['dense', 0.0, False])
    source = '[arXiv {0}](https://arxiv.org/abs/{0})'.format(facts.get('paper', ''))
    about = facts['about'][:1].upper() + facts['about'][1:]
    intro = (facts.get('idea') or f'{about}.').strip()
    intro = f'{intro} ({source})' if facts.get('paper') else intro
    setting = ' '.join(WORDS['setting'].split()).format(dense=dense)
    more_said = [facts['measured'].strip()] if 'measured' in facts else []
    table = '\n\n'.join([setting, results_of(names, found, facts), *more_said])
    drawn = code(removed(names, found))
    return [
        ('markdown', f'# {facts["title"]}\n\n> {about}'),
        *code(['#| hide\nfrom nbs.methods import idea']),
        ('markdown', intro),
        *code(picture(facts)),
        ('markdown', WORDS['command'].strip().format(names[0])),
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


# --- the first page of Results: a summary and five tables

def ranking(folder):
    "Perplexity of each method, plain and reconstructed, lowest first; then what is not ranked"
    found = read_comparison(folder / COMPARISON.name)
    names = list(dict.fromkeys(name for name, *_ in found if name != 'dense'))
    apart = set_apart()
    value = lambda n, t, x: perplexity(found.get((n, t, x), [])) or float('inf')
    ranked = [n for n in names if n not in apart]
    ranked.sort(key=lambda n: (value(n, 0.25, False), value(n, 0.25, True)))
    columns = [column(found, names, *c) for c in COLUMNS.values()]
    head = ['method', *COLUMNS]
    line = lambda n: [shown(n), *(c[n] for c in columns)]
    others = [[*line(n), apart[n]] for n in sorted(names) if n in apart]
    words = 'Not ranked, by name: with less than half of the text or the steps of its paper, or'
    words += ' trained.'
    tables = [as_is(head, map(line, ranked))]
    if others:
        tables += [words, as_is([*head, 'not ranked because'], others)]
    return '\n\n'.join(tables)


def quality(folder):
    "What the bundled model keeps by sparsity, with and without reconstruction"
    found = merge_seeds(read_rows(folder / 'quality_front_page.jsonl'))
    head = 'sparsity|perplexity|KL from dense|top-1 agreement|size|GFLOPs per token'.split('|')
    rows = []
    for (name, target), [r] in sorted(found.items(), key=lambda x: (x[0][1], -x[1][0]['wiki/ppl'])):
        what = 'dense' if name == 'dense' else percent(target)
        what += ', reconstructed' * name.endswith('reconstructed')
        keys = 'wiki/ppl', 'wiki agreement/kl'
        rows.append([
            what, *(f'{r[k]:.2f}' for k in keys), f'{r["wiki agreement/same_top"]:.0%}',
            f'{r["bytes"] / 1e6:.0f}\u00a0MB', f'{r["generation/decode_ops"] / 1e9:.3f}',
        ])
    return table(head, rows)


def calibration(folder):
    "The divergence on chats by calibration text, on the subset that all of them have"
    rows = read_rows(folder / 'quality_calibration_table.csv')
    rows = [r for r in rows if r['draw'] == '0']
    texts = list(dict.fromkeys(r['calibrated on'] for r in rows))
    groups = [(s, p) for s in ('0.25', '0.5') for p in ('no', 'yes')]

    def cell(text, sparsity, repaired, number):
        mine = [r for r in rows if (r['sparsity'], r['repaired']) == (sparsity, repaired)]
        found = [float(r[number]) for r in mine if r['calibrated on'] == text and r[number]]
        return f'{found[0]:.2f}' if found else 'not measured'

    head = ['calibrated on', *(
        f'{100 * float(s):g}\u00a0%{", reconstructed" * (p == "yes")}' for s, p in groups
    ), 'Wikipedia, 25 %', 'news, 25 %']
    return table(head, [
        [t.removesuffix(', 32'), *(cell(t, *g, 'KL') for g in groups),
         *(cell(t, '0.25', 'no', k) for k in ('Wikipedia', 'news'))]
        for t in texts
    ])


def speed(folder):
    "Speed-up of a decoding step and of a prompt, measured, beside the one by FLOPs"
    rows = read_rows(folder / 'speed_engines.csv')
    vllm = read_rows(folder / 'speed_vllm.csv')
    rows += [r | dict(engine='vLLM', type=r['form']) for r in vllm]
    found = {}
    for r in rows:
        if r['multiple'] == '1' and r['asked'] in ('decode, batch 1', 'prefill 512'):
            found.setdefault((r['engine'], r['type'], r['sparsity']), {})[r['asked']] = r
    number = lambda r, k: f'{float(r[k]):.2f}'
    spread = lambda r: f'{number(r, "lowest")} to {number(r, "highest")}'
    text = lambda r: f'{number(r, "median")} ({spread(r)})' if r else None
    lines = []
    for (engine, kind, sparsity), asked in found.items():
        step, prompt = (asked.get(k) for k in ('decode, batch 1', 'prefill 512'))
        counted = [r['counted'] if r else None for r in (step, prompt)]
        sparsity = percent(float(sparsity))
        lines.append([engine, kind, sparsity, text(step), counted[0], text(prompt), counted[1]])
    head = 'engine|type|sparsity|decode, batch 1|by FLOPs|prompt of 512|by FLOPs'
    return table(head.split('|'), lines)


def model_types(folder):
    "How many model types can be pruned, and how they are known"
    _, rows = read_walks(folder)
    words = dict(table='has a row of its own', derived='detected and verified automatically')
    words['not supported'] = 'not supported, with a reason'
    words['not tried'] = 'no tiny model was built'
    count = lambda reads, v: sum((r['reads'], r['verdict']) == (reads, v) for r in rows)
    head = ['model types of transformers', *WALKS]
    return table(head, [
        [words[v], *(count(reads, v) for reads in WALKS)] for v in VERDICTS
    ])


TABLES = {  # title -> (table, its files)
    'Methods': (ranking, ['quality_comparison.jsonl']),
    'Quality by sparsity and reconstruction': (quality, ['quality_front_page.jsonl']),
    'Calibration text': (calibration, ['quality_calibration_table.csv']),
    'Speed by engine': (speed, ['speed_engines.csv', 'speed_vllm.csv']),
    'Model types': (model_types, ['types_text.csv', 'types_images.csv']),
}


def first_tables(folder=RESULTS):
    "The five sections: what is shown, the table, its setting and its files"
    index, out = read_index(folder), []
    for title, (make, names) in TABLES.items():
        facts = index[names[0]]
        at = {n: anchor(index[n]['title']) for n in names}
        where = ', '.join(f'[`{n}`](archive.ipynb#{a})' for n, a in at.items())
        setting = f'Setting: {facts["setting"]}. ' if facts.get('setting') else ''
        words = ' '.join(WORDS['five'][title].split())
        out.append(f'## {title}\n\n{words}\n\n{make(folder)}\n\n{setting}'
                   f'Machine: {facts["machine"]}. Rows: {where}.')
    return out


# --- what texts claim

CLAIMS = tomllib.loads(Path(__file__).with_name('claims.toml').read_text(encoding='utf-8'))
KNOWN = CLAIMS.pop('known', {})
SMALL = 'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen'
SMALL += ' fifteen sixteen seventeen eighteen nineteen twenty'
SMALL = {word: n for n, word in enumerate(SMALL.split())}
SMALL |= {f'twenty-{word}': 20 + SMALL[word] for word in [*SMALL][1:10]}


def row_numbers(words, folder):
    "{subset: a number of its row}: FILE METHOD TARGET [OPTION …] NUMBER [divided by]"
    file, method, target, *rest = words
    options = {word for word in rest if word.isidentifier()}
    number, *unit = (word for word in rest if word not in options)
    found = [
        r for r in grid_rows(folder / f'{file}.jsonl')
        if r.method == method and r.target == float(target)
        and {*r.options} == options and number in r.metrics
    ]
    if not found or len({r.seed for r in found}) < len(found):
        raise ValueError(f'{" ".join(words)}: {len(found)} rows of {file}.jsonl, and one is meant')
    return {r.seed: r.metrics[number] / float(unit[0] if unit else 1) for r in found}


def value_of(text, folder=RESULTS):
    "The number that an entry of `value` stands for; of rows, the median over subsets"
    kind, *words = shlex.split(text)
    if ' / ' in text:
        above, below = (row_numbers(part.split(), folder) for part in text.split(' / '))
        return median(above[seed] / below[seed] for seed in above.keys() & below.keys())
    if kind == 'len':
        return len(resolve_name(words[0]))
    if kind == 'papers':
        return len({row.paper for row in resolve_name(words[0]).values() if row.paper})
    if kind in ('count', 'cell'):
        named = dict(word.split('=') for word in words[1:] if '=' in word)
        rows = [r for r in read_rows(folder / words[0])
                if all(r[k] in (wanted, *wanted.split(',')) for k, wanted in named.items())]
        if kind == 'count':
            return len(rows)
        [row] = rows
        column, *unit = (word for word in words[1:] if '=' not in word)
        return float(row[column]) / float(unit[0] if unit else 1)
    return median(row_numbers(text.split(), folder).values())


def read_number(text):
    "(number, digits behind the point) as a text has it; None if it is none"
    text = text.lower()
    if text in SMALL:
        return SMALL[text], 0
    if not re.fullmatch(r'\d[\d,]*(\.\d+)?', text):
        return None
    return float(text.replace(',', '')), len(text.partition('.')[2])


def claimed_texts(root=ROOT):
    "(where, text) of what readers see as prose: README, changelog, pages, words of the tools"
    for name in ('README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'):
        yield name, (root / name).read_text(encoding='utf-8')
    for path in (root / 'tools' / 'pages.toml', root / 'nbs' / 'methods' / 'words.toml'):
        yield path.name, path.read_text(encoding='utf-8')
    for name in site.notebooks(root / 'nbs'):
        cells = json.loads((root / 'nbs' / name).read_text(encoding='utf-8'))['cells']
        for c in cells:
            if c['cell_type'] == 'markdown':
                yield name, ''.join(c['source'])


def statements(found, claims=CLAIMS):
    "(where, claim, numbers as they are said) of every text that makes a claim"
    patterns = [(name, re.compile(p)) for name, c in claims.items() for p in c['says']]
    for where, text in found:
        for name, pattern in patterns:
            for m in pattern.finditer(text):
                if all(map(read_number, m.groups())):
                    yield where, name, m.groups()


def contradictions(found, claims=CLAIMS, folder=RESULTS):
    "Texts that say another number than the place that it comes from, and claims that none makes"
    values = {name: [value_of(v, folder) for v in c['value']] for name, c in claims.items()}
    bad, made = [], set()
    for where, name, said in statements(found, claims):
        made.add(name)
        if len(said) != len(values[name]):
            bad.append(f'{name}: {len(said)} numbers in a pattern, {len(values[name])} values')
        for text, value in zip(said, values[name], strict=False):
            number, digits = read_number(text)
            # as near as the last digit that is given
            if abs(number - value) > 0.5001 * 10**-digits:
                bad.append(f'{where}: {name} is {text}, and it is {value:.{digits + 1}f}')
    return bad + [f'{name}: no text says it' for name in claims if name not in made]


def answers(folder=RESULTS):
    "{question: {file: perplexity}} of stored rows, whatever the data type and the machine"
    found = defaultdict(dict)
    for path in sorted(folder.glob('*.jsonl')):
        for r in grid_rows(path):
            for number, value in r.metrics.items():
                text = r.texts.get(number.partition('/')[0])
                if number.endswith('/ppl') and text and not r.errors:
                    asked = r.model, r.method, r.target, r.seed
                    options = json.dumps(r.options, sort_keys=True)
                    calibration = r.texts.get('calibration')
                    found[*asked, options, calibration, number, text][path.name] = value
    return found


def double_answers(folder=RESULTS, known=KNOWN):
    "Questions to which two files give two numbers, but where it is known; and what is not so"
    bad, seen = [], set()
    for question, by_file in answers(folder).items():
        if max(by_file.values()) > 1.0005 * min(by_file.values()):
            files = ', '.join(by_file)
            seen.add(files)
            if files not in known:
                numbers = ', '.join(f'{v:.2f}' for v in by_file.values())
                bad.append(f'{files}: {numbers} for {question[1]} at {question[2]}')
    return bad + [f'{files}: known to differ, and they do not' for files in known
                  if files not in seen]


# --- all of it

def summary():
    "The first part of the first page: what was found, in numbers that stored rows have"
    kinds = '', '_moe', '_streamed'
    peaks = [r for k in kinds for r in read_rows(RESULTS / f'memory_estimates{k}.csv')]
    off = max(float(r['peak, there']) / float(r['peak, estimated']) - 1 for r in peaks)
    text = '\n'.join(line.strip() for line in WORDS['summary'].strip().splitlines())
    text = re.sub(r'\{([^{}]+):([^{}:]*)\}', lambda m: format(value_of(m[1]), m[2]), text)
    return f'## Summary\n\n{text.format(peaks=len(peaks), off=percent(round(off, 2)))}'


def write_results():
    "Write the pages of results, and the table that the package brings"
    one = lambda words: ' '.join(words.split())
    page, line = RESULTS / 'measured.ipynb', 'What was measured: a summary and five tables'
    write_notebook(page, 'Results', line, one(WORDS['results']), summary(), *first_tables())
    parts = []
    for group, paths in group_files().items():
        if group != GROUPS['log']:  # a page of its own
            parts += [f'## {group}', *map(section, filter(is_table, paths))]
    page, line = RESULTS / 'archive.ipynb', 'Every table, with machine, versions and command'
    write_notebook(page, 'All measurements', line, one(WORDS['archive']), *parts)
    page, line = RESULTS / 'log.ipynb', WORDS['log_line']
    write_notebook(page, 'What did not help', line, one(WORDS['log']), *list_attempts())
    version, rows = read_walks()
    write_shipped(version, rows)
    counts = Counter(r['verdict'] for r in rows)
    totals = ', '.join(f'{counts[v]} {v}' for v in VERDICTS)
    head = ['type', 'reads', 'verdict', 'what was found']
    types = table(head, [(r['type'], r['reads'], r['verdict'], r['said'][:300]) for r in rows])
    text = f'transformers {version}: {len(rows)} rows; {totals}.\n\n{types}'
    page, line = RESULTS / 'types.ipynb', WORDS['types_line']
    write_notebook(page, 'Every model type', line, WORDS['types'].strip(), text)


def write_methods():
    "Write the pages of methods; run those that are new"
    found, pages = read_comparison(), read_pages()
    write_page(PAGES / 'methods.ipynb', [('markdown', x) for x in overview_texts(pages)])
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


def main():
    "Write them all"
    write_results()
    write_methods()


if __name__ == '__main__':
    problems = [*contradictions(claimed_texts()), *double_answers()]
    print(*problems, sep='\n')
    sys.exit(bool(problems))
