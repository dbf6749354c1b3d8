"""Model types of transformers: an example of each, a verdict on whether it can be pruned, and the
rows that are shipped. `make families` writes them to `twossp/families.json`."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import transformers
from transformers import PreTrainedConfig

from twossp.detection.verify import arch_limits, detect_on_copy, verify_arch
from twossp.model.compat import causal_types, config_class, image_text_types
from twossp.model.families import (
    ARCHS,
    Arch,
    arch_to_dict,
    config_switches,
    layer_signatures,
    unsupported_reason,
)
from twossp.model.testing import tiny_model
from twossp.model.tiny_copy import NoTinyCopy, tiny_copy

_TWO = ["linear_attention", "full_attention"]
_ROPE = {"rope_type": "default", "rope_theta": 10000.0}
_HALF_ROPE = _ROPE | dict(partial_rotary_factor=0.5, mrope_section=[8, 12, 12])
_BOTH = ["sliding_attention", "full_attention"]
_COMPASS = dict(layer_types=_BOTH * 20, rope_parameters=dict.fromkeys(_BOTH, _ROPE))


def example_config(
    kind: str,  # a model type of transformers
) -> PreTrainedConfig:  # transformers' defaults, if they run and have all kinds
    "Return a configuration with every kind of layer that a type has."
    return config_class(kind)(**_EXAMPLES.get(kind, {}))


_EXAMPLES: dict[str, dict] = {  # where defaults lack a kind of layer, or do not run
    "lfm2": dict(layer_types=["conv", "full_attention"] * 16),
    "bamba": dict(attn_layer_indices=[1, 3]),
    "granitemoehybrid": dict(layer_types=_TWO * 16, num_local_experts=0),
    "cohere_compass_text": _COMPASS,
    "dots1": dict(
        n_routed_experts=128, n_shared_experts=2, num_experts_per_tok=6,
        first_k_dense_replace=1,
    ),
    "lfm2_moe": dict(layer_types=["conv", "full_attention"] * 16),
    "deepseek_v2": dict(n_group=8, topk_group=3, num_experts_per_tok=6),
    "gemma3n_text": dict(vocab_size_per_layer_input=256),
    "nemotron_h": dict(layers_block_type=["linear_attention", "mlp", "full_attention", "mlp"]),
    "qwen3_next": dict(mlp_only_layers=list(range(48))),
}
_EXAMPLES |= {  # vision-language models
    "chameleon": dict(vocabulary_map={"<image>": 8711}),
    "cohere_compass": dict(text_config=_COMPASS),
    "deepseek_ocr2": dict(
        text_config=dict(mlp_layer_types=["dense"] + ["sparse"] * 31, num_experts_per_tok=6)
    ),
    "emu3": dict(vocabulary_map={"<image>": 151, "<|extra_200|>": 152}),
    "glm4v_moe": dict(text_config=dict(head_dim=128, rope_parameters=_HALF_ROPE)),
    "hunyuan_vl": dict(
        text_config=dict(rope_parameters=_ROPE | dict(mrope_section=[16] * 4))
    ),
    "step3p7": dict(text_config=dict(sliding_window=512)),
}


@dataclass(frozen=True)
class Verdict:
    "Whether models of one type can be pruned."

    type: str  # model type
    verdict: str  # "table", "derived", "not supported" or "not tried"
    reason: str  # for the first two: limits, or ""
    row: Arch | None = None  # for the first two


def try_family(
    kind: str,  # a model type of transformers
) -> Verdict:  # with the row, if there is one
    "Whether models of a type can be pruned, tested on a tiny one in about a second."
    try:
        config = example_config(kind)
        if reason := unsupported_reason(config):
            return Verdict(kind, "not supported", reason)
    except Exception as e:  # whatever a family's own code raises
        return Verdict(kind, "not tried", f"no configuration: {e}".splitlines()[0])
    try:
        if row := ARCHS.get(kind):
            verify_arch(tiny_model(kind), row)
            return Verdict(kind, "table", "", row)
        row = detect_on_copy(config)[1]
    except NoTinyCopy as e:
        return Verdict(kind, "not tried", str(e).splitlines()[0])
    except ValueError as e:
        return Verdict(kind, "not supported", str(e))
    return Verdict(kind, "derived", "; ".join(arch_limits(row)), row)


def family_record(
    kind: str,  # a model type of transformers
) -> dict | None:  # row, layers, switches; None where no row is detected
    "Return the entry of a type in families.json."
    result = try_family(kind)
    if result.verdict != "derived":
        return None
    model = tiny_copy(example_config(kind))  # some classes set a switch of their configuration
    layers = model.get_submodule(result.row.layers)
    record = dict(row=arch_to_dict(result.row), layers=layer_signatures(layers))
    return record | dict(switches=config_switches(model.config))


def write_families(
    path: str | Path,  # of the file; replaced
    kinds: Iterable[str] | None = None,  # model types; None: all that write text
) -> int:  # number of types with a row
    "Detect the rows of model types and write them to a file; minutes for all types."
    kinds = sorted({*causal_types(), *image_text_types()}) if kinds is None else kinds
    records = {kind: record for kind in kinds if (record := family_record(kind))}
    lines = [f" {json.dumps(k)}: {json.dumps(record)}" for k, record in records.items()]
    head = f'{{"transformers": {json.dumps(transformers.__version__)}, "types": {{\n'
    Path(path).write_text(head + ",\n".join(lines) + "\n}}\n", encoding="utf-8")
    return len(records)


if __name__ == "__main__":
    print(write_families(sys.argv[1]), "rows")
