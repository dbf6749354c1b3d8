# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["twossp[eval]"]
#
# [tool.uv.sources]  # until there is a release
# twossp = { git = "https://github.com/twossp/twossp" }
# ///
"""Measure 2SSP on your GPU: whether it is right and how fast, on random weights; then a model of 7
or 8 billion parameters at 25 and 50 %, with and without reconstruction, on the paper's texts and
six tasks

It resumes: the same command goes on where it stopped. Other flags are handed to `twossp prune`.
"""

# Written by `make export` from nbs/benchmarks/bench*.ipynb (tools/generate.py).

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from inspect import signature
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import torch
from accelerate import cpu_offload
from accelerate.utils.memory import clear_device_cache
from transformers import AutoConfig, AutoModelForCausalLM

import twossp
from twossp.baselines.methods import find_method, method, method_names, method_scores
from twossp.checkpoint.engines import exporter_names, find_exporter
from twossp.checkpoint.load import load_pruned
from twossp.checkpoint.models import load_model
from twossp.checkpoint.save import save_pruned
from twossp.checkpoint.skeleton import build_model
from twossp.costs.estimate import PruningSetup, estimate_memory, sketch_plan
from twossp.costs.latency import (
    MULTIPLES,
    GraphCaptureError,
    Workload,
    best_multiple,
    device_name,
    fastest_attention,
    latency_table,
    time_against_dense,
)
from twossp.engine.devices import as_device, count_devices, synchronize, time_calls
from twossp.engine.layers import count_forwards
from twossp.engine.memory import free_bytes, peak_memory
from twossp.engine.metrics import inference, nll
from twossp.engine.progress import quiet
from twossp.engine.scores import UNITS, score_names
from twossp.evaluation.measure import count_operations, weight_bytes
from twossp.model.apply import applied, cached_logits
from twossp.model.plan import Plan, drop, get_kind, keep_parts, kind_of
from twossp.model.structure import structure
from twossp.model.testing import byte_tokenizer, randomize, tiny_ids, tiny_model
from twossp.model.words import one_line
from twossp.pruning.depth import greedy
from twossp.pruning.importance import activation_scores
from twossp.pruning.probe import Probe
from twossp.records.extras import is_installed, require
from twossp.records.files import append_line, check_writable, repair_last_line
from twossp.records.identity import facts_identity
from twossp.records.results import code_version, versions
from twossp.recovery.distill import recover
from twossp.refine.allocate import search_widths
from twossp.refine.repair import REPAIRS, repair_plan
from twossp.serving.export import export_folder

_LLAMA = dict(
    model_type="llama", hidden_size=4096, num_hidden_layers=32, num_attention_heads=32,
    intermediate_size=14336, num_key_value_heads=8,
)
_SHAPES = {  # name -> configuration of a random model
    "Llama-3.1-8B": _LLAMA | dict(vocab_size=128256, max_position_embeddings=131072),
    "Qwen3-8B": _LLAMA | dict(
        model_type="qwen3", num_hidden_layers=36, head_dim=128, intermediate_size=12288,
        vocab_size=151936, max_position_embeddings=40960,
    ),
    "Llama-2-7B": _LLAMA | dict(
        num_key_value_heads=32, intermediate_size=11008, vocab_size=32000,
        max_position_embeddings=4096,
    ),
    "Mixtral-8x7B": _LLAMA | dict(
        model_type="mixtral", num_local_experts=8, num_experts_per_tok=2, vocab_size=32000,
        max_position_embeddings=32768,
    ),
}
_SMALL = dict(
    hidden_size=64, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
    intermediate_size=256, vocab_size=256, max_position_embeddings=512,
)
_TINY_SHAPES = {
    "tiny llama": dict(model_type="llama", **_SMALL),
    "tiny mixtral": dict(
        model_type="mixtral", num_local_experts=4, num_experts_per_tok=2, **_SMALL
    ),
}


@dataclass(frozen=True)
class Bench:
    "Device, models and settings of a bench."

    device: torch.device  # that is measured
    shapes: Mapping[str, Mapping]  # name -> configuration of a random model
    dtype: torch.dtype = torch.bfloat16  # of their weights
    tokens: int = 2048  # per window, prompt and cache
    batches: tuple[int, ...] = (1, 8, 64)  # sequences per decoding step
    multiples: tuple[int, ...] = MULTIPLES  # of timed FFN widths
    rounds: int = 3  # per latency measurement
    # options of methods, for less text than the papers use
    options: Mapping = None

    def model(self, name):
        "Build a random model of one of the shapes, on the device."
        return build_model(AutoConfig.for_model(**self.shapes[name]), self.dtype, self.device)

    def skeleton(self, name):
        "Build it without weights."
        return build_model(AutoConfig.for_model(**self.shapes[name]), self.dtype)

    @property
    def dense(self):
        "Names of the shapes without experts."
        return [name for name, x in self.shapes.items() if "num_local_experts" not in x]

    def find(self, name, model, calib, sparsity, log=None, **options):
        "Find the plan of a method, with those options that it takes."
        options = dict(progress=False) | (self.options or {}) | options
        parameters = signature(method(name)).parameters
        options = {k: v for k, v in options.items() if k in parameters}
        return method(name)(model, calib, sparsity, log=log, **options)


_ROOM = 1.25  # memory that a model needs, as a multiple of its weights


def _fit_layers(b, name, free):
    "Name and configuration, of MoE models with as many layers as fit; None: it does not fit"
    config = b.shapes[name]
    few = (replace(b, shapes={name: config | dict(num_hidden_layers=n)}) for n in (1, 2))
    one, two = (weight_bytes(x.skeleton(name)) for x in few)
    layer, L = two - one, config["num_hidden_layers"]
    if _ROOM * (one + (L - 1) * layer) <= free:
        return name, config
    fits = int((free / _ROOM - one + layer) / layer) // 2 * 2
    if name in b.dense or fits < 2:
        return None
    return f"{name}, {fits} layers", dict(config, num_hidden_layers=fits)


TINY_OPTIONS = dict(initial=4, initial_tokens=24, offspring=4, tokens=(24, 48), generations=2)
TINY_OPTIONS |= dict(calib_tokens=144, seed=0)


