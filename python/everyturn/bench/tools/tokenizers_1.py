"""The loop by hand with the next major version of tokenizers, which transformers does not take yet.

transformers renders, with the version that it asks for; what it rendered is encoded by the other one, which reads the
model's `tokenizer.json` itself.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from everyturn.bench.job import Job
from everyturn.bench.tools import Unusable
from everyturn.bench.tools.registry import TOKENIZERS_1
from everyturn.bench.tools.transformers_by_hand import ByHand

MODULE = "tokenizers_1"
"""What the package is called in this process, where `tokenizers` is the other one."""


class ByHandWithTokenizers1(ByHand):
    """Chat template of the job, tokenizer of its folder."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        if job.sources.tokenizer != "file":
            raise Unusable("it encodes by tokenizer.json, not by what transformers makes of it")
        self._encoder = _package().Tokenizer.from_file(Path(job.sources.folder) / "tokenizer.json")

    def ids_of(self, texts: list[str]) -> list[list[int]]:
        """Encode texts as they are."""
        encoded = self._encoder.encode_batch(
            texts, add_special_tokens=False, padding=None, truncation=None
        )
        return [each.ids for each in encoded]


def _package() -> Any:
    """Import the package from its own folder, under a name of its own."""
    if MODULE in sys.modules:
        return sys.modules[MODULE]
    folder = TOKENIZERS_1.folder / TOKENIZERS_1.name
    spec = importlib.util.spec_from_file_location(
        MODULE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{folder} is not a package")
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    return module


def load(job: Job) -> ByHandWithTokenizers1:
    """Load both."""
    return ByHandWithTokenizers1(job)
