"""One setting, one number: a number that texts state comes from one place, and every text says
the same

`claims.toml` names the claims, the patterns by which texts make them, and the row of
nbs/results/, the table or the registry that has the number. A text that says another number is a
contradiction, and so are two stored rows that answer one question with two numbers. A claim that
no text makes any more is an error: its pattern would find nothing for ever.

usage: python -m tools.claims
"""

import json
import re
import shlex
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from pkgutil import resolve_name
from statistics import median

from tools import measured, site
from tools.site import ROOT

CLAIMS = tomllib.loads(Path(__file__).with_suffix('.toml').read_text(encoding='utf-8'))
KNOWN = CLAIMS.pop('known', {})
SMALL = 'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen'
SMALL += ' fifteen sixteen seventeen eighteen nineteen twenty'
SMALL = {word: n for n, word in enumerate(SMALL.split())}
SMALL |= {f'twenty-{word}': 20 + SMALL[word] for word in [*SMALL][1:10]}

# --- the numbers


def grid_rows(path):
    "The rows of a grid; none of a file of other rows"
    from twossp.records.results import load_results

    return load_results(path) if '"method"' in path.read_text(encoding='utf-8')[:200] else []


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


def value_of(text, folder=measured.RESULTS):
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
        rows = [r for r in measured.read_rows(folder / words[0])
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


# --- the texts


def texts(root=ROOT):
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


def contradictions(found, claims=CLAIMS, folder=measured.RESULTS):
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


# --- the rows


def answers(folder=measured.RESULTS):
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


def double_answers(folder=measured.RESULTS, known=KNOWN):
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


if __name__ == '__main__':
    problems = [*contradictions(texts()), *double_answers()]
    print(*problems, sep='\n')
    sys.exit(bool(problems))
