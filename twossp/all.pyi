"""Types of the public names; of names in registries, these names"""
# Written by `make export` (tools/stubs.py).

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase
from twossp.engine.statistics import Trace
from typing import Any, Literal, Protocol, TypeAlias
import pandas as pd
import torch

from .baselines.methods import METHODS as METHODS
from .baselines.methods import Method as Method
from .checkpoint.card import model_card as model_card
from .checkpoint.load import load_pruned as load_pruned
from .checkpoint.load import push_pruned as push_pruned
from .checkpoint.skeleton import load_skeleton as load_skeleton
from .costs.estimate import Estimate
from .engine.calibration import Calibration as Calibration
from .engine.calibration import cut_windows as cut_windows
from .engine.scores import SCORES as SCORES
from .engine.scores import Score as Score
from .evaluation.advise import Advice as Advice
from .evaluation.executor import ModelSource as ModelSource
from .evaluation.generation import on_agreement as on_agreement
from .evaluation.measure import forward_time as forward_time
from .evaluation.measure import generation_speed as generation_speed
from .evaluation.measure import on_forward as on_forward
from .evaluation.measure import on_generation as on_generation
from .evaluation.measure import on_prompts as on_prompts
from .evaluation.paired import against as against
from .evaluation.paired import compare_draws as compare_draws
from .evaluation.quality import Quality
from .evaluation.quality import quality_table as quality_table
from .evaluation.rounded import rounded as rounded
from .model.apply import applied as applied
from .model.apply import apply_plan as apply_plan
from .model.families import ARCHS as ARCHS
from .model.families import arch as arch
from .model.plan import Plan as Plan
from .model.plan import dense_plan as dense_plan
from .model.plan import drop as drop
from .model.plan import sparsity as sparsity
from .model.structure import Structure
from .model.structure import structure as structure
from .pruning.depth import Trial
from .pruning.probe import planner as planner
from .pruning.width import width_plan as width_plan
from .records.identity import Search as Search
from .records.identity import model_identity as model_identity
from .records.identity import plan_identity as plan_identity
from .records.provenance import load_plan as load_plan
from .records.provenance import save_plan as save_plan
from .records.results import Result as Result
from .records.results import load_results as load_results
from .records.results import to_frame as to_frame
from .recovery.distill import distill as distill
from .recovery.distill import plot_recovery as plot_recovery
from .recovery.distill import recover as recover
from .refine.layerwise import Training as Training
from .refine.repair import repair_plan as repair_plan
from .refine.two_ssp_plus import two_ssp_plus as two_ssp_plus
from .reporting.advice import plot_advice as plot_advice
from .reporting.html_report import html_report as html_report
from .reporting.html_report import write_report as write_report
from .reporting.report import comparison_table as comparison_table
from .reporting.report import paper_table as paper_table
from .reporting.report import plot_kept as plot_kept
from .reporting.report import plot_metric as plot_metric
from .reporting.report import plot_overlap as plot_overlap
from .reporting.report import plot_plan as plot_plan
from .reporting.report import plot_quality as plot_quality
from .reporting.report import plot_removed as plot_removed
from .reporting.report import plot_speedup as plot_speedup
from .reporting.report import plot_trials as plot_trials
from .reporting.report import summary_table as summary_table
from .reporting.report import text_table as text_table
from .reporting.report import tidy as tidy
from .reporting.report import to_latex as to_latex
from .reporting.report import to_markdown as to_markdown
from .request.pruned import Pruned as Pruned
from .texts.data import windows as windows
from .texts.documents import document_windows as document_windows
from .texts.sources import source_windows as source_windows
from .texts.text_names import TEXTS as TEXTS

class _Table(Protocol):  # a `datasets.Dataset`
    @property
    def column_names(self) -> Any: ...
    def select_columns(self, column_names: Any) -> Any: ...


_Windows: TypeAlias = Sequence[Any] | Mapping[str, Any] | _Table

_Counts: TypeAlias = Literal[
    "all", "active"
]

_Depth_Scores: TypeAlias = Literal[
    "perplexity", "kl", "cosine", "random"
]

_Formats: TypeAlias = Literal[
    "auto", "native", "compact", "compatible"
]

_Methods: TypeAlias = Literal[
    "2ssp", "2ssp+", "putri", "window_based", "shortgpt", "blockpruner", "evopress",
    "slicegpt", "taylor", "wanda_sp", "flap", "gisp", "llm_drop", "replaceme", "random",
    "magnitude", "width_only", "depth_only", "reap", "reap_magnitude", "reap_random"
]

