"""Tables, figures and pages of results"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
