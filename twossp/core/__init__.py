"""Models, their parts, plans, and the application of plans"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