_Repairs: TypeAlias = Literal[
    "least_squares", "layerwise"
]

_Scores: TypeAlias = Literal[
    "activation_norm", "wanda_sp", "flap", "taylor", "ppm", "leverage", "obs", "putri",
    "magnitude", "random"
]

_Tasks: TypeAlias = Literal[
    "winogrande", "arc_easy", "arc_challenge", "hellaswag", "piqa", "mmlu"
]

_Texts: TypeAlias = Literal[
    "news", "wiki", "wiki_test", "c4", "wikitext2", "fineweb-edu"
]

_Widths: TypeAlias = Literal[
    "uniform", "search", "dense"
]

_Dtypes: TypeAlias = Literal[
    "float32", "bfloat16", "float16"
]

def activation_scores(
    model: PreTrainedModel,
    calib: torch.Tensor | Calibration | _Windows,
    p: float = 2,
    bs: int | None = None,
    progress: bool = True,
    *,
    budget: int | None = None,
    cache: bool = True,
    weighted: bool = False,
) -> list[torch.Tensor]: ...

def advise(
    model: PreTrainedModel,
    calib: torch.Tensor | Calibration | _Windows,
    held_out: torch.Tensor | Calibration | _Windows,
    *,
    sparsities: Sequence[float] = ...,
    method: _Methods | str = '2ssp',
    repair: _Repairs | str | None = 'least_squares',
    quantize: Sequence[str] = ...,
    max_loss: float = 1.1,
    bs: int = 1,
    out: str | Path | None = None,
    name: str | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Advice: ...

def agreement(
    model: PreTrainedModel,
    dense: PreTrainedModel,
    ids: torch.Tensor | Calibration | _Windows,
    bs: int = 1,
) -> dict: ...

def balance(
    s: Structure,
    sparsity: float,
    alpha: float = 1.5,
    n_attn: int | None = None,
    multiple: int = 1,
    count: _Counts | str = 'all',
    protect: Sequence[int] = ...,
) -> dict[str, int]: ...

def block_influence(
    model: PreTrainedModel,
    calib: torch.Tensor | Calibration | _Windows,
    last_token: bool = True,
    bs: int = 1,
    progress: bool = True,
) -> torch.Tensor: ...

def collect_scores(
    model: PreTrainedModel,
    calib: torch.Tensor | Calibration | None | _Windows,
    scores: Sequence[_Scores | str | Score | Callable],
    unit: str = 'neurons',
    *,
    p: float = 2,
    weighted: bool = False,
    bs: int | None = None,
    budget: int | None = None,
    cache: bool = True,
    also: Collection[str] = ...,
    trace: Trace | None = None,
    progress: bool = True,
    log: dict | None = None,
    **options: Any,
) -> list: ...

def estimate(
    model: PreTrainedModel,
    method: _Methods | str = '2ssp',
    sparsity: float = 0.0,
    context: int = 4096,
    **options: Any,
) -> Estimate: ...

def estimate_table(
    model: PreTrainedModel,
    sparsity: float,
    methods: Sequence[_Methods | str] = ...,
    context: int = 4096,
    **options: Any,
) -> pd.DataFrame: ...

def find_quality(
    model: PreTrainedModel,
    calib: torch.Tensor,
    max_loss: float | None = None,
    min_agreement: float | None = None,
    *,
    method: _Methods | str = '2ssp',
    options: Mapping | None = None,
    plans: str | Path | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Quality: ...

def find_sparsity(
    model: PreTrainedModel,
    bound: str,
    value: float,
    method: _Methods | str = '2ssp',
    context: int = 4096,
    steps: int = 14,
    **options: Any,
) -> float: ...

def greedy(
    model: PreTrainedModel,
    base: Plan,
    candidates: Sequence,
    n: int,
    ids: torch.Tensor | Calibration | _Windows,
    *,
    cost: Callable | None = None,
    keep: Collection[int] = ...,
    sizes: Sequence[float] | None = None,
    merge: Callable = ...,
    score: str = 'perplexity',
    progress: bool = True,
) -> tuple[Plan, list[Trial]]: ...

def kl(
    model: PreTrainedModel,
    ids: torch.Tensor | Calibration | _Windows,
    ref: Callable | torch.Tensor,
    bs: int = 1,
    progress: bool = False,
) -> torch.Tensor: ...

def load_model(
    name: str | Path,
    dtype: _Dtypes | str | torch.dtype | None = None,
    device_map: str | dict | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    cache_dir: str | Path | None = None,
    device: str | torch.device | None = None,
    stream: bool = False,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]: ...

def load_tasks(
    names: Sequence[_Tasks | str],
    include_path: str | Path | Sequence = ...,
    num_fewshot: int | None = 0,
    confirm_run_unsafe_code: bool = False,
) -> tuple: ...

def load_text(
    name: _Texts | str | Path,
    split: str | None = None,
    n: int | None = None,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    text_column: str = 'text',
) -> list[str]: ...

def method(
    name: _Methods | str,
) -> Callable: ...

def nll(
    model: PreTrainedModel,
    ids: torch.Tensor | Calibration | _Windows,
    bs: int = 1,
    progress: bool = False,
) -> torch.Tensor: ...

def on_quality(
    ids: torch.Tensor | Calibration | _Windows,
    bs: int = 1,
) -> Callable: ...

def on_tasks(
    tasks: Sequence[_Tasks | str] | tuple = ...,
    include_path: str | Path | Sequence = ...,
    **options: Any,
) -> Callable: ...

def on_text(
    ids: torch.Tensor | Calibration | _Windows,
    bs: int = 1,
    stride: int | None = None,
    progress: bool = False,
) -> Callable: ...

def perplexity(
    model: PreTrainedModel,
    ids: torch.Tensor | Calibration | _Windows,
    bs: int = 1,
    progress: bool = False,
) -> float: ...

def prune(
    model: str | Path,
    sparsity: float | str | Sequence[float] | None = None,
    *,
    method: _Methods | str | None = None,
    calibration: str | Path | None = None,
    n_samples: int | None = None,
    seq_len: int = 2048,
    seed: int = 0,
    score: _Scores | str | Callable | None = None,
    depth_score: _Depth_Scores | str | Callable | None = None,
    repair: _Repairs | str | None = None,
    evaluation: str | Path | Sequence[str | Path] = ...,
    n_eval: int | None = None,
    save: str | Path | None = None,
    overwrite: bool = False,
    device: str | None = None,
    dtype: _Dtypes | str = 'auto',
    progress: bool = True,
    **options: Any,
) -> Pruned: ...

def run_grid(
    model: PreTrainedModel | ModelSource,
    tok: PreTrainedTokenizerBase | None,
    calib: torch.Tensor | Calibration | Mapping | Callable | _Windows,
    methods: Sequence[_Methods | str | Callable] | Mapping,
    sparsities: Sequence[float],
    evals: Mapping[str, Callable] | Sequence[Callable],
    out: str | Path | None = None,
    *,
    name: str | None = None,
    seeds: Sequence[int] = ...,
    options: Mapping | None = None,
    dense: bool = True,
    retry: bool = False,
    plans: str | Path | bool | None = None,
    on_plan: Callable | None = None,
    on_row: Callable | None = None,
    executor: Executor | None = None,
    progress: bool = True,
    key: Mapping[str, str] | None = None,
) -> list[Result]: ...

def run_tasks(
    model: PreTrainedModel,
    tok: PreTrainedTokenizerBase,
    tasks: Sequence[_Tasks | str] | tuple = ...,
    *,
    include_path: str | Path | Sequence = ...,
    num_fewshot: int | None = 0,
    limit: int | None = None,
    batch_size: int | str = 8,
    max_length: int | None = None,
    apply_chat_template: bool | str = False,
    confirm_run_unsafe_code: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> dict: ...

def save_pruned(
    model: PreTrainedModel,
    plan: Any,
    path: Any,
    tok: PreTrainedTokenizerBase | None = None,
    meta: dict | None = None,
    *,
    format: _Formats | str = 'compact',
    overwrite: bool = False,
    max_shard_size: str | int = '5GB',
    code: bool = True,
    reference: bool = True,
) -> Path: ...

def two_ssp(
    model: PreTrainedModel,
    calib: torch.Tensor | Calibration | _Windows,
    sparsity: float,
    *,
    alpha: float = 1.5,
    n_attn: int | str | None = None,
    n_search: int = 1,
    p: float = 2,
    multiple: int = 1,
    balance: _Counts | str = 'all',
    weighted: bool = False,
    score: _Scores | str | Score | Callable = 'activation_norm',
    depth_score: _Depth_Scores | str | Score | Callable = 'perplexity',
    widths: _Widths | str = 'uniform',
    protect: Sequence[int] = ...,
    nested: Sequence[float] = ...,
    repair: _Repairs | str | None = None,
    seed: int | None = None,
    bs: int | None = None,
    progress: bool = True,
    log: dict | None = None,
) -> Plan: ...
