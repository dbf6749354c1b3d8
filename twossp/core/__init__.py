"""Models, their parts, plans, and how a plan is realized"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
