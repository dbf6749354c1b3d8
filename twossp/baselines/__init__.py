"""Other methods and scores, and the registry of all methods. Ring 3"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
