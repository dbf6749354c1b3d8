"""Hashes of the plans of all methods, on tiny models of several families

`python -m nbs.tests.helpers.plans > before.txt` at one commit and after a change, on one machine:
plans that should stay are equal to the bit. What a method refuses is a line too, with the error.
"""

import hashlib
import json
import sys
import time

import torch

DENSE = "llama", "qwen2", "gemma2", "phi", "opt", "gpt_neox", "zamba2"
MIXTURES = "mixtral", "qwen2_moe"
SPARSITIES = 0.3, 0.38
BRIEF = dict(initial=2, initial_tokens=64, offspring=2, survivors=(1,), tokens=(64,))
BRIEF |= dict(generations=2, calib_tokens=128)
VARIANTS = {  # further options, for a dense and an MoE model
    "2ssp": [
        *(dict(score=x) for x in ("wanda_sp", "flap", "taylor", "ppm", "magnitude", "random")),
        *(dict(score=x) for x in ("leverage", "obs", "putri")),
        *(dict(depth_score=x, n_attn=2) for x in ("kl", "cosine", "random")),
        dict(widths="search"), dict(n_attn="search"), dict(repair="least_squares"),
        dict(multiple=8), dict(alpha=0.7), dict(p=1), dict(n_search=2), dict(balance="active"),
        dict(weighted=True), dict(nested=(0.2, 0.3)),
    ],
    "putri": [dict(score="activation_norm"), dict(repair="least_squares"), dict(n_attn=1)],
    "gisp": [dict(rounds=2), dict(nested=(0.2, 0.3)), dict(protect=())],
    "flap": [dict(score=x) for x in ("wanda_sp", "magnitude", "random")],
    "reap": [dict(score=x) for x in ("man", "msan", "frequency", "magnitude", "random")],
    "shortgpt": [dict(last_token=False), dict(repair="least_squares")],
    "evopress": [dict(blocks=True)],
    "random": [dict(seed=1)],
}


def content(plan):
    "What a plan keeps and brings, as bytes that do not depend on its format"
    if hasattr(plan, "ffn"):
        masks = [e and e.bits.hex() for e in plan.experts]
        kept = [plan.ffn, plan.attn, plan.heads, masks]
        tensors = plan.weights
    else:  # SliceGPT's
        kept = {k: v for k, v in vars(plan).items() if isinstance(v, (int, str, bool))}
        tensors = {k: v for k, v in vars(plan).items() if k not in kept and k != "provenance"}
    text = json.dumps(kept, default=repr, sort_keys=True).encode()
    return text + b"".join(f"{k}".encode() + _bytes(x) for k, x in sorted(tensors.items()))


def _bytes(x):
    "Bytes of a tensor, or of the tensors in a tuple or a dictionary"
    if isinstance(x, torch.Tensor):
        return x.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    if isinstance(x, dict):
        return b"".join(f"{k}".encode() + _bytes(v) for k, v in sorted(x.items()))
    return b"".join(map(_bytes, x)) if isinstance(x, tuple) else repr(x).encode()


def questions():
    "Family, method, sparsity and options of each plan"
    from twossp.baselines.methods import METHODS

    for family in (*DENSE, *MIXTURES):
        names = [n for n in METHODS if family in MIXTURES or not n.startswith("reap")]
        for name in names:
            for sparsity in SPARSITIES:
                yield family, name, sparsity, {}
    for family in ("llama", "mixtral"):
        for name, variants in VARIANTS.items():
            for options in variants:
                yield family, name, SPARSITIES[0], options


def main():
    "Print a line for each question: the hash of its plan, or the error"
    from twossp.baselines.methods import method
    from twossp.core.testing import tiny_ids, tiny_model

    torch.set_num_threads(1)
    models, calib, found = {}, tiny_ids(4, 32), {"plan": 0, "error": 0}
    start = time.process_time()
    for family, name, sparsity, options in questions():
        if family not in models:
            layers = {} if family == "zamba2" else dict(num_hidden_layers=6)
            models[family] = tiny_model(family, **layers)
        given = options | (BRIEF if name == "evopress" else {})
        try:
            plan = method(name)(models[family], calib, sparsity, progress=False, **given)
            result = hashlib.sha256(content(plan)).hexdigest()[:16]
            found["plan"] += 1
        except Exception as e:
            result = f"{type(e).__name__}: {str(e).splitlines()[0][:60]}"
            found["error"] += 1
        print(family, name, sparsity, json.dumps(options), result, sep=" | ", flush=True)
    print(found, f"{time.process_time() - start:.0f} s of CPU", file=sys.stderr)


if __name__ == "__main__":
    main()
