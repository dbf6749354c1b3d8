"""What takes a model, tried one by one: methods, options, tables and plots, training, forms

For `nbs/tests/takes.ipynb`, which keeps what comes out for a hybrid and a vision-language model.
"""

import copy
import csv
import json
from functools import cache
from pathlib import Path

from nbs.tests.helpers.examine import OPTIONS

SHARE = 0.25
NBS = Path(__file__).resolve().parents[2]
KEPT = NBS / 'results' / 'types_features.csv'
PLACES = 'one device', 'two devices', 'offloaded', 'no float64', 'bfloat16'


def read_taken(column):
    "[(what, what came out)] for one kind of model; what is not in the kept table says so"
    with KEPT.open(encoding='utf-8', newline='') as f:
        kept = {r['what']: r[column] for r in csv.DictReader(f)}
    return [(n, kept.get(n, 'not measured')) for n in list_work()]


IN_WORDS = {  # what the kept table says, as the pages say it
    'refused: ': 'not supported: ',
    'comes back': 'loads again, with equal losses',
    'foretold': 'estimated',
    ' left': ' remaining',
    'one entry a layer': 'one entry per layer',
    ', a mixer gone': ', one mixer removed',
}


def say_taken(column):
    "The same as Markdown, for the how-to pages"
    lines = ['| feature | result |', '|:--|:--|']
    for name, result in read_taken(column):
        result = result.replace('|', '/')
        for said, word in IN_WORDS.items():
            name, result = (x.replace(said, word) for x in (name, result))
        command, _, more = name.partition(', one ')
        if command.startswith(('--', 'twossp')):
            name = f'`{command}`' + f', one {more}' * bool(more)
        lines.append(f'| {name} | {result} |')
    return '\n'.join(lines)


def is_shown(column, text):
    "Does a page show what was measured; what was added since may be missing on it"
    lines = say_taken(column).splitlines()
    return all(x in text.splitlines() for x in lines if not x.endswith('| not measured |'))


class Subject:
    "A saved tiny model, and what is asked of it"

    def __init__(self, model, place, text):
        from twossp.model.testing import byte_tokenizer

        self.model, self.tok, self.place = model, byte_tokenizer(), Path(place)
        self.folder, self.text = self.place / 'model', text
        model.save_pretrained(self.folder, max_shard_size='60KB')
        self.tok.save_pretrained(self.folder)

    def plan(self, **options):
        "2SSP's, on the model in memory"
        from twossp.baselines.methods import method

        return method('2ssp')(self.model, self.text, SHARE, progress=False, **options)


def try_method(name):
    "A method's sparsity"

    def run(s):
        from twossp.baselines.methods import method

        options = OPTIONS.get(name, {})
        plan = method(name)(s.model, s.text, SHARE, progress=False, **options)
        return f'{plan.sparsity(s.model):.3f} removed'

    return run


def stream(s):
    "Plan and losses of the model on disk, against those of the model in memory"
    from twossp.baselines.methods import method
    from twossp.checkpoint.models import load_model
    from twossp.engine.metrics import nll
    from twossp.model.apply import applied

    found = []
    for far in (True, False):
        model, _ = load_model(s.folder, stream=far)
        plan = method('2ssp')(model, s.text, SHARE, n_attn=1, progress=False)
        with applied(model, plan):
            found.append((plan, nll(model, s.text)))
    (a, x), (b, y) = found
    assert a == b and x.equal(y), 'streamed, the plan or the losses differ'
    return 'plan and losses equal to the bit'


def multiple(s):
    "Widths that are multiples of eight"
    widths = {len(k) for k in s.plan(multiple=8).ffn if k is not None}
    assert widths and not any(w % 8 for w in widths), widths
    return f'widths {", ".join(map(str, sorted(widths)))}'


def repair(s):
    "The divergence from the dense model, before and after a repair"
    import torch

    from twossp.engine.metrics import kl
    from twossp.model.apply import applied

    with torch.no_grad():
        dense, far = s.model(s.text, use_cache=False).logits, []
    for plan in (s.plan(), s.plan(repair='least_squares')):
        with applied(s.model, plan):
            far.append(float(kl(s.model, s.text, dense).mean()))
    assert far[1] < far[0], far
    return f'{far[0]:.3f} to {far[1]:.3f} nats from dense'


def estimate(s):
    "Parameters that are foretold, against those that are left"
    from twossp.checkpoint.skeleton import load_skeleton
    from twossp.costs.estimate import estimate as foretell
    from twossp.model.apply import applied
    from twossp.model.families import n_params

    foretold = foretell(load_skeleton(s.folder), '2ssp', SHARE).params
    with applied(s.model, s.plan()):
        left = n_params(s.model)
    assert abs(foretold / left - 1) <= 0.1, (foretold, left)
    return f'{foretold:,} parameters foretold, {left:,} left'


def grid(s):
    "Rows of three methods, and every table and figure of them"
    from twossp.evaluation.grid import run_grid
    from twossp.evaluation.measure import on_forward, on_text
    from twossp.reporting import report as r
    from twossp.reporting.html_report import html_report

    evals = {'text': on_text(s.text), 'forward': on_forward(s.text[:1])}
    names = ['2ssp', 'random']
    rows = run_grid(s.model, s.tok, s.text, names, [SHARE], evals, None, progress=False)
    made = [r.comparison_table(rows), r.summary_table(rows)]
    made.append(r.to_latex(r.paper_table(rows, 'text/ppl')))
    made += [r.plot_metric(rows, 'text/ppl'), r.plot_removed(rows), r.plot_speedup(rows)]
    made += [r.plot_metric(rows, 'text/ppl', 'seconds'), html_report(rows)]
    assert all(x is not None for x in made)
    return f'{len(rows)} rows, {len(made)} tables and figures'


