"""Tables, figures and pages of results"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
