"""Texts, chats and generated text, as calibration and evaluation windows. Ring 4"""

from functools import partial

from .. import _find_module

__getattr__ = partial(_find_module, __name__)
