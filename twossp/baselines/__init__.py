"""Other pruning methods, and the registry of all methods"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
