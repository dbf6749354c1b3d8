"""Steps that refine a plan: reconstruction, widths, split, layerwise training. Ring 3"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
