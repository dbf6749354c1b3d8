"A method, a score and an export format of another package"

from pathlib import Path
from shutil import copy

from twossp.baselines.methods import Method
from twossp.checkpoint.engines import Exporter
from twossp.engine.scores import Score


def last_layers(model, calib, sparsity, *, progress=True, log=None):
    "Remove the last layers"
    from twossp.all import drop, structure

    layers = len(structure(model))
    return drop(layers, blocks=range(layers - round(sparsity * layers), layers))


def last_first(model, calib, *, progress=True):
    "Rank neurons by their number: the last are removed first"
    from twossp.pruning.importance import magnitude_scores

    return [-x.new_tensor(range(len(x))) for x in magnitude_scores(model)]


def write_plan(folder, out, overwrite):
    "Write the plan alone"
    copy(Path(folder) / "plan.json", out)
    return [f"the plan is in {out}"]


METHOD = Method(last_layers, windows=1, about="the last layers")
SCORE = Score(last_first, "neurons", "weights", about="neurons by their number")
EXPORTER = Exporter(write_plan, about="the plan alone", suffix=".plan")
