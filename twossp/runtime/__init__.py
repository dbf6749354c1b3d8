"""Devices, data, metrics, and the walk over a model's layers"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
