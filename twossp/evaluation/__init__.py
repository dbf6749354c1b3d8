"""Evaluation: quality, speed, tasks, grids"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
