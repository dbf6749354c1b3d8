"""Cost estimates of a plan: size, memory, FLOPs, latency"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
