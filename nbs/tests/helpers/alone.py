"""Compact checkpoints in a process that has no twossp: loaded with `trust_remote_code=True`, saved
again by `save_pretrained`, loaded from there"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch


def run_python(*words):
    "The last line that a fresh process prints, as JSON"
    command = [sys.executable, *map(str, words)]
    with TemporaryDirectory() as code:
        # transformers copies a checkpoint's code to this folder by the checkpoint's name, and not
        # atomically: another suite that runs the same test would read half of a file
        options = dict(stdin=subprocess.DEVNULL, capture_output=True, text=True)
        done = subprocess.run(command, env=os.environ | dict(HF_MODULES_CACHE=code), **options)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def run_alone(folders):
    "Facts of each folder, by name: logits of `IDS` in its file alone.pt, or an error"
    return {Path(k): v for k, v in run_python(__file__, *folders).items()}


def run_here(folders):
    "The same by each checkpoint's own modeling code, in this process"
    with TemporaryDirectory() as code:
        with patch('transformers.dynamic_module_utils.HF_MODULES_CACHE', code):
            return {Path(k): v for k, v in load_all(folders, _load_own).items()}


def load_all(folders, load=None):
    "Facts of each folder, or an error; `load`: of a folder, by default the Auto class"
    import transformers

    transformers.logging.set_verbosity_error()
    found = {}
    for folder in map(str, folders):
        try:
            found[folder] = _run(folder, load or _load_alone)
        except Exception as e:  # what the caller compares
            found[folder] = dict(error=f"{type(e).__name__}: {e}")
    return found


def _load_alone(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)


def _load_own(folder):
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    config = json.loads(Path(folder, "config.json").read_text(encoding='utf-8'))
    own = get_class_from_dynamic_module(config["auto_map"]["AutoModelForCausalLM"], folder)
    for part in (own, own.config_class):  # as the Auto class does: saved with its code
        part.register_for_auto_class()
    return own.from_pretrained(folder)


def _run(folder, load):
    import torch

    ids = torch.arange(24).view(2, 12) * 7 % 200
    with torch.no_grad():
        model = load(folder)
        logits = model(ids).logits
        torch.save(logits, Path(folder) / "alone.pt")
        again = f"{folder}-again"
        model.save_pretrained(again)
        new = load(again)
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
    found = load_all(sys.argv[1:])
    assert "twossp" not in sys.modules
    print()
    print(json.dumps(found))
