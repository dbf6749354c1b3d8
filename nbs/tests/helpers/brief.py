"""Commands made brief: no figures beside checkpoints, and few tokens after prompts

Both are tested where they are made, and take as long as all else that a command does with a
tiny model.
"""

from functools import partial
from unittest.mock import patch


def brief():
    "A patch of `twossp prune` in this process"
    from twossp.cli import prune

    generate = prune.on_generation
    return patch.multiple(
        prune,
        _draw_figures=lambda *facts: [],
        on_agreement=partial(prune.on_agreement, new=8),
        on_generation=lambda ids, new: generate(ids, new=4),
        on_prompts=partial(prune.on_prompts, new=8, beams=2),
    )
