"""What (nearly) every notebook imports: their processes are forked from one that has imported
this. All that is here by then is no garbage, which spares each collection seconds' worth"""

import contextlib
import gc
import importlib

for name in (
    'torch transformers.models.auto.modeling_auto transformers.models.llama.modeling_llama pandas'
    ' matplotlib.pyplot execnb.shell nbdev.process nbdev.showdoc tools.pytest_notebooks'
    ' twossp.all twossp.core.testing'
).split():
    with contextlib.suppress(Exception):  # a notebook that needs it says what is wrong
        importlib.import_module(name)
gc.collect()
gc.freeze()
