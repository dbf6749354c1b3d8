"""Runs of nbs/benchmarks/protocol.ipynb, the comparison on test texts, in the order of their worth

Each draw of a question is complete before the next begins. A row is written when it is measured,
and each plan before it is evaluated: the same command goes on where it was stopped. It reads a
file of 1,000 documents of C4's validation set, a line each, whose hash and source
nbs/results/index.json has.

usage: python -m tools.protocol [QUESTION ...]        all questions, or those with these names
"""

import sys
import tempfile
from pathlib import Path

from nbs.results.stored import find_input
from tools.site import ROOT

FOLDER = ROOT / 'nbs' / 'results'
FILE = FOLDER / 'quality_protocol.jsonl'
C4 = 'c4_validation_1000.jsonl'
TOKENS = '--n_samples 32 --seq_len 1024'
SHORT = '--n_samples 256 --seq_len 128'  # as many tokens
JUDGED = '--n_eval 60 --eval_len 512'
LAYERWISE = '--repair layerwise'
# question -> its runs: (methods, targets, draws, samples, step)
QUESTIONS = {
    'halves': [
        ('2ssp,width_only', '0.25,0.5', 5, TOKENS, ''),
        ('shortgpt', '0.25,0.5', 5, SHORT, ''),
    ],
    'trained': [
        ('2ssp,2ssp+', '0.25,0.5', 3, TOKENS, LAYERWISE),
    ],
    'scores': [
        ('taylor,wanda_sp,flap', '0.25,0.5', 5, TOKENS, ''),
    ],
    'searches': [
        ('blockpruner,gisp,putri,evopress', '0.25,0.5', 3, TOKENS, ''),
    ],
    'all_trained': [
        ('width_only,taylor,wanda_sp,flap', '0.25,0.5', 3, TOKENS, LAYERWISE),
        ('shortgpt', '0.25,0.5', 3, SHORT, LAYERWISE),
        ('blockpruner,gisp,putri,evopress', '0.25,0.5', 3, TOKENS, LAYERWISE),
    ],
    'targets': [
        ('2ssp,width_only,2ssp+', '0.05,0.1,0.15,0.375', 3, TOKENS, ''),
        ('shortgpt', '0.05,0.1,0.15,0.375', 3, SHORT, ''),
    ],
}


def commands(folder, questions=tuple(QUESTIONS)):
    "The commands of some questions in their order, on the texts in a folder"
    texts = f'--calibration {folder}/c4_calibration.jsonl --evaluation wiki_test'
    texts += f' --evaluation {folder}/c4_unseen.jsonl {JUDGED}'
    for runs in map(QUESTIONS.get, questions):
        for draw in range(max(draws for _, _, draws, _, _ in runs)):
            for methods, targets, draws, samples, step in runs:
                if draw < draws:
                    asked = f'--method {methods} --sparsity {targets} --seed {draw} {step}'
                    yield f'compare smollm2 --dtype float32 {asked} {samples} {texts}'


def asked_rows(question):
    "{(method, target, draw, step)} of a question's rows"
    found = set()
    for methods, targets, draws, _, step in QUESTIONS[question]:
        for method in methods.split(','):
            # a plan that is repaired is also measured before; 2SSP+ always trains
            steps = ['layerwise'] if method == '2ssp+' else ['as removed', 'layerwise']
            steps = steps if step else steps[:1]
            for target in map(float, targets.split(',')):
                found |= {(method, target, draw, x) for draw in range(draws) for x in steps}
    return found


def write_texts(lines, folder):
    "What is calibrated on, and what is judged on"
    for name, part in {'c4_calibration': lines[:600], 'c4_unseen': lines[700:]}.items():
        Path(folder, f'{name}.jsonl').write_text(''.join(part), encoding='utf-8')


def main(questions):
    from twossp.cli.main import main as run

    if unknown := {*questions} - {*QUESTIONS}:
        raise ValueError(f"no question {', '.join(unknown)}; there are: {', '.join(QUESTIONS)}")
    path = find_input(C4, FOLDER / 'quality_comparison.jsonl')  # which reads the same file
    lines = path.read_text(encoding='utf-8').splitlines(keepends=True)
    with tempfile.TemporaryDirectory() as folder:
        write_texts(lines, folder)
        for line in commands(folder, questions or [*QUESTIONS]):
            print(line, flush=True)
            page = f'--results {FILE} --save {folder}/page.html --overwrite --quiet'
            if code := run(f'{line} {page}'.split()):
                return code
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
