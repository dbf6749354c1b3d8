"""What each method removes from a tiny model, with the revisions that it declares

A stored plan is used again as long as the revisions of its method are the same, so under the same
revisions a method has to find the same plan. `python -m nbs.tests.helpers.answers` writes the
plans of today to `nbs/tests/fixtures/answers.json`, unless one of them changed and no revision did.
"""

import hashlib
import json
from pathlib import Path

from nbs.tests.helpers.plans import BRIEF

FILE = Path(__file__).parents[1] / "fixtures" / "answers.json"


def kept(plan):
    "Hash of what a plan keeps; of its tensors the names, since their digits depend on the CPU"
    if hasattr(plan, "ffn"):
        masks = [e and e.bits.hex() for e in plan.experts]
        facts = [plan.ffn, plan.attn, plan.heads, masks, sorted(plan.weights)]
    else:  # SliceGPT's
        facts = {k: v for k, v in vars(plan).items() if isinstance(v, (int, str, bool))}
    text = json.dumps(facts, default=repr, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def answers():
    "Name of a method -> its revisions and the hash of its plan"
    from twossp.baselines.methods import METHODS, method
    from twossp.model.testing import tiny_ids, tiny_model
    from twossp.records.identity import revisions

    models = [tiny_model(k, num_hidden_layers=6) for k in ("llama", "mixtral")]
    found = {}
    for name in METHODS:
        f, options = method(name), BRIEF if name == "evopress" else {}
        plan = f(models[name.startswith("reap")], tiny_ids(4, 32), 0.3, progress=False, **options)
        found[name] = dict(revisions=revisions(f, {}), plan=kept(plan))
    return found


def changed(found, stored):
    "Methods whose plan is another one than the stored one under the same revisions"
    same = [k for k in found if found[k]["revisions"] == stored.get(k, {}).get("revisions")]
    return [k for k in same if found[k]["plan"] != stored[k]["plan"]]


def main():
    "Write the plans of today; an error if one changed under its revision"
    found = answers()
    stored = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    if wrong := changed(found, stored):
        raise SystemExit(f"{', '.join(wrong)}: another plan under the same revision; raise it")
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    FILE.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
