"""Devices, data, metrics, and the walk over a model's layers"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
