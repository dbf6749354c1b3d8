"""Training of a pruned model by gradients"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
