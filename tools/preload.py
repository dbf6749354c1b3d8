"""The libraries and the package: notebooks' processes are forked from one that has imported
this. All that is here by then is no garbage, which spares each collection seconds' worth"""

import contextlib
import gc
import importlib

from tools.pytest_notebooks import LIBRARIES

for name in (*LIBRARIES, 'twossp.all', 'twossp.core.testing'):
    with contextlib.suppress(Exception):  # a notebook that needs it says what is wrong
        importlib.import_module(name)
gc.collect()
gc.freeze()