def make_bench(
    device: str,  # such as "cuda", "cpu"
    names: Sequence[str] = (),  # keys of `_SHAPES` or `_TINY_SHAPES`; default: those that fit
) -> Bench:  # with tiny shapes if there is no accelerator
    "Make the bench of a device; raises `ValueError` if a shape does not fit."
    device, known = as_device(device), _SHAPES | _TINY_SHAPES
    if unknown := [n for n in names if n not in known]:
        raise ValueError(f"no shape {unknown[0]!r}; there are: {', '.join(known)}")
    tiny = device.type == "cpu" if not names else all(n in _TINY_SHAPES for n in names)
    chosen = {n: known[n] for n in names or (_TINY_SHAPES if tiny else _SHAPES)}
    if tiny:
        few = dict(dtype=torch.float32, tokens=32, batches=(1, 4), multiples=(1, 8))
        return Bench(device, chosen, options=TINY_OPTIONS, rounds=1, **few)
    bench, free = Bench(device, chosen), free_bytes(device)
    fits = {name: _fit_layers(bench, name, free) for name in chosen}
    missing = [name for name, x in fits.items() if x is None]
    if missing and (names or len(missing) == len(chosen)):
        need = weight_bytes(bench.skeleton(missing[-1]))
        raise ValueError(
            f"{missing[-1]} takes {need / 1e9:,.1f} GB of weights and a quarter for work,"
            f" {device} has {free / 1e9:,.1f} GB free: name a smaller shape"
        )
    return replace(bench, shapes=dict(x for x in fits.values() if x))


@dataclass(frozen=True)
class BenchCase:
    "One measurement."

    name: str  # unique within part and shape
    # (bench, seconds available) -> values, with 'verdict'
    run: Callable
    shape: str = ""  # key of the bench's shapes; empty: none


@dataclass(frozen=True)
class BenchPart:
    "A part of the bench: several cases."

    about: str  # description
    share: float  # fraction of the time
    cases: Callable  # bench -> cases



_BENCH_PARTS: dict[str, BenchPart] = {
    "right": BenchPart(
        "plans, losses, caches and files against the CPU in float64", 0.2,
        lambda b: right_cases(b),
    ),
    "prune": BenchPart(
        "seconds and memory of every method, repair and distillation", 0.4,
        lambda b: prune_cases(b),
    ),
    "result": BenchPart(
        "times of parts by width, and of whole pruned models", 0.3, lambda b: result_cases(b)
    ),
    "offload": BenchPart(
        "models whose layers are fetched one by one", 0.1, lambda b: offload_cases(b)
    ),
}


def _case_key(b, part, case):
    "Identity of a row: 16 hex digits."
    installed = versions()
    facts = {k: installed[k] for k in ("torch", "transformers", "python")}
    setting = {k: str(v) for k, v in vars(b).items() if k not in ("shapes", "device")}
    facts |= dict(code=code_version(), device=device_name(b.device), setting=setting)
    facts |= dict(part=part, case=case.name, shape=dict(b.shapes.get(case.shape) or {}))
    return facts_identity("bench", **facts)


@contextmanager
def _exact_float32():
    "Compute float32 matrix products on CUDA without TF32, within the block."
    # `get_float32_matmul_precision` raises where TF32 was set in this way
    matmul = torch.backends.cuda.matmul
    name, off = "fp32_precision", "ieee"
    if not hasattr(matmul, name):  # torch up to 2.8
        name, off = "allow_tf32", False
    before = getattr(matmul, name)
    setattr(matmul, name, off)
    try:
        yield
    finally:
        setattr(matmul, name, before)


def _run_case(b, case, left):
    "Run a case that has `left` seconds, without TF32; an error gives a row as well."
    try:
        with _exact_float32():
            return case.run(b, left)
    except (torch.OutOfMemoryError, MemoryError) as e:
        return dict(verdict="not possible", why=f"out of memory: {one_line(e)}")
    except Exception as e:
        return dict(verdict="failed", why=one_line(e))
    finally:
        clear_device_cache(garbage_collection=True)  # models refer to themselves


def _is_usable(device):
    "Whether a device still works: after some CUDA errors it does not, in this process."
    try:
        return bool((torch.ones(1, device=device) + 1).item() == 2)
    except RuntimeError:
        return False


def _read_rows(file):
    "Key -> last row of a results file, if it exists; an incomplete last line is cut off"
    if not Path(file).exists():
        return {}
    repair_last_line(file)
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    try:
        rows = [dict(json.loads(line)) for line in lines]
    except (ValueError, TypeError):  # no JSON objects
        rows = [{}]
    if not all({"key", "verdict"} <= row.keys() for row in rows):  # rows of a grid have a key, too
        raise ValueError(f"{file} holds no rows of a bench: name another file, or a new one")
    return {row["key"]: row for row in rows}


def _is_open(row, left):
    "Whether a case is still to be measured, with so many seconds available"
    verdict = (row or {}).get("verdict", "failed")
    return verdict == "failed" or verdict == "extrapolated" and row["seconds"] <= left


def run_bench(
    b: Bench,  # device, models and settings
    results: str | Path,  # file of JSON lines, appended to
    minutes: float = 9.0,  # for all parts together
    only: Sequence[str] = (),  # keys of `_BENCH_PARTS`; default: all
    log: Callable = print,  # called with a line for each row
    clock: Callable = time.monotonic,  # seconds
) -> tuple[list[dict], int]:  # rows of all measured cases, number of the others
    "Measure the cases that are not measured yet, part by part, while there is time."
    if unknown := [k for k in only if k not in _BENCH_PARTS]:
        raise ValueError(f"no part {unknown[0]!r}; there are: {', '.join(_BENCH_PARTS)}")
    if not minutes >= 0.5:
        raise ValueError(f"a bench takes at least 0.5 minutes; got {minutes:g}")
    parts = [k for k in _BENCH_PARTS if k in only or not only]
    share, start = sum(_BENCH_PARTS[k].share for k in parts), clock()
    measured, rows, waiting, end, usable = _read_rows(results), [], 0, start, True
    for part in parts:
        end += 60 * minutes * _BENCH_PARTS[part].share / share
        cases = {_case_key(b, part, c): c for c in _BENCH_PARTS[part].cases(b)}
        missing = sum(_is_open(measured.get(k), 0) for k in cases)
        for key, case in cases.items():
            began = clock()
            left = (end - began) / max(1, missing)
            missing -= _is_open(measured.get(key), 0)
            if _is_open(measured.get(key), left):
                if left > 0 and usable:
                    values = _run_case(b, case, left)
                    head = dict(key=key, part=part, case=case.name, shape=case.shape)
                    head |= dict(device=device_name(b.device), took=round(clock() - began, 3))
                    measured[key] = head | values | dict(versions=versions())
                    append_line(results, json.dumps(measured[key]))
                    name = " ".join([case.shape, case.name]).strip()
                    log(f"{part}: {name}: {_format_row(measured[key])}")
                    usable = values["verdict"] != "failed" or _is_usable(b.device)
                    if not usable:
                        log(f"{b.device} does not work any more: run the same command again")
                else:
                    waiting += 1
            if key in measured:
                rows.append(measured[key])
    return rows, waiting


