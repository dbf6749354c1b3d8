"""A folder and a model: loading, saving, checking; which engines can load it"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
