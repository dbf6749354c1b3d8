"""The methods that 2SSP is compared with, and the registry of all"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