_MEGABYTES = "weights", "peak", "workspace", "moved", "limit", "bytes"
_RATES = {"bytes_a_second": "rate", "bus": "bus"}  # values in bytes per second -> label


def _format_value(key, x):
    "A value with its name and unit"
    words = key.replace("_", " ")
    short = lambda x: f"{x:,.0f}" if x >= 1000 else f"{x:.4g}"
    if key in _MEGABYTES:
        return f"{words} {short(x / 1e6)} MB"
    if key in _RATES:
        return f"{_RATES[key]} {short(x / 1e6)} MB/s"
    if isinstance(x, float):
        return f"{words} {short(x)}"
    return f"{words} {x:,}" if isinstance(x, int) else f"{words} {x}"


def _format_row(row):
    "A row in one line: its verdict, reason and values"
    skipped = "verdict", "key", "part", "case", "shape", "device", "took", "why"
    kinds = int, float, str
    numbers = {k: v for k, v in row.items() if k not in skipped and isinstance(v, kinds)}
    why = [row["why"]] if "why" in row else []
    return ", ".join([row["verdict"], *why, *(_format_value(k, v) for k, v in numbers.items())])


def bench_tables(
    folder: str | Path,  # of files of JSON lines; need not exist
) -> dict:  # tables by name; empty without rows
    """Tables of all benches in a folder. 'cases': verdicts and values in words; 'pruning': seconds
    of each method at 25 %, extrapolated ones are marked; 'models': time of pruned models as a
    fraction of the dense one's; 'multiples': the recommended multiple of FFN widths."""
    files = sorted(Path(folder).glob("*.jsonl"))
    rows = [row for f in files for row in _read_rows(f).values()]
    cases, pruning, models, multiples = [], {}, [], {}
    for r in rows:
        column, names = f"{r['shape']}, {r['device']}", ("device", "part", "shape", "case")
        cases.append({k: r[k] for k in names} | dict(found=_format_row(r)))
        if r["part"] == "prune" and r.get("seconds") is not None:
            mark = " (extrapolated)" if r["verdict"] == "extrapolated" else ""
            pruning.setdefault(column, {})[r["case"]] = f"{r['seconds']:,.1f}{mark}"
        for name, m in r.get("models", {}).items():
            place = dict(device=r["device"], shape=r["shape"])
            models.append(place | dict(timed=r["case"], model=name) | m)
        if "multiple" in r:
            multiples.setdefault(r["case"], {})[column] = r["multiple"]
    tables = dict(cases=cases, pruning=pruning, models=models, multiples=multiples)
    frame = require("pandas").DataFrame
    tables = {k: frame(v) for k, v in tables.items()}
    tables |= dict(pruning=tables["pruning"].fillna(""), models=tables["models"].round(3))
    return tables if rows else {}


_MODEL = "Qwen/Qwen2.5-7B"  # of the paper's models, the one that needs no agreement
_ROWS = """
method: 2ssp
sparsity: [0.25, 0.5]
dense: yes
dtype: bfloat16
main_table_results: yes
evaluate_downstream: yes
task_batch: auto
evaluate_inference: yes
"""
_STEPS = {  # of `twossp prune`: what it measures -> the command without its files
    "the dense model, and 2SSP at both sparsities": ["prune"],
    "2SSP with reconstruction": ["prune", "--repair", "least_squares"],
}
_TEXTS = 3e9  # bytes of texts and tasks
_SEND = "https://github.com/twossp/twossp/issues/new?template=rows.yml"


def _parse_words(words):
    "What the script is asked for, and the flags of `twossp prune`"
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, parts = parser.add_argument, ["bench", "rows", *_BENCH_PARTS]
    add("--only", nargs="+", choices=parts, default=["bench", "rows"], metavar="PART",
        help=f"some of it: {', '.join(parts)}")
    add("--minutes", type=float, default=9.0, help="time limit of the benchmark (9)")
    add("--device", help="the device to measure (the accelerator, else the CPU)")
    add("--shape", action="append", default=[], help="measure this shape, such as Qwen3-8B"
        " or 'tiny llama'; can be repeated (those that fit)")
    add("--model", default=_MODEL, help=f"of the rows: a name on the hub, or a folder ({_MODEL})")
    add("--results", type=Path, default=Path("twossp-gpu"), help="folder of rows (twossp-gpu)")
    add("--cpu", action="store_true", help="measure rows without a GPU, to try this")
    return parser.parse_known_args(words)


def _find_download(model):
    "Bytes of a model that are to be downloaded, and to where"
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import GatedRepoError

    if Path(model).exists() or model == "smollm2":
        return 0, Path()
    try:
        HfApi().auth_check(model)
        wanted = ["*.safetensors", "*.json", "tokenizer*"]
        files = snapshot_download(model, allow_patterns=wanted, dry_run=True)
    except GatedRepoError as e:
        why = f"{model} is gated: agree to its terms on its page, then hf auth login"
        raise ValueError(why) from e
    except Exception as e:
        raise ValueError(f"{model} cannot be read: {one_line(e)}") from e
    return sum(f.file_size for f in files if f.will_download), Path(constants.HF_HUB_CACHE)


def _announce_rows(o):
    "Say what is downloaded, and how long it takes; an error where something is missing"
    if not (torch.cuda.is_available() or o.cpu):
        seen = f"torch {torch.__version__} sees none (--cpu tries without)"
        raise ValueError(f"no CUDA device: {seen}")
    model_bytes, cache = _find_download(o.model)
    there = next(p for p in [cache, *cache.absolute().parents] if p.exists())
    free, wanted = shutil.disk_usage(there).free, model_bytes + _TEXTS
    if model_bytes and free < wanted:
        raise ValueError(
            f"{cache} has {free / 1e9:.0f} GB free, {o.model} and the texts take"
            f" {wanted / 1e9:.0f} GB: set HF_HOME to a folder on a larger disk"
        )
    print(
        f"Downloads {model_bytes / 1e9:.1f} GB for {o.model} and up to {_TEXTS / 1e9:.0f} GB of"
        " texts and tasks.\nBy its FLOPs it takes about an hour on an H100, two to five"
        " on a 24 GB card; the same command goes on where it stopped.", flush=True,
    )


def _run_prune(command, dry=False):
    "Run a command of twossp in a process of its own; its exit code"
    print("\n$ twossp", *command, flush=True)
    words = [sys.executable, "-m", "twossp", *command]
    return subprocess.run(words, stdout=subprocess.DEVNULL if dry else None).returncode


