"""Other tools' reading code, run without what of those tools it does not need.

Their wheels are in their own folder, without what they depend on (`tools/get_readers.py` puts them there), because
they ask for other versions of torch and transformers than this project is tested with. A module here reads files in its
own process, prints nothing that is read, and writes what it read as JSON.
"""

import importlib.machinery
import importlib.util
import json
import sys
import types
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

FOLDER = Path(sys.prefix) / "readers"
"""Where the wheels are unpacked."""


class _Placeholder(type):
    """A placeholder for a class or a function that is not there: it may be named, and nothing else."""

    def __getattr__(cls, name: str) -> "_Placeholder":
        return _placeholder(f"{cls.__name__}.{name}", name)

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        raise NotImplementedError(f"{cls.__name__} is not there; {arguments} {options}")


def _placeholder(whole: str, name: str) -> _Placeholder:
    if name.startswith("__"):
        raise AttributeError(whole)
    return _Placeholder(whole, (), {})


class _EmptyModule(types.ModuleType):
    def __getattr__(self, name: str) -> _Placeholder:
        return _placeholder(f"{self.__name__}.{name}", name)


class _Without(MetaPathFinder, Loader):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        if any(fullname == name or fullname.startswith(f"{name}.") for name in self._names):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _EmptyModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def without(*names: str) -> None:
    """Let modules of these names be imported as empty ones. What is taken from them raises when it is called."""
    sys.meta_path.insert(0, _Without(names))


def package(name: str, folder: Path) -> None:
    """Let modules of a package be imported without its own ``__init__``, which would import all of the tool."""
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module


def module_of_file(name: str, file: Path) -> None:
    """Import one file as the module of that name."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def answer(read: Any) -> None:
    """Write what was read to the file named last on the command line."""
    Path(sys.argv[-1]).write_text(json.dumps(read), encoding="utf-8")
