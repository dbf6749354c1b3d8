"""The methods that 2SSP is compared with, and the registry of all"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
