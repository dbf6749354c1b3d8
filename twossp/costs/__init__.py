"""What a plan will cost: size, memory, operations, latency"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
