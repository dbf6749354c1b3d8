"""Rewrite result rows of earlier programs as rows of today

A row had a number `schema`, which is dropped. Rows without one had keys that were made of names:
their keys are removed, so that no run takes them for its own. What remains of attention and FFN
was a list of two in them, and is a dictionary. Rows of today stay as they are, to the byte.

usage: python -m tools.rewrite_rows FILE.jsonl …
"""

import json
import sys
from pathlib import Path

from twossp.core.files import atomic_file
from twossp.evaluation.results import load_results


def rewrite(row):
    "A row of today, from a dictionary of any of them"
    row = dict(row)
    if row.pop('schema', 1) < 2 and not row.get('model_id'):
        row['key'] = ''
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