def quality(**bound):
    "The smallest model within a bound"

    def run(s):
        from twossp.evaluation.quality import find_quality

        found = find_quality(s.model, s.text, **bound)
        return f'{found.plan.sparsity(s.model):.3f} removed'

    return run


def recover(**lessons):
    "The divergence on held-out text, before and after some steps"

    def run(s):
        from twossp.recovery.distill import recover as learn

        log, tokens = {}, 40 * s.text.shape[1]
        learn(s.model, s.plan(), s.text, log=log, tokens=tokens, progress=False, **lessons)
        before, after = (log['recovery'][k] for k in ('before', 'after'))
        assert after < before, (before, after)
        return f'{before:.3f} to {after:.3f} nats from dense'

    return run


def save(form, n_attn):
    "A checkpoint in a format, and the model that comes back"

    def run(s):
        from twossp.checkpoint.load import load_pruned
        from twossp.checkpoint.save import save_pruned
        from twossp.engine.metrics import nll
        from twossp.model.apply import applied

        plan, where = s.plan(n_attn=n_attn), s.place / form
        with applied(s.model, plan):
            want = nll(s.model, s.text)
        back = nll(load_pruned(save_pruned(s.model, plan, where, s.tok, format=form)), s.text)
        assert (back - want).abs().max() < 1e-5
        return 'comes back'

    return run


def export(form, n_attn):
    "What an engine wants, from a checkpoint that lacks so many mixers"

    def run(s):
        from twossp.checkpoint.save import save_pruned
        from twossp.serving.export import export_folder

        folder = s.place / f'for-{form}-{n_attn}'
        save_pruned(s.model, s.plan(n_attn=n_attn), folder, s.tok)
        out, _ = export_folder(folder, form)
        return f'a {"file" if out.is_file() else "folder"} is written'

    return run


@cache
def rehearsal():
    "The names of nbs/tests/devices.ipynb, as far as a model is put somewhere"
    text = (NBS / 'tests' / 'devices.ipynb').read_text(encoding='utf-8')
    cells = [''.join(c['source']) for c in json.loads(text)['cells'] if 'outputs' in c]
    last = next(i for i, x in enumerate(cells) if 'def put(' in x)
    names = {}
    for source in cells[: last + 1]:
        if 'with rehearsed(' not in source:
            exec(source, names)
    return names


def use(s, model, folder):
    "A plan; perplexities with it for a moment, back from a folder, for good; what was saved"
    from safetensors.torch import load_file

    from twossp.baselines.methods import method
    from twossp.checkpoint.load import load_pruned
    from twossp.checkpoint.save import save_pruned
    from twossp.engine.metrics import perplexity
    from twossp.model.apply import applied, apply_plan

    plan = method('2ssp')(model, s.text, SHARE, n_attn=1, progress=False)
    with applied(model, plan):
        found = [perplexity(model, s.text)]
    save_pruned(model, plan, folder, s.tok, overwrite=True)
    kept = [load_file(f) for f in sorted(folder.glob('*.safetensors'))]
    found.append(perplexity(load_pruned(folder), s.text))
    found.append(perplexity(apply_plan(model, plan), s.text))
    return plan, found, {k: v for some in kept for k, v in some.items()}


def rehearse(place):
    "A plan, its model and its checkpoint on simulated devices, against those of the plain run"

    def run(s):
        where = rehearsal()
        kind, devices, float64, dtype = where['PLACES'][place]
        made = lambda: copy.deepcopy(s.model).to(dtype)
        plan, want, kept = use(s, made(), s.place / 'plain')
        with where['rehearsed'](kind, devices, float64) as d:
            model = where['put'](made(), d, place == 'offloaded')
            same, got, saved = use(s, model, s.place / 'rehearsed')
        assert plan == same, (plan, same)
        assert all(abs(a - b) <= 1e-6 * b for a, b in zip(got, want, strict=True)), (got, want)
        assert saved.keys() == kept.keys() and all(saved[k].equal(kept[k]) for k in kept)
        return 'plan, perplexities and checkpoint equal'

    return run


def list_work():
    "Name -> what tries it: says what came out, or raises `ValueError` with the reason"
    from twossp.baselines.methods import METHODS

    work = {f'--method {n}': try_method(n) for n in METHODS}
    work |= {'--stream': stream, '--multiple 8': multiple}
    work |= {'--repair least_squares': repair, 'twossp estimate': estimate}
    work |= {'a grid, its tables and plots': grid}
    work |= {'--max_loss 1.1': quality(max_loss=1.1)}
    work |= {'--min_agreement 0.5': quality(min_agreement=0.5)}
    work |= {'twossp recover': recover(), 'twossp recover --how lora': recover(how='lora')}
    work |= {'--format native': save('native', 0), '--format compact': save('compact', 1)}
    work |= {'--format compatible': save('compatible', 1)}
    for form in ('vllm', 'gguf'):
        work[f'--export {form}'] = export(form, 0)
        work[f'--export {form}, a mixer gone'] = export(form, 1)
    return work | {f'simulated: {p}': rehearse(p) for p in PLACES}


def try_all(subject):
    "Name -> what came out, or the words of the refusal"
    said = {}
    for name, run in list_work().items():
        try:
            said[name] = run(subject)
        except ValueError as e:
            said[name] = f'refused: {e}'.splitlines()[0].replace(str(subject.place), '…')
    return said