def _measure_rows(o, flags):
    "Rows of a model, after a dry run of all commands; what is missing"
    with tempfile.TemporaryDirectory() as made:
        request = Path(made, "rows.yaml")
        request.write_text(_ROWS, encoding="utf-8")
        where = ["--config", str(request), "--results", str(o.results / "rows.jsonl"), *flags]
        commands = {about: [*words, o.model, *where] for about, words in _STEPS.items()}
        if any([_run_prune([*command, "--dry_run"], dry=True) for command in commands.values()]):
            raise ValueError("nothing was measured: the message above says why")
        return [about for about, command in commands.items() if _run_prune(command)]


def _pack_rows(o):
    "The rows, without plans, which hold weights, in a .zip beside their folder"
    packed = o.results.with_name(f"{o.results.name}.zip")
    with ZipFile(packed, "w", ZIP_DEFLATED) as z:
        for f in sorted(o.results.glob("*.jsonl")):
            rows = f.read_text(encoding="utf-8")
            if Path(o.model).exists():  # a folder's name is sent, not where it lies
                rows = rows.replace(json.dumps(o.model), json.dumps(Path(o.model).name))
            z.writestr(f.name, rows)
    return packed


def _measure_bench(o, b, parts):
    "The benchmark; what is wrong, failed or missing"
    file = o.results / "bench.jsonl"
    log = lambda line: print(line, flush=True)
    with quiet():
        rows, waiting = run_bench(b, file, o.minutes, parts, log)
    bad = sum(r["verdict"] in ("wrong", "failed") for r in rows)
    print(f"{len(rows)} rows in {file}, {bad} wrong or failed, {waiting} not measured yet")
    return ["the benchmark"] * (bad + waiting > 0), bad


def main(
    words: Sequence[str] | None = None,  # default: the process's arguments
) -> int:  # exit code: 1 if something is wrong or failed, 2 for what cannot be measured
    "Measure, and say where to send the rows."
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    o, flags = _parse_words(words)
    parts = [k for k in _BENCH_PARTS if k in o.only or "bench" in o.only]
    accelerators = (kind for kind, n in count_devices().items() if kind != "cpu" and n)
    missing, bad = [], 0
    try:
        b = make_bench(o.device or next(accelerators, "cpu"), o.shape) if parts else None
        if "rows" in o.only:
            _announce_rows(o)
        o.results.mkdir(parents=True, exist_ok=True)
        check_writable(o.results / "bench.jsonl")
        if parts:
            missing, bad = _measure_bench(o, b, parts)
        if "rows" in o.only:
            failed = _measure_rows(o, flags)
            missing, bad = missing + failed, bad + len(failed)
    except (ValueError, OSError) as e:
        print(f"measure_gpu: error: {one_line(e)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted: the same command goes on where it stopped.")
        return 130
    if missing:
        print(f"\nNot complete: {', '.join(missing)}. The same command tries what is missing.")
    print(f"\nAll rows are in {_pack_rows(o)}. Send it: {_SEND}")
    return int(bad > 0)


TOLERANCES = {  # dtype -> relative error of a mean loss against the CPU's in float64
    torch.float64: 1e-6,  # losses are in float32
    torch.float32: 1e-5,
    torch.bfloat16: 2e-2,
    torch.float16: 4e-3,
}
_TIE_TOLERANCE = 1e-5  # relative difference of values that rounding in float32 may exchange
_HYBRID = dict(  # a family with recurrent mixers, detected automatically
    vocab_size=258, hidden_size=32, intermediate_size=48, num_hidden_layers=4,
    num_attention_heads=4, num_key_value_heads=2, layer_types=["conv", "full_attention"] * 2,
    block_auto_adjust_ff_dim=False,
)


def _tiny(b, family, dtype, device=None):
    "A tiny model, the same on every device"
    if family == "lfm2":
        config = AutoConfig.for_model("lfm2", **_HYBRID)
        model = randomize(AutoModelForCausalLM.from_config(config, dtype=dtype)).eval()
    else:
        model = tiny_model(family, dtype=dtype)
    if hasattr(model, "set_experts_implementation"):  # grouped kernels have no float64
        model.set_experts_implementation("eager")
    return model.to(device or b.device)


def _supports_dtype(dtype, device):
    "Whether a device multiplies matrices of a dtype: MPS has no float64."
    try:
        x = torch.ones(2, 2, dtype=dtype, device=device)
        return bool((x @ x).sum().item() == 8)
    except (RuntimeError, TypeError):
        return False


def _losses(model, plan, ids):
    "(n,) losses of a pruned model, in float64 on the CPU"
    with applied(model, plan):
        return nll(model, ids).double().cpu()


def _relative_error(one, two):
    "Largest relative error"
    return ((one - two).abs() / two.abs()).max().item()


def _verdict(error, bound, **facts):
    "Verdict of an error: within its bound, or wrong"
    return dict(verdict="within" if error <= bound else "wrong", error=error, bound=bound) | facts


def plan_facts(
    plan,  # of any kind
) -> dict:  # without tensors
    "A plan as plain data; equal only for equal plans."
    return get_kind(kind_of(plan)).to_dict(plan)


def _units(kept, full):
    "Remaining units of a part, as a set; a part without units is one"
    if kept is None or isinstance(kept, bool):
        return {*range(full)} if kept is None else {int(kept)}
    return {*getattr(kept, "left", kept)}


def _choices(log):
    "Step of a greedy search -> losses by candidate"
    steps: dict = {}
    for t in log.get("trials", ()):
        steps.setdefault(t.step, {})[t.candidate] = t.nll
    return steps


def _tied_choice(log, other, bound):
    "Whether the two best candidates are tied at the first step with different choices"
    one, two = _choices(log), _choices(other)
    for step in sorted({*one} & {*two}):
        best = [min(x[step], key=x[step].get) for x in (one, two)]
        if best[0] != best[1]:
            a, c = sorted(one[step].values())[:2]
            return c - a <= bound * a
    return False


