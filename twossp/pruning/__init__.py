"""2SSP, the method of the paper"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
