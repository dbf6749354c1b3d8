"""The libraries and the package: notebooks' processes are forked from one that has imported
this. All that is here by then is no garbage, which spares each collection seconds' worth"""

import contextlib
import gc
import importlib

from tools.pytest_notebooks import LIBRARIES

for name in (*LIBRARIES, 'twossp.all', 'twossp.model.testing'):
    with contextlib.suppress(Exception):  # a notebook that needs it says what is wrong
        importlib.import_module(name)
with contextlib.suppress(Exception):  # built at the first save or load: a thousand patterns
    conversion_mapping = importlib.import_module('transformers.conversion_mapping')
    conversion_mapping.get_checkpoint_conversion_mapping('llama')
gc.collect()
gc.freeze()