def explain_difference(
    plan: Plan,  # found on the device
    reference: Plan,  # found on the CPU
    log: dict,  # of the first search, with its `scores` and `trials`
    other: dict,  # of the second
    bound: float = _TIE_TOLERANCE,  # relative difference of a near tie
) -> dict:  # verdict, "within" if all differences are near ties; `differ`, the number of units
    "Judge a plan that differs from a reference."
    differ, near = 0, True
    for key in sorted({*plan.kept, *reference.kept}):
        kept = [p.kept.get(key) for p in (plan, reference)]
        if kept[0] == kept[1]:
            continue
        layer, scores = key[0], log.get("scores")
        if isinstance(kept[0], bool) or isinstance(kept[1], bool) or scores is None:
            differ, near = differ + 1, near and _tied_choice(log, other, bound)
            continue
        values = torch.as_tensor(getattr(scores[layer], "output", scores[layer])).double()
        units = sorted(_units(kept[0], len(values)) ^ _units(kept[1], len(values)))
        differ += max(1, len(units))
        if not units or max(units) >= len(values):
            near = False
        else:
            tied = values[units]
            near &= bool(tied.max() - tied.min() <= bound * tied.abs().max())
    return dict(verdict="within" if near else "wrong", differ=differ)


def _family(name):
    "Family of the tiny model for a method"
    return "mixtral" if "experts" in method_scores(name) else "llama"


def _find(b, name, model, log=None, **options):
    "Plan of a method on small windows"
    return b.find(name, model, tiny_ids(6, 24), 0.3, log, **TINY_OPTIONS | options)


_REFERENCES: dict = {}  # (method, options) -> plan, log and losses on the CPU, in float64


def _reference(b, name, more):
    "Reference plan, log and losses, computed once"
    key = name, *sorted(more.items())
    if key not in _REFERENCES:
        model, log = _tiny(b, _family(name), torch.float64, "cpu"), {}
        plan = _find(b, name, model, log, **more)
        _REFERENCES[key] = plan, log, _losses(model, plan, tiny_ids(4, 32))
    return _REFERENCES[key]


def _same_plan(name, more, dtype, b, left):
    "A plan found on the device, and its losses, against the CPU in float64"
    if not _supports_dtype(dtype, b.device):
        return dict(verdict="not possible", why=f"{b.device.type} has no {str(dtype)[6:]}")
    log, model = {}, _tiny(b, _family(name), dtype)
    plan, (want, other, losses) = _find(b, name, model, log, **more), _reference(b, name, more)
    if plan_facts(plan) != plan_facts(want):
        if dtype == torch.float64 or not hasattr(plan, "kept"):
            return dict(verdict="wrong", why="another plan")
        return explain_difference(plan, want, log, other)
    error = _relative_error(_losses(model, plan, tiny_ids(4, 32)), losses)
    solved = getattr(plan, "weights", True)  # new weights of a repair or SliceGPT
    row = _verdict(error, TOLERANCES[dtype] * (10 if solved else 1), differ=0)
    return row | dict(verdict="equal") if row["verdict"] == "within" else row


def _same_loss(dtype, b, left):
    "Losses and perplexities of a dense and a pruned model"
    if not _supports_dtype(dtype, b.device):
        return dict(verdict="not possible", why=f"{b.device.type} has no {str(dtype)[6:]}")
    ids, worst, perplexities = tiny_ids(4, 32), 0.0, 0.0
    here, there = _tiny(b, "llama", dtype), _tiny(b, "llama", torch.float64, "cpu")
    for plan in (drop(4), drop(4, attn=[1], ffn=[2])):
        one, two = (_losses(m, plan, ids) for m in (here, there))
        worst = max(worst, _relative_error(one, two))
        perplexities = max(perplexities, abs(math.exp(one.mean() - two.mean()) - 1))
    return _verdict(worst, TOLERANCES[dtype], perplexity_error=perplexities)


def _same_cached(dtype, b, left):
    "Cached decoding against one forward pass, relative to the largest logit"
    if not _supports_dtype(dtype, b.device):
        return dict(verdict="not possible", why=f"{b.device.type} has no {str(dtype)[6:]}")
    m, ids, worst = _tiny(b, "llama", dtype), tiny_ids(2, 24).to(b.device), 0.0
    for plan in (drop(4), drop(4, attn=[0, 3], ffn=[1])):
        with applied(m, plan), inference(m):
            whole = m(ids, use_cache=False).logits
            steps = cached_logits(m, ids, 8)
        worst = max(worst, ((whole - steps).abs().max() / whole.abs().max()).item())
    return _verdict(worst, 3 * TOLERANCES[dtype])


def _same_parts(family, b, left):
    "Every part at half its width, and removed, in float32"
    here, there = _tiny(b, family, torch.float32), _tiny(b, family, torch.float64, "cpu")
    ids, errors = tiny_ids(2, 24), []
    s = structure(there)
    for part in s.parts:
        ends = [] if part.fixed else [part.nothing]
        if part.width:
            ends.append(part.pick(range(0, part.width, 2)))
        for kept in ends:
            plan = keep_parts(s, {part: kept})
            errors.append(_relative_error(_losses(here, plan, ids), _losses(there, plan, ids)))
    return _verdict(max(errors), TOLERANCES[torch.float32], plans=len(errors))


_REMOVED = Plan((tuple(range(0, 48, 2)),) * 4, (True, False, True, True))


def _same_files(b, left):
    "Logits of a checkpoint saved from the device and loaded again"
    m, ids = _tiny(b, "llama", torch.float32), tiny_ids(2, 16).to(b.device)
    with tempfile.TemporaryDirectory() as d, quiet():
        save_pruned(m, _REMOVED, Path(d) / "pruned", byte_tokenizer())
        back = load_pruned(Path(d) / "pruned").to(b.device)
        with applied(m, _REMOVED), inference(m), inference(back):
            one, two = m(ids).logits, back(ids).logits
    if torch.equal(one, two):
        return dict(verdict="equal")
    # at another address, other kernels may be selected
    return _verdict(((one - two).abs().max() / one.abs().max()).item(), TOLERANCES[torch.float32])


def _exported(name, b, left):
    "Export of a checkpoint that was pruned on the device"
    row = find_exporter(name)
    if lacking := row.missing_packages():
        return dict(verdict="not possible", why=f"it needs: pip install {' '.join(lacking)}")
    m = _tiny(b, "llama", torch.float32)
    with tempfile.TemporaryDirectory() as d, quiet():
        plan = _REMOVED if row.supports_removed_attention else Plan(_REMOVED.ffn, (True,) * 4)
        save_pruned(m, plan, Path(d) / "pruned", byte_tokenizer())
        try:
            out, _ = export_folder(Path(d) / "pruned", name, Path(d) / f"out{row.suffix}")
        except ValueError as e:  # a format that does not support the model or tokenizer
            return dict(verdict="not possible", why=one_line(e))
        files = [out] if out.is_file() else [f for f in out.rglob("*") if f.is_file()]
        size = sum(f.stat().st_size for f in files)
    weights = sum(p.numel() for p in m.parameters())
    return dict(verdict="measured" if size > weights else "wrong", bytes=size)


