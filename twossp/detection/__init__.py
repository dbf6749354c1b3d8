"""Rows for model types that have none: detected, then verified on a tiny copy"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
