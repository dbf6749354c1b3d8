"""Structured pruning of large language models: 2SSP, its baselines, and what they cost

`import twossp as ts; ts.two_ssp(...)`: public names are imported when they are named. `dir(ts)`
lists them, and type checkers read them in `__init__.pyi`. `from twossp.all import *` brings the
same names at once. Importing `twossp` alone is light: it only makes the Auto classes of
transformers load compact checkpoints, when transformers is there."""
__version__ = "0.1.0"
import sys as _sys
from importlib import import_module as _import_module
from importlib.abc import Loader as _Loader, MetaPathFinder as _MetaPathFinder
from importlib.util import find_spec as _find_spec

_AUTO = "transformers.models.auto.configuration_auto"  # the module of AutoConfig


class _CompactConfig:
    "Entry for `model_type: twossp` until a checkpoint asks for it: then `checkpoint.load`."

    model_type = "twossp"

    @classmethod
    def from_dict(cls, config_dict, **kwargs):
        "The configuration of a compact checkpoint."
        from .checkpoint.load import TwoSSPConfig

        return TwoSSPConfig.from_dict(config_dict, **kwargs)


def _register():
    "Make AutoConfig know `model_type: twossp`."
    auto = _sys.modules[_AUTO]
    if _CompactConfig.model_type not in auto.CONFIG_MAPPING:
        auto.AutoConfig.register(_CompactConfig.model_type, _CompactConfig)


class _RegisterAfter(_Loader):
    "Runs the module of AutoConfig as its own loader does, and registers."

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        _sys.meta_path[:] = [f for f in _sys.meta_path if not isinstance(f, _WaitForAuto)]
        _register()


class _WaitForAuto(_MetaPathFinder):
    "Looks out for the import of AutoConfig's module; everything else passes by."

    def find_spec(self, name, path=None, target=None):
        if name != _AUTO:
            return None
        others = [f for f in _sys.meta_path if f is not self and hasattr(f, "find_spec")]
        spec = next((s for f in others if (s := f.find_spec(name, path, target))), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisterAfter(spec.loader)
        return spec


if hasattr(_sys.modules.get(_AUTO), "AutoConfig"):
    _register()
else:
    _sys.meta_path.insert(0, _WaitForAuto())


def _public_names():
    "{public name: the module that defines it}: what `twossp.all` imports, read and not run."
    import ast
    from importlib.resources import files

    tree = ast.parse(files(__name__).joinpath("all.py").read_text(encoding="utf-8"))
    imports = [n for n in tree.body if isinstance(n, ast.ImportFrom)]
    home = lambda n: f"{__name__}.{n.module}" if n.level else n.module
    return {a.name: home(n) for n in imports for a in n.names}


def _nearest_name(name):
    "'; did you mean prune?', or nothing"
    from .model.words import did_you_mean

    return did_you_mean(name, _public_names())


def _find_module(package, name):
    "A module or folder of a package, imported when it is named; else `AttributeError`."
    if name.startswith("_") or _find_spec(f"{package}.{name}") is None:
        asked = package == __name__ and not name.startswith("_")
        nearest = _nearest_name(name) if asked else ""
        raise AttributeError(f"module {package!r} has no attribute {name!r}{nearest}")
    return _import_module(f"{package}.{name}")


def __getattr__(name):
    "Public names, and folders (`twossp.model`), when they are named."
    if name.startswith("_") or (home := _public_names().get(name)) is None:
        return _find_module(__name__, name)
    value = globals()[name] = getattr(_import_module(home), name)
    return value


def __dir__():
    "The public names, and the module's own with two underscores."
    return sorted({*(name for name in globals() if name[:2] == "__"), *_public_names()})