def _same_twice(b, left):
    "The same plan and losses twice, to the bit"
    m = _tiny(b, "llama", torch.float32)
    one, two = ((plan_facts(_find(b, "2ssp", m)), nll(m, tiny_ids()).tolist()) for _ in (0, 1))
    return dict(verdict="equal" if one == two else "wrong")


_WAIT = "called a synchronizing CUDA operation"  # the mode's notice mentions them, too


def _count_synchronizations(work):
    "Host–device synchronizations of a function on CUDA, as reported by torch"
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode(before)
    return sum(_WAIT in str(w.message) for w in found)


def _same_synchronizations(b, left):
    "Synchronizations of scoring and of a greedy step: independent of the depth"
    if b.device.type != "cuda":
        return dict(verdict="not possible", why="only CUDA counts synchronizations")
    found = {}
    for L in (4, 8):
        m = tiny_model("llama", num_hidden_layers=L).to(b.device)
        one = [drop(L, attn=[i]) for i in range(L)]
        scored = partial(activation_scores, m, tiny_ids(6, 24), progress=False, cache=False)
        step = partial(greedy, m, drop(L), one, 1, tiny_ids(1, 24), progress=False)
        scored(), step()  # on first use, a model's replay is checked
        found[f"scores, {L} layers"] = _count_synchronizations(scored)
        found[f"step, {L} layers"] = _count_synchronizations(step)
    counts = [*found.values()]
    return found | dict(verdict="within" if counts[:2] == counts[2:] else "wrong")


def _embedded(b, left):
    "The bundled model: its losses and its first stage, against the CPU"
    try:
        here, there = (load_model("smollm2", device=d)[0] for d in (b.device, "cpu"))
    except (ValueError, ImportError) as e:
        return dict(verdict="not possible", why=one_line(e))
    ids = tiny_ids(2, 64, vocab=40000)
    plans = [method("width_only")(m, ids, 0.25, progress=False) for m in (here, there)]
    kept = zip(*(p.ffn for p in plans), strict=True)
    differ = sum(len({*(a or ())} ^ {*(c or ())}) for a, c in kept)
    dense, pruned = ([_losses(m, p, ids) for m in (here, there)] for p in (drop(30), plans[1]))
    facts = dict(differ=differ, perplexity=dense[0].mean().exp().item())
    error = max(_relative_error(*dense), _relative_error(*pruned))
    return _verdict(error, 10 * TOLERANCES[torch.float32], **facts)


def right_cases(
    b: Bench,  # device, models and settings
) -> Iterator[BenchCase]:
    "The cases of the part *right*"
    for name in method_names():
        for dtype in (torch.float64, torch.float32):
            run = partial(_same_plan, name, {}, dtype)
            yield BenchCase(f"plan of {name}, {str(dtype)[6:]}", run)
    who = ("2ssp", "score"), ("flap", "score"), ("reap", "score"), ("2ssp", "depth_score")
    scores = [(*x, k) for x, unit in zip(who, UNITS, strict=True) for k in score_names(unit)[1:]]
    for name, option, value in (*scores, *(("2ssp", "repair", name) for name in REPAIRS)):
        run = partial(_same_plan, name, {option: value}, torch.float64)
        yield BenchCase(f"plan of {name}, {option} {value}, float64", run)
    for dtype in TOLERANCES:
        yield BenchCase(f"losses, {str(dtype)[6:]}", partial(_same_loss, dtype))
        yield BenchCase(f"cached decoding, {str(dtype)[6:]}", partial(_same_cached, dtype))
    on_cpu = b.device.type == "cpu"  # where these take long and show nothing
    for family in ("llama", "glm4_moe", *(() if on_cpu else ("lfm2",))):
        yield BenchCase(f"parts of {family}", partial(_same_parts, family))
    yield BenchCase("saved, reloaded", _same_files)
    for name in exporter_names():
        if name != "onnx" or not on_cpu:
            yield BenchCase(f"exported, {name}", partial(_exported, name))
    yield BenchCase("twice the same", _same_twice)
    yield BenchCase("synchronizations", _same_synchronizations)
    if not on_cpu:
        yield BenchCase("bundled model", _embedded)


def _windows(b, n, tokens=None):
    "Random token windows, on the CPU like calibration text"
    most = min(s["vocab_size"] for s in b.shapes.values())
    return tiny_ids(n, tokens or b.tokens, vocab=most)


def _timed(b, work):
    "Seconds and peak memory of a function, and its result"
    synchronize(b.device)
    with peak_memory(b.device) as p:
        start = time.perf_counter()
        out = work()
        synchronize(b.device)
        seconds = time.perf_counter() - start
    return dict(seconds=seconds, peak=p["peak"]), out


def _extend_line(points, amount):
    "Extrapolate two points (amount, seconds) to an amount; at least the second's seconds."
    (x1, t1), (x2, t2) = points
    return max(t2, t2 + (amount - x2) * (t2 - t1) / (x2 - x1))


@dataclass(frozen=True)
class Budget:
    "How much a method computes in a full run, and short runs that the full one is told from."

    windows: int  # of calibration
    tokens: int  # per window
    layers: int  # of the model
    unit: str  # of amounts: "tokens", or "generations" of a search
    tries: Sequence[tuple[int, dict]]  # amount and options of each short run
    options: dict  # of the full run

    def full_amount(self, log):
        "Amount of the full run; a search logs how many modules it removes"
        if self.unit == "tokens":
            return self.windows * self.tokens
        n = log["n"]
        return int(n * (self.layers - n) / 1.5)


