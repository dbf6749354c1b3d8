"""The checkpoints and plans in `nbs/tests/fixtures/records`: the formats, as they are written

`python -m nbs.tests.helpers.records nbs/tests/fixtures/records` writes them. While nothing is
released, a change of a format writes them again; from the first release on, what was saved has to
be read, so they stay, and a new format gets a new folder beside them.
"""

import json
import sys
from pathlib import Path

import torch

SMALL = dict(hidden_size=16, intermediate_size=24, vocab_size=64, num_attention_heads=4)
SMALL |= dict(num_hidden_layers=3, max_position_embeddings=64)
SMALL |= dict(bos_token_id=1, eos_token_id=2, pad_token_id=0)
HYBRID = dict(mamba_n_heads=4, mamba_d_head=8, mamba_d_state=8, mamba_d_ssm=32)
HYBRID |= dict(mamba_n_groups=1, mamba_chunk_size=8, num_key_value_heads=2, head_dim=4)
IDS = torch.arange(2 * 12).view(2, 12) * 7 % 64
SHOWN = 12  # logits that are kept, of the last position of each row


def filled(family="llama", **more):
    "A small model with weights from integer arithmetic, the same with every version of torch"
    from transformers import AutoConfig, AutoModelForCausalLM

    from twossp.model.testing import FAMILIES, MOE_FAMILIES, tiny_config

    if family in FAMILIES | MOE_FAMILIES:
        config = tiny_config(family, **SMALL | more)
    else:
        config = AutoConfig.for_model(family, **SMALL | more)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for k, (name, p) in enumerate(sorted(model.named_parameters())):
            x = torch.arange(p.numel()) + 1_000_003 * (k + 1)
            for _ in range(2):
                x = ((x >> 16) ^ x) * 0x45D9F3B & 0xFFFFFFFF
            x = (((x >> 16) ^ x) % 2048 - 1024).double() / 1024
            scale = 0.1 if p.ndim == 1 else 0.4
            p.copy_((x * scale + (p.ndim == 1 and "bias" not in name)).view_as(p))
    return model


def checkpoint_plans():
    "Name -> family, its configuration, format of the checkpoint, plan"
    import numpy as np

    from twossp.model.plan import Plan, drop
    from twossp.model.slots import pack_mask

    even, third, few = tuple(range(0, 24, 2)), tuple(range(0, 24, 3)), (1, 5, 22)
    widths = Plan((even, third, few), (True,) * 3)
    mask = np.zeros((4, 24), bool)
    mask[0, ::2] = True
    mask[2, :12] = True
    mask[3, 1::2] = True
    moved = {"model.layers.1.mlp.down_proj.weight": torch.arange(16 * 8).view(16, 8) / 128 - 0.5}
    heads = Plan((even, None, None), (True,) * 3, kept={(0, "heads"): (1,), (2, "heads"): (0,)})
    return {
        "ffn": ("llama", {}, "compact", widths),
        "attention": ("llama", {}, "compact", widths | drop(3, attn=[0, 2])),
        "submodules": ("qwen2", {}, "compact", drop(3, attn=[1], ffn=[0])),
        "layers": ("opt", {}, "compact", drop(3, attn=[0], ffn=[2]) | drop(3, blocks=[1])),
        "renamed": ("gpt_neox", {}, "compact", widths | drop(3, attn=[0])),
        "refitted": ("llama", {}, "compact", Plan((None, third, None), (True, False, True), moved)),
        "heads": ("llama", dict(num_key_value_heads=2), "compact", heads),
        "experts": (
            "mixtral", {}, "compact",
            Plan((None,) * 3, (True, False, True), experts=(None, pack_mask(mask), None)),
        ),
        "mixers": ("falcon_h1", HYBRID, "compact", drop(3, mixers={1: (True, False)}, ffn=[2])),
        "native": ("llama", {}, "native", Plan((even,) * 3, (True,) * 3) | drop(3, blocks=[1])),
        "compatible": ("llama", {}, "compatible", widths | drop(3, attn=[2])),
    }


def write_checkpoints(folder):
    "Write the checkpoints, and their logits"
    from twossp.baselines.slicegpt import slicegpt
    from twossp.checkpoint.load import load_pruned
    from twossp.checkpoint.save import save_pruned
    from twossp.model.plan import with_provenance

    folder, logits = Path(folder), {}
    cases = checkpoint_plans()
    cases["sliced"] = "llama", {}, "compact", slicegpt(filled(), IDS, 0.3, progress=False)
    for name, (family, more, format, plan) in cases.items():
        model, place = filled(family, **more), folder / name
        plan = with_provenance(plan, method="by hand", target_sparsity=0.25)
        save_pruned(model, plan, place, None, format=format)
        for file in (*place.glob("*.md"), *place.glob("*.lock"), *place.glob("reference*")):
            file.unlink()
        again = load_pruned(place, verify=True)
        with torch.no_grad():
            logits[name] = again(IDS).logits[:, -1, :SHOWN].tolist()
    (folder / "logits.json").write_text(json.dumps(logits, indent=1) + "\n", encoding="utf-8")
    return cases


def write(folder):
    "Write everything"
    from twossp.model.plan import drop, with_provenance
    from twossp.records.provenance import save_plan

    folder = Path(folder)
    cases = write_checkpoints(folder)
    mixers = drop(3, mixers={1: (True, False)})
    plans = {name: cases[name][3] for name in ("refitted", "sliced", "experts", "heads")}
    for name, plan in (plans | dict(mixers=mixers)).items():
        plan = with_provenance(plan, method="by hand", options=dict(score="taylor"), seed=3)
        save_plan(plan, folder / "plans" / f"{name}.json")


if __name__ == "__main__":
    write(sys.argv[1])
