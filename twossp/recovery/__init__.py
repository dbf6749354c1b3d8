"""What gives quality back: least-squares reconstruction, searched shapes, distillation"""

from functools import partial

from .. import find_module

__getattr__ = partial(find_module, __name__)
