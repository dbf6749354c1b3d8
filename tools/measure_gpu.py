# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["twossp[eval]"]
#
# [tool.uv.sources]  # until there is a release
# twossp = { git = "https://github.com/twossp/twossp" }
# ///
"""Measure 2SSP on your GPU: whether it is right and how fast, then a model of 7 or 8 billion
parameters at 25 and 50 %, with and without reconstruction, on the paper's texts and six tasks

It resumes: the same command goes on where it stopped. All that it asks for are `twossp bench`
and `twossp prune`; flags that are not its own are handed to the latter.

usage: uv run measure_gpu.py [--model NAME] [--results DIR] [--only bench|rows] [--cpu] [FLAGS]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

MODEL = 'Qwen/Qwen2.5-7B'  # of the paper's models, the one that needs no agreement
ROWS = """
method: 2ssp
sparsity: [0.25, 0.5]
dense: yes
dtype: bfloat16
main_table_results: yes
evaluate_downstream: yes
task_batch: auto
evaluate_inference: yes
"""
STEPS = {  # name -> (what it measures, the command without its files)
    'bench': ('whether results are right, and times, on random weights', ['bench']),
    '2ssp': ('the dense model, and 2SSP at both sparsities', ['prune']),
    'repaired': ('2SSP with reconstruction', ['prune', '--repair', 'least_squares']),
}
TEXTS = 3e9  # bytes of texts and tasks
SEND = 'https://github.com/twossp/twossp/issues/new?template=rows.yml'


def find_download(model):
    "Bytes of a model that are to be downloaded, and to where"
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError

    if Path(model).exists() or model == 'smollm2':
        return 0, Path()
    try:
        HfApi().auth_check(model)
        wanted = ['*.safetensors', '*.json', 'tokenizer*']
        files = snapshot_download(model, allow_patterns=wanted, dry_run=True)
    except GatedRepoError:
        sys.exit(f'{model} is gated: agree to its terms on its page, then hf auth login')
    except Exception as e:
        sys.exit(f'{model} cannot be read: {str(e).strip().splitlines()[0]}')
    return sum(f.file_size for f in files if f.will_download), Path(constants.HF_HUB_CACHE)


def check(model, cpu):
    "Say what is downloaded, and how long it takes; stop where something is missing"
    import torch

    if not (torch.cuda.is_available() or cpu):
        sys.exit(f'no CUDA device: torch {torch.__version__} sees none (--cpu tries without)')
    model_bytes, cache = find_download(model)
    there = next(p for p in [cache, *cache.absolute().parents] if p.exists())
    free, wanted = shutil.disk_usage(there).free, model_bytes + TEXTS
    if model_bytes and free < wanted:
        sys.exit(f'{cache} has {free / 1e9:.0f} GB free, {model} and the texts take'
                 f' {wanted / 1e9:.0f} GB: set HF_HOME to a folder on a larger disk')
    print(f'Downloads {model_bytes / 1e9:.1f} GB for {model} and up to {TEXTS / 1e9:.0f} GB of'
          ' texts and tasks.\nBy its FLOPs it takes about an hour on an H100, two to five'
          ' on a 24 GB card; the same command goes on where it stopped.', flush=True)


def run(command, dry=False):
    "Run a command of twossp in a process of its own, which frees the GPU's memory; its exit code"
    quiet = subprocess.DEVNULL if dry else None
    print('\n$ twossp', *command, flush=True)
    return subprocess.run([sys.executable, '-m', 'twossp', *command], stdout=quiet).returncode


def main():
    "Check, measure, and say where to send the rows"
    os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')
    parser = argparse.ArgumentParser(description=__doc__.split('\n\nusage')[0], allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default=MODEL, help=f'name on the hub, or folder ({MODEL})')
    parser.add_argument('--results', default='twossp-gpu', help='folder of rows (twossp-gpu)')
    parser.add_argument('--only', choices=['bench', 'rows'], help='one half of it')
    parser.add_argument('--minutes', default='9', help='of the benchmark (9)')
    parser.add_argument('--cpu', action='store_true', help='go on without a GPU, to try this')
    o, flags = parser.parse_known_args()
    steps = {k: v for k, v in STEPS.items() if not o.only or (k == 'bench') == (o.only == 'bench')}
    check(o.model if o.only != 'bench' else 'smollm2', o.cpu)
    folder, failed = Path(o.results).absolute(), []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        request = Path(made, 'rows.yaml')
        request.write_text(ROWS, encoding='utf-8')
        where = ['--config', str(request), '--results', str(folder / 'rows.jsonl'), *flags]
        prune = {k: [*v[1], o.model, *where] for k, v in steps.items() if k != 'bench'}
        if any([run([*command, '--dry_run']) for command in prune.values()]):
            sys.exit('nothing was measured: the message above says why')
        bench = ['--results', str(folder / 'bench.jsonl'), '--save', str(folder / 'bench.html')]
        bench.append('--overwrite')  # the page of an earlier part
        commands = {'bench': ['bench', '--minutes', o.minutes, *bench]} if 'bench' in steps else {}
        for name, command in (commands | prune).items():
            print(f'\n{name}: {STEPS[name][0]}', end='')
            failed += [name] * bool(run(command))
    packed = folder.with_name(f'{folder.name}.zip')
    with ZipFile(packed, 'w', ZIP_DEFLATED) as z:  # without plans, which hold weights
        for f in sorted(folder.glob('*.jsonl')):
            rows = f.read_text(encoding='utf-8')
            if Path(o.model).exists():  # a folder's name is sent, not where it lies
                rows = rows.replace(json.dumps(o.model), json.dumps(Path(o.model).name))
            z.writestr(f.name, rows)
    if failed:
        print(f'\nNot complete: {", ".join(failed)}. The same command tries what is missing.')
    print(f'\nAll rows are in {packed}. Send it: {SEND}')
    return 1 if failed else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # as a command of twossp says it, and by the same exit code
        print('\nInterrupted: the same command goes on where it stopped.')
        sys.exit(130)
