"""Models of transformers as parts; plans, and their application. Ring 1: imports no other folder"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
