"""Models, their parts, plans, and how a plan is realized"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
