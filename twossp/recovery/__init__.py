"""What gives quality back: least-squares reconstruction, searched shapes, distillation"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
