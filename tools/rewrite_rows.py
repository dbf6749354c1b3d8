"""Rewrite result rows of earlier programs as rows of today

A row had a number `schema`, which is dropped. Rows without one had keys that were made of names:
their keys are removed, so that no run takes them for its own. What remains of attention and FFN
was a list of two in them, and is a dictionary. A row's key named the module of its method, which
a key of today does not: where the row says all that its earlier key was made of, so that the same
hash comes out, the key of today takes its place. Rows of today stay as they are, to the byte.

usage: python -m tools.rewrite_rows FILE.jsonl …
"""

import hashlib
import json
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

from twossp.baselines.methods import METHODS, method
from twossp.records.files import atomic_file
from twossp.records.identity import Search, revisions, row_key, runtime_facts
from twossp.records.provenance import non_default_options
from twossp.records.results import load_results


def option_facts(x):
    "What an option's value was in a key of the program before"
    if isinstance(x, tuple):
        return ['tuple', [f'{type(v).__name__} {v!r}' for v in x]]
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return repr(float(x))
    return f'{type(x).__name__} {x!r}'


def search_keys(row, runtime):
    "The key of the search of a row by the program before, and by the one of today"
    f = method(row['method'])
    options = {k: tuple(x) if isinstance(x, list) else x for k, x in row['options'].items()}
    search = Search(row['model_id'], f, row['target'], row['seed'], options, None, runtime)
    text = row['texts'].get('calibration')
    if text:  # known by its hash alone
        vars(search)['calibration'] = SimpleNamespace(identity=text)
    module = f.__module__.replace('twossp.refine.', 'twossp.recovery.')  # where it was
    question = dict(
        model=row['model_id'], method=f'{module}.{f.__qualname__}',
        sparsity=row['target'], seed=row['seed'], calibration=text, runtime=runtime,
        options={k: option_facts(x) for k, x in non_default_options(f, options).items()},
    )
    if preset := getattr(f, 'preset', None):
        question['preset'] = {k: option_facts(x) for k, x in preset.items()}
    if raised := revisions(f, options):
        question['revisions'] = raised
    digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    return digest[:16], search.key


def key_of_today(row):
    "The key of today in place of the one of the program before; any other key stays"
    timed = any(k.endswith('/forward_ops') for k in row['metrics'])  # their identity changed, too
    if row['method'] not in METHODS or timed or not row.get('evaluations'):
        return row['key']
    facts = dict(target=row['target'], seed=row['seed'])
    if row.get('calibrated_on'):
        facts['calibrated_on'] = row['calibrated_on']
    base = runtime_facts(None, row['device'], row['dtype'], row['versions'])
    for attn, experts in product(('sdpa', 'eager'), ('eager', 'grouped_mm', None)):
        runtime = base | dict(attn=attn, experts=experts)
        keys = [
            row_key(
                row['model_id'], row['method'], f'search:{key}', row['evaluations'], runtime, facts
            )
            for key in search_keys(row, runtime)
        ]
        if keys[0] == row['key']:
            return keys[1]
    return row['key']


def rewrite(row):
    "A row of today, from a dictionary of any of them"
    row = dict(row)
    if row.pop('schema', 1) < 2 and not row.get('model_id'):
        row['key'] = ''
    if row.get('key') and row.get('model_id') and row.get('texts') is not None:
        row['key'] = key_of_today(row)
    if isinstance(row.get('kept'), list):
        row['kept'] = dict(zip(('attention', 'FFN'), row['kept'], strict=True))
    return row


def rewrite_file(path):
    "Rewrite the rows of a file that need it, in place; their number"
    lines = [x for x in path.read_text(encoding='utf-8').split('\n') if x.strip()]
    rows = [json.loads(line) for line in lines]
    new = [rewrite(row) for row in rows]
    texts = [
        line if row == made else json.dumps(made, ensure_ascii=False)
        for line, row, made in zip(lines, rows, new, strict=True)
    ]
    with atomic_file(path) as part:
        part.write_text(''.join(f'{x}\n' for x in texts), encoding='utf-8', newline='\n')
    load_results(path)  # raises if a row is none of today
    return sum(a != b for a, b in zip(rows, new, strict=True))


def main(names):
    "Rewrite files, and say how many rows changed"
    for name in names:
        print(f'{name}: {rewrite_file(Path(name))} rows rewritten')


if __name__ == '__main__':
    main(sys.argv[1:])
