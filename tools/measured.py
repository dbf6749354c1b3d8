"""Write the pages of nbs/results/: a summary (measured.ipynb, with the tables of tools/five.py),
every table (archive.ipynb), every file (files.ipynb),
what did not help (log.ipynb), every model type (types.ipynb, and twossp/types.csv)

A `.jsonl` file holds rows of a grid, a `.csv` file a table; `index.json` says of each file
what was measured, on what machine, with which versions and command. The first word of a
file's name is its group, a chapter; `pages.toml` has their titles. Model types come from
the walks over all of them: types_text.csv (types with a causal language model) and
types_images.csv (those that read images and text).
"""

import csv
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

from tools.pages import write_notebook
from tools.site import ROOT, WORDS

RESULTS = ROOT / 'nbs' / 'results'
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


def table(head, rows):
    "A Markdown table; columns of numbers stand to the right"
    cells = [[say(x) for x in row] for row in rows]
    plain = lambda x: x.strip('–%, .0123456789') == ''
    right = [all(plain(r[i]) for r in cells) for i in range(len(head))]
    rule = ['--:' if r else ':--' for r in right]
    lines = [head, rule, *cells]
    return '\n'.join('| ' + ' | '.join(map(str, r)) + ' |' for r in lines)


# --- files


def read_index(folder=RESULTS):
    "{file: what is known of it}"
    return json.loads((folder / 'index.json').read_text(encoding='utf-8'))


def read_rows(path):
    "The rows of a file, as dictionaries; texts of a table as they stand there, None: missing"
    from nbs.results.stored import load_table

    table = load_table(path, dtype=str, keep_default_na=False).astype(object)
    return table.where(table.notna(), None).to_dict('records')


# --- rows of a grid


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


def percent(x):
    "A share in per cent"
    return f'{100 * x:g} %' if x is not None else None


COLUMNS = {  # of a grid's table: title -> (key, divided by)
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
    shown = {k: (c, by) for k, (c, by) in COLUMNS.items() if there(c)}
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


# --- other tables


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


# --- the page


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


def list_files(folder=RESULTS):
    "What each file holds: a table a group"
    index, texts = read_index(folder), []
    for group, paths in group_files(folder).items():
        lines = []
        for path in paths:
            facts = index[path.name]
            title = facts['title']
            if path.name.startswith('log_'):
                title = f'[{title}](log.ipynb)'
            elif is_table(path):
                title = f'[{title}](archive.ipynb#{anchor(title)})'
            rows = len(read_rows(path)) if is_table(path) else ' '
            made = f'{facts["date"]}, {facts["machine"]}: `{facts["command"]}`'
            lines.append([f'{title}<br>`{path.name}`', rows, made])
        head = ['what it holds', 'rows', 'made']
        texts.append(f'## {group}\n\n{table(head, lines)}')
    return texts


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


# --- the summary

def claims(folder=RESULTS):
    "The numbers of the summary, by name"
    from tools import overview
    from tools.claims import value_of

    compared = overview.read_comparison(folder / overview.COMPARISON.name)
    ppl = {k: x for k, rows in compared.items() if (x := overview.perplexity(rows))}
    apart = overview.set_apart()
    ranked = {k: x for k, x in ppl.items() if k[0] not in apart}
    lowest = lambda *column: '; '.join(
        f'{overview.shown(name)} {overview.say(x)}'
        for x, name in sorted((x, n) for (n, *at), x in ranked.items() if at == [*column])[:3]
    )
    built = dict(engine='llama.cpp', type='f16', sparsity='0.5', multiple='1')
    speeds = (r for r in read_rows(folder / 'speed_engines.csv') if built.items() <= r.items())
    speed = {r['asked']: r for r in speeds}
    prompt, decode = (speed[k] for k in ('prefill 512', 'decode, batch 1'))
    file = overview.COMPARISON.stem
    gain = {t: f'{file} 2ssp+ {t} wiki/ppl / {file} 2ssp {t} wiki/ppl' for t in (0.25, 0.5)}
    gain = {t: f'{value_of(asked, folder):.2f}' for t, asked in gain.items()}
    kinds = '', '_moe', '_streamed'
    peaks = [r for k in kinds for r in read_rows(folder / f'memory_estimates{k}.csv')]
    off = max(float(r['peak, there']) / float(r['peak, estimated']) - 1 for r in peaks)
    types = Counter(r['verdict'] for r in read_rows(folder / 'types_text.csv'))
    return dict(
        dense=overview.say(ppl['dense', 0.0, False]),
        plain25=lowest(0.25, False), mended25=lowest(0.25, True),
        plain50=lowest(0.5, False), mended50=lowest(0.5, True),
        prompt=prompt['median'], decode=decode['median'],
        prompt_flops=prompt['counted'], decode_flops=decode['counted'],
        gain25=gain[0.25], gain50=gain[0.5],
        peaks=len(peaks), off=percent(round(off, 2)), types=types['table'] + types['derived'],
        refused=types['not supported'],
    )


def summary():
    "The first part of the page: what was found, in numbers"
    text = '\n'.join(line.strip() for line in WORDS['summary'].strip().splitlines())
    return f'## Summary\n\n{text.format(**claims())}'


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


def main():
    "Write all pages, and the table that the package brings"
    from tools import five

    page, line = RESULTS / 'measured.ipynb', 'What was measured: a summary and five tables'
    intro = ' '.join(WORDS['results'].split())
    write_notebook(page, 'Results', line, intro, summary(), *five.texts())
    parts = []
    for group, paths in group_files().items():
        if group != GROUPS['log']:  # a page of its own
            parts += [f'## {group}', *map(section, filter(is_table, paths))]
    page, line = RESULTS / 'archive.ipynb', 'Every table, with machine, versions and command'
    intro = ' '.join(WORDS['archive'].split())
    write_notebook(page, 'All measurements', line, intro, *parts)
    texts = ' '.join(WORDS['files'].split()), *list_files()
    write_notebook(RESULTS / 'files.ipynb', 'Files of results', WORDS['files_line'], *texts)
    texts = ' '.join(WORDS['log'].split()), *list_attempts()
    write_notebook(RESULTS / 'log.ipynb', 'What did not help', WORDS['log_line'], *texts)
    version, rows = read_walks()
    write_shipped(version, rows)
    counts = Counter(r['verdict'] for r in rows)
    totals = ', '.join(f'{counts[v]} {v}' for v in VERDICTS)
    head = ['type', 'reads', 'verdict', 'what was found']
    types = table(head, [(r['type'], r['reads'], r['verdict'], r['said'][:300]) for r in rows])
    text = f'transformers {version}: {len(rows)} rows; {totals}.\n\n{types}'
    page, line = RESULTS / 'types.ipynb', WORDS['types_line']
    write_notebook(page, 'Every model type', line, WORDS['types'].strip(), text)
