"""Hashes of the plans of all methods, on tiny models of several families

`python -m nbs.tests.helpers.plans > before.txt` at one commit and after a change, on one machine:
plans that should stay are equal to the bit. What a method refuses is a line too, with the error.
"""

import hashlib
import json
import sys
import tempfile
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
        # searches, reconstruction, chains and protected layers, alone and together
        dict(widths="dense"), dict(n_attn=0), dict(bs=1), dict(protect=(0, -1)),
        dict(n_attn="search", repair="least_squares"), dict(n_attn="search", protect=(1,)),
        dict(n_attn="search", widths="search", repair="layerwise"),
        dict(widths="search", repair="least_squares"), dict(repair="layerwise"),
        dict(repair="least_squares", protect=(1,)), dict(nested=(0.1, 0.2, 0.3), protect=(2,)),
        dict(nested=(0.2, 0.3), repair="least_squares"), dict(widths="search", multiple=4),
        dict(score="random", seed=3), dict(widths="dense", depth_score="cosine", protect=(1,)),
        dict(widths="dense", repair="least_squares"), dict(nested=(0.1, 0.2)),
        dict(n_attn="search", nested=(0.2, 0.3)), dict(widths="dense", score="taylor"),
        dict(repair="none"), dict(n_search=9), dict(protect=(99,)),
    ],
    "2ssp+": [dict(repair=None), dict(widths="uniform"), dict(protect=(0,)), dict(seed=2)],
    "putri": [
        dict(score="activation_norm"), dict(repair="least_squares"), dict(n_attn=1),
        dict(protect=(1,)), dict(repair="layerwise"), dict(n_search=2, multiple=4),
    ],
    "gisp": [
        dict(rounds=2), dict(nested=(0.2, 0.3)), dict(protect=()),
        dict(rounds=2, repair="least_squares"), dict(nested=(0.1, 0.3), repair="layerwise"),
    ],
    "flap": [
        *(dict(score=x) for x in ("wanda_sp", "magnitude", "random")),
        dict(repair="least_squares"), dict(score="magnitude", repair="layerwise"),
    ],
    "reap": [
        *(dict(score=x) for x in ("man", "msan", "frequency", "magnitude", "random")),
        dict(score="random", seed=1),
    ],
    "shortgpt": [
        dict(last_token=False), dict(repair="least_squares"), dict(protect=(2,), bs=2),
        dict(repair="layerwise", protect=(5,)),
    ],
    "window_based": [dict(bs=1), dict(repair="least_squares")],
    "blockpruner": [dict(n_search=2), dict(protect=(0,)), dict(repair="least_squares")],
    "evopress": [dict(blocks=True), dict(seed=1), dict(repair="least_squares")],
    "replaceme": [dict(bs=1)],
    "slicegpt": [dict(slice_head=False), dict(multiple=16)],
    "taylor": [dict(repair="least_squares"), dict(nested=(0.2, 0.3))],
    "width_only": [dict(widths="search"), dict(repair="least_squares")],
    "depth_only": [dict(protect=(0,)), dict(n_search=2)],
    "llm_drop": [dict(repair="least_squares")],
    "random": [dict(seed=1), dict(seed=1, repair="least_squares")],
}
STREAMED = {  # of a model whose layers stay in its files
    "2ssp": [{}, dict(repair="least_squares"), dict(nested=(0.2, 0.3)), dict(score="taylor")],
    "2ssp+": [{}],
    "shortgpt": [{}, dict(repair="least_squares")],
    **{name: [{}] for name in ("blockpruner", "flap", "gisp", "putri", "replaceme", "slicegpt")},
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
            for sparsity in SPARSITIES if family in ("llama", "mixtral") else SPARSITIES[:1]:
                yield family, name, sparsity, {}
    for family in ("llama", "mixtral"):
        for name, variants in VARIANTS.items():
            for options in variants:
                yield family, name, SPARSITIES[0], options
    for name, variants in STREAMED.items():
        for options in variants:
            yield "streamed", name, SPARSITIES[0], options


def facts(plan, log):
    "Provenance of a plan, and what its method measured, as bytes"
    measured = {k: v for k, v in log.items() if k not in ("seconds",)}
    return repr([sorted(plan.provenance.items()), sorted(measured)]).encode()


def sizes(model, name, sparsity, options):
    "What an estimate says of a method: the parameters that remain, and what measuring holds"
    from twossp.checkpoint.skeleton import as_skeleton
    from twossp.costs.estimate import PruningSetup, estimate_memory, sketch_plan

    skeleton = as_skeleton(model)
    plan = sketch_plan(skeleton, name, sparsity, **options)
    memory = estimate_memory(skeleton, name, sparsity, PruningSetup(4, 32, 2**33), **options)
    return f"{plan.sparsity(skeleton):.6f} {memory}"


def make_model(family, folder):
    "A tiny model; `streamed`: a Llama in files"
    from twossp.checkpoint.models import load_model
    from twossp.model.testing import byte_tokenizer, tiny_model

    if family != "streamed":
        layers = {} if family == "zamba2" else dict(num_hidden_layers=6)
        return tiny_model(family, **layers)
    tiny_model("llama", num_hidden_layers=6).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return load_model(folder, stream=True)[0]


def main():
    "Print a line for each question: hashes of its plan and of what is said of it, or the error"
    from twossp.baselines.methods import method
    from twossp.model.testing import tiny_ids

    torch.set_num_threads(1)
    models, calib, found = {}, tiny_ids(4, 32), {"plan": 0, "error": 0}
    digest = lambda x: hashlib.sha256(x).hexdigest()[:16]
    start, folder = time.process_time(), tempfile.TemporaryDirectory()
    for family, name, sparsity, options in questions():
        if family not in models:
            models[family] = make_model(family, folder.name)
        given = options | (BRIEF if name == "evopress" else {})
        model, log = models[family], {}
        try:
            plan = method(name)(model, calib, sparsity, progress=False, log=log, **given)
            result = f"{digest(content(plan))} {digest(facts(plan, log))}"
            found["plan"] += 1
        except Exception as e:
            result = f"{type(e).__name__}: {str(e).splitlines()[0][:60]}"
            found["error"] += 1
        if "estimates" in sys.argv:
            try:
                result += " | " + sizes(model, name, sparsity, given)
            except Exception as e:
                result += f" | {type(e).__name__}: {str(e).splitlines()[0][:60]}"
        print(family, name, sparsity, json.dumps(options), result, sep=" | ", flush=True)
    folder.cleanup()
    print(found, f"{time.process_time() - start:.0f} s of CPU", file=sys.stderr)


if __name__ == "__main__":
    main()