def _make_budget(b, name, L):
    "Budget of a method, on a model of L layers"
    n = min(find_method(name).windows or 1, 256 if b.options is None else 8)
    parameters = signature(method(name)).parameters
    options = dict(calib=_windows(b, n))
    if "generations" in parameters and b.options is None:
        tries = [(k, options | dict(generations=k)) for k in (1, 1, 2)]
        return Budget(n, b.tokens, L, "generations", tries, options)
    searches_split = "n_attn" in parameters and parameters["n_attn"].default == "search"
    least = 4 if searches_split else 1
    tries = []
    for k in (1, 1, 2):  # sixteenths of the windows, or of one window
        part, t = (max(least, n * k // 16), b.tokens) if n > 1 else (1, max(16, b.tokens * k // 16))
        tries.append((part * t, dict(calib=_windows(b, part, t))))
    return Budget(n, b.tokens, L, "tokens", tries, options)


def _extrapolate(find, budget, log, left):
    "Extrapolated row of a method, if a full run takes too long; else None"
    points = []
    try:
        for amount, given in budget.tries:
            points.append((amount, find(given)["seconds"]))
            warm = points[1:] if len(points) == 3 and points[1][0] < amount else [points[-1]]
            full = budget.full_amount(log)
            expected = _extend_line([(0, 0.0), *warm][-2:], full)
            if expected + sum(t for _, t in points) <= left:
                return None
    except ValueError:  # too few tokens for this method
        return None
    return dict(
        verdict="extrapolated", seconds=expected, windows=budget.windows,
        measured=f"{amount:,} {budget.unit}", of=f"{full:,}",
    )


def _prune_one(name, shape, b, left):
    "Time one method at 25 %, with its default windows or extrapolated."
    model, log, room = b.model(shape), {}, free_bytes(b.device)

    def find(given):
        return _timed(b, partial(b.find, name, model, sparsity=0.25, log=log, **given))[0]

    try:
        budget = _make_budget(b, name, len(structure(model)))
        if left < 600 and (few := _extrapolate(find, budget, log, left)):
            return few
        found = find(budget.options)
    except ValueError as e:  # refused, for example for too few attention modules
        return dict(verdict="not possible", why=one_line(e))
    n = budget.windows
    facts = found | dict(windows=n, passes=log.get("forwards"), weights=weight_bytes(model))
    return dict(verdict="measured") | facts | _check_peak(b, name, shape, n, room, facts)


def _check_peak(b, name, shape, n, room, facts):
    "Whether the peak is at most 1.1 times the weights plus the estimated workspace"
    if facts["peak"] is None:
        return {}
    try:
        room = PruningSetup(n, b.tokens, room, b.device.type)
        stated = estimate_memory(b.skeleton(shape), name, 0.25, room) - facts["weights"]
    except ValueError:  # not known
        return {}
    within = facts["peak"] <= 1.1 * facts["weights"] + stated
    return dict(workspace=stated) | ({} if within else dict(verdict="wrong", why="peak"))


def _against_naive(shape, b, left):
    "Stage 2 with the trie, against one forward pass of the model per candidate"
    model, ids = b.model(shape), _windows(b, 1)
    L = len(structure(model))
    plans, few = [drop(L, attn=[i]) for i in range(L)], range(0, L, max(1, L // 4))
    work = partial(greedy, model, drop(L), plans, 1, ids, progress=False)
    work()
    fast, _ = _timed(b, work)

    def naive():
        for i in few:
            with applied(model, plans[i], offload=False):
                nll(model, ids)

    naive()
    slow, _ = _timed(b, naive)
    seconds = slow["seconds"] * L / len(few)
    facts = dict(seconds=fast["seconds"], naive=seconds, ratio=seconds / fast["seconds"])
    return dict(verdict="measured") | facts


def _repair_rate(shape, b, left):
    "Least-squares reconstruction in tokens per second"
    model, ids = b.model(shape), _windows(b, 4)
    plan = sketch_plan(b.skeleton(shape), "2ssp", 0.25)
    times, _ = _timed(b, lambda: repair_plan(model, plan, ids, progress=False))
    return dict(verdict="measured", tokens_a_second=ids.numel() / times["seconds"]) | times


def _widths_rate(shape, b, left):
    "A round of the search for FFN widths, in tokens per second"
    model, ids = b.model(shape), _windows(b, 1)
    plan = method("width_only")(model, ids, 0.25, progress=False)
    scores = activation_scores(model, ids, progress=False)
    probe = Probe(model, ids, progress=False)
    search = partial(search_widths, probe, scores, plan, 1, 1, rounds=1)
    with count_forwards(model) as work:
        times, _ = _timed(b, search)
    rate = work["tokens"] / len(work["layers"]) / times["seconds"]
    return dict(verdict="measured", tokens_a_second=rate) | times


def _distill_options(model, free):
    "Largest set of trained weights that fits with gradients and two moments per weight"
    size = weight_bytes(model)
    how = "all" if 4 * size <= free else "lora" if is_installed("peft") else "norms"
    return dict(how=how) | ({} if how == "norms" else dict(checkpointing=size > 1e9))


def _distill_rate(shape, b, left):
    "Distillation in tokens per second"
    model, ids, log = b.model(shape), _windows(b, 6), {}
    plan = sketch_plan(b.skeleton(shape), "2ssp", 0.25)
    options = _distill_options(model, free_bytes(b.device))
    kwargs = dict(tokens=4 * b.tokens, progress=False, log=log) | options
    times, _ = _timed(b, lambda: recover(model, plan, ids, **kwargs))
    tokens = log["recovery"]["steps"] * b.tokens
    rate = tokens / times["seconds"]
    return dict(verdict="measured", tokens_a_second=rate, learn=options["how"]) | times


def prune_cases(
    b: Bench,  # device, models and settings
) -> Iterator[BenchCase]:
    "The cases of the part *prune*: each method on all shapes, then the next."
    for name in method_names():
        for shape in b.shapes:
            if shape not in b.dense or "experts" not in method_scores(name):
                yield BenchCase(name, partial(_prune_one, name, shape), shape)
        if name == "2ssp":
            for shape in b.dense:
                run = partial(_against_naive, shape)
                yield BenchCase("2ssp's search against the naive one", run, shape)
    rates = {"repair": _repair_rate, "width search": _widths_rate, "distillation": _distill_rate}
    for name, rate in rates.items():
        for shape in b.dense:
            yield BenchCase(name, partial(rate, shape), shape)


_WHOLE = tuple((name, x) for x in (0.25, 0.5) for name in ("2ssp", "shortgpt", "width_only"))


def _measure_table(shape, work, b, left):
    "A latency table, and six pruned models to check its sums"
    model, skeleton, why = b.model(shape), b.skeleton(shape), {}
    attention, each = fastest_attention(model, work)
    del model
    skeleton.set_attn_implementation(attention)
    clear_device_cache(garbage_collection=True)
    table = partial(latency_table, skeleton, b.device, multiples=b.multiples, rounds=b.rounds)
    try:
        table = table(work, passes=3)
    except GraphCaptureError as e:
        work, why = replace(work, graphs=False), dict(why=f"without CUDA graphs: {one_line(e)}")
        table = table(work, passes=3)
    clear_device_cache(garbage_collection=True)
    model = b.model(shape)
    model.set_attn_implementation(attention)
    facts = dict(seconds=table.seconds, multiple=best_multiple(table), attention=attention)
    facts |= dict(attentions=each, table=asdict(table))
    facts |= dict(models=_measure_models(b, shape, model, table))
    return dict(verdict="measured") | why | facts


def _measure_models(b, shape, model, table):
    "Predicted, measured and counted time of six pruned models, as fractions of the dense one"
    work, rows, shapes = table.work, {}, b.skeleton(shape)
    new, past = (work.context, 0) if work.prefill else (1, work.context)
    dense = count_operations(shapes, new, past, logits=1)
    for name, x in _WHOLE:
        plan = sketch_plan(shapes, name, x)
        share = time_against_dense(model, partial(applied, model, plan), work, b.rounds, 3)[1]
        with applied(shapes, plan):
            counted = count_operations(shapes, new, past, logits=1) / dense
        guess = table.predict(shapes, plan) / table.seconds
        rows[f"{name}, {100 * x:g} %"] = dict(predicted=guess, measured=share, counted=counted)
    return rows


def result_cases(
    b: Bench,  # device, models and settings
) -> Iterator[BenchCase]:
    "The cases of the part *result*: all workloads of a shape, then the next."
    graphs = b.device.type == "cuda"
    decoding = [Workload(b.tokens, n, graphs=graphs) for n in b.batches]
    for shape in b.dense:
        for work in (Workload(b.tokens, 1, True), *decoding):
            yield BenchCase(str(work), partial(_measure_table, shape, work), shape)


def _copy_rate(device):
    "Bytes per second from the CPU's memory (pinned on CUDA): the fastest of three copies"
    x = torch.zeros(2**24 if device.type == "cpu" else 2**28, dtype=torch.uint8)
    x = x.pin_memory() if device.type == "cuda" else x
    copy = partial(x.to, device, copy=True)
    return len(x) / min(time_calls(copy, device, warmup=1, repeats=3))


@contextmanager
def _only_bytes(device, limit):
    "Limit an accelerator's free memory within the block; the bytes that are occupied for it"
    counts = device.type in ("cuda", "xpu")  # others use the CPU's memory
    taken = max(0, free_bytes(device) - limit) if counts else 0
    ballast = torch.empty(taken, dtype=torch.uint8, device=device) if taken else None
    try:
        yield taken
    finally:
        del ballast


def _few_layers(b, shape):
    "A bench with a shape of at most 16 layers and a small vocabulary"
    config = b.shapes[shape]
    few = dict(config, num_hidden_layers=min(16, config["num_hidden_layers"]), vocab_size=512)
    return replace(b, shapes={shape: few})


def _prune_offloaded(how, shape, b, left):
    "2SSP on an offloaded or streamed model, against the model in memory"
    b, logs = _few_layers(b, shape), ({}, {})
    whole, ids = b.model(shape), _windows(b, 4)
    find = partial(method("2ssp"), calib=ids, sparsity=0.25, progress=False)
    want, weights = find(whole, log=logs[0]), weight_bytes(whole)
    layers = whole.get_submodule(structure(whole).layers_name)
    sizes = [sum(p.nbytes for p in x.parameters()) for x in layers]
    with tempfile.TemporaryDirectory() as d, quiet():
        whole.save_pretrained(d)
        byte_tokenizer().save_pretrained(d)
        del whole, layers
        clear_device_cache(garbage_collection=True)
        with _only_bytes(b.device, weights // 3) as taken:
            if how == "streamed":  # layers on disk, else in the CPU's memory
                model = load_model(d, device=b.device, stream=True)[0]
            else:
                model = cpu_offload(load_model(d)[0], execution_device=b.device)
            with count_forwards(model) as work:
                found, plan = _timed(b, partial(find, model, log=logs[1]))
    if plan_facts(plan) == plan_facts(want):
        facts = dict(verdict="equal")
    else:  # with less memory, batches and 16-bit rounding differ
        facts = explain_difference(plan, want, *logs[::-1], TOLERANCES[b.dtype])
    moved = sum(n * size for n, size in zip(work["visits"], sizes, strict=True))
    peak = None if found["peak"] is None else found["peak"] - taken
    facts |= dict(seconds=found["seconds"], peak=peak, weights=weights, moved=moved)
    facts |= dict(limit=weights // 3 if taken else None, bytes_a_second=moved / found["seconds"])
    return facts | dict(bus=_copy_rate(b.device))


def _run_command(folder, b, processes, how):
    "Run the command on several processes; its plan.json."
    out = folder / f"{how}-{processes}"
    spread = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *(spread if processes > 1 else []), "-m", "twossp"]
    command += ["--model", str(folder / "model"), "--calibration", str(folder / "text.txt")]
    command += ["--method", "2ssp", "--sparsity", "0.25", "--n_samples", "8"]
    command += ["--seq_len", str(b.tokens), "--device", b.device.type, "--save", str(out)]
    command += ["--quiet", *(["--stream"] if how == "streamed" else [])]
    home = str(Path(twossp.__file__).parents[1])
    paths = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command, env=os.environ | dict(PYTHONPATH=paths), cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stdout[-500:]}")
    return json.loads((out / "plan.json").read_text(encoding="utf-8"))


def _prune_distributed(processes, how, shape, b, left):
    "2SSP under torchrun, one device per process, against one process"
    b = _few_layers(b, shape)
    with tempfile.TemporaryDirectory() as d:
        folder, model = Path(d), b.model(shape)
        model.save_pretrained(folder / "model")
        byte_tokenizer().save_pretrained(folder / "model")
        del model
        clear_device_cache(garbage_collection=True)
        at_random = tiny_ids(1, 16 * b.tokens)[0].tolist()
        words = bytes(97 + x % 26 if x % 6 else 32 for x in at_random)
        (folder / "text.txt").write_bytes(words)
        one, all_of_them = (_run_command(folder, b, n, how) for n in (1, processes))
    same = one["plan_identity"] == all_of_them["plan_identity"]
    seconds = [x["seconds"] for x in (all_of_them, one)]
    return dict(
        verdict="equal" if same else "wrong", processes=processes, seconds=seconds[0],
        one_process=seconds[1],
    )


def offload_cases(
    b: Bench,  # device, models and settings
) -> Iterator[BenchCase]:
    "The cases of the part *offload*, on shapes of few layers."
    n = count_devices()[b.device.type]
    for shape in b.dense:
        for how in ("streamed", "offloaded"):
            yield BenchCase(f"2ssp, {how}", partial(_prune_offloaded, how, shape), shape)
        for how in ("in memory", "streamed") if n > 1 else ():
            run = partial(_prune_distributed, n, how, shape)
            yield BenchCase(f"2ssp under torchrun, {n} devices, {how}", run, shape)


if __name__ == "__main__":
    sys.exit(main())
