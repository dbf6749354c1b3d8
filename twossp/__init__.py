"""Structured pruning of large language models: 2SSP, its rivals, and what they cost

`from twossp.all import *` brings what ten lines of work need. Importing `twossp` alone is light: it
only sees to it that the Auto classes of transformers load compact checkpoints, when transformers
is there."""
__version__ = "0.1.0"
import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.util import find_spec

AUTO = "transformers.models.auto.configuration_auto"  # the module of AutoConfig


class CompactConfig:
    "Entry for `model_type: twossp` until a checkpoint asks for it; then `hub` takes over."

    model_type = "twossp"

    @classmethod
    def from_dict(cls, config_dict, **kwargs):
        "The configuration of a compact checkpoint."
        from twossp.hub import TwoSSPConfig

        return TwoSSPConfig.from_dict(config_dict, **kwargs)


def register():
    "Make AutoConfig know `model_type: twossp`."
    auto = sys.modules[AUTO]
    if CompactConfig.model_type not in auto.CONFIG_MAPPING:
        auto.AutoConfig.register(CompactConfig.model_type, CompactConfig)


class RegisterAfter(Loader):
    "Runs the module of AutoConfig as its own loader does, and registers."

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, WaitForAuto)]
        register()


class WaitForAuto(MetaPathFinder):
    "Looks out for the import of AutoConfig's module; everything else passes by."

    def find_spec(self, name, path=None, target=None):
        if name != AUTO:
            return None
        others = [f for f in sys.meta_path if f is not self and hasattr(f, "find_spec")]
        spec = next((s for f in others if (s := f.find_spec(name, path, target))), None)
        if spec is not None and spec.loader is not None:
            spec.loader = RegisterAfter(spec.loader)
        return spec


if hasattr(sys.modules.get(AUTO), "AutoConfig"):
    register()
else:
    sys.meta_path.insert(0, WaitForAuto())


def __getattr__(name):
    "`twossp.hub`, `twossp.report`, …: modules come when they are named."
    if name.startswith("_") or find_spec(f"twossp.{name}") is None:
        raise AttributeError(f"module 'twossp' has no attribute {name!r}")
    return importlib.import_module(f"twossp.{name}")
