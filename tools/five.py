"""The five tables of the first page of Results: methods, quality by sparsity and reconstruction,
calibration, speed by engine, families; each from its file of nbs/results/

Every other table is on the page archive.ipynb.
"""

from tools import measured, overview
from tools.site import WORDS


def methods(folder):
    "Perplexity of each method, plain and reconstructed, lowest first; then what is not ranked"
    found = overview.read_comparison(folder / overview.COMPARISON.name)
    names = list(dict.fromkeys(name for name, *_ in found if name != 'dense'))
    apart = overview.set_apart()
    value = lambda n, t, x: overview.perplexity(found.get((n, t, x), [])) or float('inf')
    ranked = [n for n in names if n not in apart]
    ranked.sort(key=lambda n: (value(n, 0.25, False), value(n, 0.25, True)))
    columns = [overview.column(found, names, *c) for c in overview.COLUMNS.values()]
    head = ['method', *overview.COLUMNS]
    line = lambda n: [overview.shown(n), *(c[n] for c in columns)]
    others = [[*line(n), apart[n]] for n in sorted(names) if n in apart]
    words = 'Not ranked, by name: with less than half of the text or the steps of its paper, or'
    words += ' trained.'
    tables = [overview.markdown(head, map(line, ranked))]
    if others:
        tables += [words, overview.markdown([*head, 'not ranked because'], others)]
    return '\n\n'.join(tables)


def quality(folder):
    "What the bundled model keeps by sparsity, with and without reconstruction"
    found = measured.merge_seeds(measured.read_rows(folder / 'quality_front_page.jsonl'))
    head = 'sparsity|perplexity|KL from dense|top-1 agreement|size|GFLOPs per token'.split('|')
    rows = []
    for (name, target), [r] in sorted(found.items(), key=lambda x: (x[0][1], -x[1][0]['wiki/ppl'])):
        what = 'dense' if name == 'dense' else measured.percent(target)
        what += ', reconstructed' * name.endswith('reconstructed')
        keys = 'wiki/ppl', 'wiki agreement/kl'
        rows.append([
            what, *(f'{r[k]:.2f}' for k in keys), f'{r["wiki agreement/same_top"]:.0%}',
            f'{r["bytes"] / 1e6:.0f}\u00a0MB', f'{r["generation/decode_ops"] / 1e9:.3f}',
        ])
    return measured.table(head, rows)


def calibration(folder):
    "The divergence on chats by calibration text, on the subset that all of them have"
    rows = measured.read_rows(folder / 'quality_calibration_table.csv')
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
    return measured.table(head, [
        [t.removesuffix(', 32'), *(cell(t, *g, 'KL') for g in groups),
         *(cell(t, '0.25', 'no', k) for k in ('Wikipedia', 'news'))]
        for t in texts
    ])


def speed(folder):
    "Speed-up of a decoding step and of a prompt, measured, beside the one by FLOPs"
    rows = measured.read_rows(folder / 'speed_engines.csv')
    vllm = measured.read_rows(folder / 'speed_vllm.csv')
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
        sparsity = measured.percent(float(sparsity))
        lines.append([engine, kind, sparsity, text(step), counted[0], text(prompt), counted[1]])
    head = 'engine|type|sparsity|decode, batch 1|by FLOPs|prompt of 512|by FLOPs'
    return measured.table(head.split('|'), lines)


def families(folder):
    "How many model types can be pruned, and how they are known"
    _, rows = measured.read_walks(folder)
    words = dict(table='has a row of its own', derived='detected and verified automatically')
    words['not supported'] = 'not supported, with a reason'
    words['not tried'] = 'no tiny model was built'
    count = lambda reads, v: sum((r['reads'], r['verdict']) == (reads, v) for r in rows)
    head = ['model types of transformers', *measured.WALKS]
    return measured.table(head, [
        [words[v], *(count(reads, v) for reads in measured.WALKS)] for v in measured.VERDICTS
    ])


TABLES = {  # title -> (table, its files)
    'Methods': (methods, ['quality_comparison.jsonl']),
    'Quality by sparsity and reconstruction': (quality, ['quality_front_page.jsonl']),
    'Calibration text': (calibration, ['quality_calibration_table.csv']),
    'Speed by engine': (speed, ['speed_engines.csv', 'speed_vllm.csv']),
    'Model types': (families, ['types_text.csv', 'types_images.csv']),
}


def texts(folder=measured.RESULTS):
    "The five sections: what is shown, the table, its setting and its files"
    index, out = measured.read_index(folder), []
    for title, (make, names) in TABLES.items():
        facts = index[names[0]]
        at = {n: measured.anchor(index[n]['title']) for n in names}
        where = ', '.join(f'[`{n}`](archive.ipynb#{a})' for n, a in at.items())
        setting = f'Setting: {facts["setting"]}. ' if facts.get('setting') else ''
        words = ' '.join(WORDS['five'][title].split())
        out.append(f'## {title}\n\n{words}\n\n{make(folder)}\n\n{setting}'
                   f'Machine: {facts["machine"]}. Rows: {where}.')
    return out
