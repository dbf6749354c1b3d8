"""Commands made brief: no figures beside checkpoints, and few tokens after prompts

Both are tested where they are made, and take as long as all else that a command does with a
tiny model.
"""

from contextlib import ExitStack
from functools import partial
from unittest.mock import patch


def brief(figures=False):
    "A patch of `twossp prune` in this process; `figures`: they are drawn nevertheless"
    from twossp.request import run

    generate = run.on_generation
    draw = run._draw_figures if figures else lambda *facts: []
    return patch.multiple(
        run,
        _draw_figures=draw,
        on_agreement=partial(run.on_agreement, new=8),
        on_generation=lambda ids, new: generate(ids, new=4),
        on_prompts=partial(run.on_prompts, max_length=32, beams=2),
    )


def no_pictures():
    """From here on, pages of results and curves of quality targets without their pictures, which
    are tested where they are drawn"""
    from twossp.reporting import html_report
    from twossp.request import run

    patched = ExitStack()
    patched.enter_context(patch.object(html_report, '_to_png', lambda *args: ''))
    patched.enter_context(patch.object(run, 'save_figure', lambda *args: False))
    return patched
