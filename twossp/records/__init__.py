"""Files and caches, plan files, identities, result rows. Ring 4"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
