"""2SSP, the method of the paper"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
