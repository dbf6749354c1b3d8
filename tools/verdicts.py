"""Write what is known of every model type: twossp/types.csv and nbs/results/types.ipynb

Both follow from the walks that are kept in nbs/results/: families.csv (types with a
causal language model) and image_text.csv (those that read images and text). The first is
what `twossp families --all` prints, the second a page.

usage: python tools/verdicts.py
"""

import csv, io, json, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # run as a script
    sys.path.insert(0, str(ROOT))
from tools.measured import read_csv, say
from tools.pages import write_notebook

RESULTS = ROOT / 'nbs' / 'results'
SHIPPED = ROOT / 'twossp' / 'types.csv'
WALKS = {'text': 'families', 'images and text': 'image_text'}
HEAD = 'type', 'reads', 'verdict', 'said'
LINE = 'Which models of transformers can be pruned, and why the others cannot'
INTRO = """A tiny model of each type is tried, with random weights: is it in the table, can its
parts be found and tested, or is it refused, and with which words? A type that is *not
tried* is one of which no tiny model could be built, which says nothing about it. In the
shell, `twossp families --all` prints the same table."""


def read_walks(folder=RESULTS):
    "(the version of transformers, rows as dictionaries); one row a type and what it reads"
    rows, versions = [], set()
    for reads, stem in WALKS.items():
        found = [r | {'reads': reads} for r in read_csv(folder / f'{stem}.csv')]
        versions.add(json.loads((folder / f'{stem}.json').read_text())['transformers'])
        rows += [{k: ' '.join(r[k].split()) for k in HEAD} for r in found]
    assert len(versions) == 1, f'the walks are of several versions: {versions}'
    return versions.pop(), sorted(rows, key=lambda r: (r['type'], r['reads']))


def write_shipped(version, rows, path=SHIPPED):
    "The table that the package brings; its first line says of which transformers it is"
    text = io.StringIO()
    made = csv.DictWriter(text, HEAD, lineterminator='\n')
    made.writeheader()
    made.writerows(rows)
    path.write_text(f'# transformers {version}\n{text.getvalue()}', encoding='utf-8')


def page_table(rows):
    "The rows as Markdown"
    lines = ['| type | reads | verdict | what was found |', '|:--|:--|:--|:--|']
    for r in rows:
        said = say(r['said'][:300])
        lines.append(f"| {r['type']} | {r['reads']} | {r['verdict']} | {said} |")
    return '\n'.join(lines)


def main():
    "Write both"
    version, rows = read_walks()
    write_shipped(version, rows)
    counts = [f"{sum(r['verdict'] == v for r in rows)} {v}" for v in VERDICTS]
    head = f'transformers {version}: {len(rows)} rows; {", ".join(counts)}.'
    page = RESULTS / 'types.ipynb'
    write_notebook(page, 'Every model type', LINE, INTRO, f'{head}\n\n{page_table(rows)}')


VERDICTS = 'table', 'derived', 'refused', 'not tried'

if __name__ == '__main__':
    main()
