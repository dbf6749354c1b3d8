"""What is asked: options, arguments, checks before work starts, and the run itself"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
