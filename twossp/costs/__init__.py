"""What a plan will cost: size, memory, operations, latency"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
