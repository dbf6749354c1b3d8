"""Checkpoint I/O and engine support"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
