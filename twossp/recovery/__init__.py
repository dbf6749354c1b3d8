"""Quality after pruning: least-squares reconstruction, searched widths, distillation"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
