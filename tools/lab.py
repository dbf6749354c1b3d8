"""What JupyterLab is told by `make lab`: notebooks open unmodified, and are saved clean

Notebooks are kept without what a session adds (which Python, which kernel). JupyterLab
would add it as soon as the kernel is there, and take the notebook for modified. So it
is there already when a notebook is read, and goes when it is saved, as `nbdev_clean`
would have it.
"""

import os
from pathlib import Path

import jupyter_server.services.contents.largefilemanager as files
from ipykernel.ipkernel import IPythonKernel
from jupyter_client.kernelspec import KernelSpecManager
from nbdev.clean import clean_jupyter


def session_facts(name='python3'):
    "What JupyterLab writes into a notebook's metadata when this kernel has started"
    spec = KernelSpecManager().get_kernel_spec(name)
    kernelspec = dict(display_name=spec.display_name, language=spec.language, name=name)
    return dict(kernelspec=kernelspec, language_info=dict(IPythonKernel.language_info))


class Contents(files.AsyncLargeFileManager):
    "Files as they are; notebooks with the facts of a session"

    async def get(self, path, content=True, type=None, format=None, **more):
        model = await super().get(path, content, type, format, **more)
        if content and model['type'] == 'notebook':
            model['content']['metadata'].update(session_facts())
        return model


if 'get_config' in globals():  # read by JupyterLab
    c = get_config()  # noqa: F821
    # kernels find `nbs` and `tools`, as the tests do
    os.environ['PYTHONPATH'] = str(Path(__file__).resolve().parents[1])
    c.ServerApp.contents_manager_class = Contents
    c.FileContentsManager.pre_save_hook = clean_jupyter
