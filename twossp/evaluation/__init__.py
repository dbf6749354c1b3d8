"""What a model does: quality, speed, tasks, grids"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
