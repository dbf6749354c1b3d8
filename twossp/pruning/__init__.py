"""2SSP, the method of the paper. Ring 3: imports models and the engine, and nothing else"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
