"""Results, grids, tables, figures and estimates"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
