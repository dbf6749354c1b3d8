"""Compact checkpoints in a process that has no twossp: loaded with `trust_remote_code=True`, saved
again by `save_pretrained`, loaded from there"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory


def run_alone(folders):
    "Facts of each folder, by name: logits of `IDS` in its file alone.pt, or an error"
    command = [sys.executable, __file__, *map(str, folders)]
    with TemporaryDirectory() as code:
        # transformers copies a checkpoint's code to this folder by the checkpoint's name, and not
        # atomically: another suite that runs the same test would read half of a file
        options = dict(stdin=subprocess.DEVNULL, capture_output=True, text=True)
        done = subprocess.run(command, env=os.environ | dict(HF_MODULES_CACHE=code), **options)
    assert done.returncode == 0, done.stderr[-2000:]
    return {Path(k): v for k, v in json.loads(done.stdout.splitlines()[-1]).items()}


def _run(folder):
    import torch
    from transformers import AutoModelForCausalLM

    ids = torch.arange(24).view(2, 12) * 7 % 200
    load = AutoModelForCausalLM.from_pretrained
    with torch.no_grad():
        model = load(folder, trust_remote_code=True)
        logits = model(ids).logits
        torch.save(logits, Path(folder) / "alone.pt")
        again = f"{folder}-again"
        model.save_pretrained(again)
        new = load(again, trust_remote_code=True)
        options = dict(max_new_tokens=6, do_sample=False, pad_token_id=0)
        tokens = [new.generate(ids[:, :5], use_cache=c, **options) for c in (True, False)]
    return dict(
        again=torch.equal(new(ids).logits, logits),
        cached=torch.equal(*tokens),
        config=json.loads(Path(again, "config.json").read_text(encoding='utf-8')),
        files=sorted(f.name for f in Path(again).iterdir()),
        model=type(model).__name__,
    )


if __name__ == "__main__":
    import transformers

    transformers.logging.set_verbosity_error()
    found = {}
    for name in sys.argv[1:]:
        try:
            found[name] = _run(name)
        except Exception as e:  # what the caller compares
            found[name] = dict(error=f"{type(e).__name__}: {e}")
    assert "twossp" not in sys.modules
    print()
    print(json.dumps(found))
