"""Exact training samples from chats: chat JSONL in, numpy arrays out.

>>> import everyturn
>>> chat = {
...     "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
... }
>>> samples = everyturn.Expander("demo").expand([chat])
>>> renderer = everyturn.Renderer.from_dir("demo")
>>> renderer.decode(samples[0].trained_ids)
'Hello<|im_end|>'
"""

import importlib
from typing import TYPE_CHECKING, Any

from everyturn import _core
from everyturn.exceptions import (
    ConversationError,
    EveryturnError,
    InputError,
    InternalError,
    JsonlError,
    ModelError,
    OptionsError,
    SampleError,
    ServerError,
    ServingWarning,
    TemplateArgumentWarning,
    TemplateError,
    TokenizerError,
)
from everyturn.expander import Expander
from everyturn.faults import Fault
from everyturn.history import window
from everyturn.renderer import Renderer
from everyturn.report import Report
from everyturn.samples import IGNORE_INDEX, Batch, Packed, PackedRow, Rule, Sample, Samples

if TYPE_CHECKING:
    from everyturn.checks.checker import check
    from everyturn.checks.finding import Finding
    from everyturn.lint.report import TemplateReport
    from everyturn.verification.verifier import verify

__version__ = _core.__version__

__all__ = [
    "IGNORE_INDEX",
    "Batch",
    "ConversationError",
    "EveryturnError",
    "Expander",
    "Fault",
    "Finding",
    "InputError",
    "InternalError",
    "JsonlError",
    "ModelError",
    "OptionsError",
    "Packed",
    "PackedRow",
    "Renderer",
    "Report",
    "Rule",
    "Sample",
    "SampleError",
    "Samples",
    "ServerError",
    "ServingWarning",
    "TemplateArgumentWarning",
    "TemplateError",
    "TemplateReport",
    "TokenizerError",
    "__version__",
    "check",
    "verify",
    "window",
]

_LAZY = {
    "check": "everyturn.checks.checker",
    "Finding": "everyturn.checks.finding",
    "TemplateReport": "everyturn.lint.report",
    "verify": "everyturn.verification.verifier",
}
"""Where the names are that training does without: their modules are imported when one is first used."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


if _core.IS_DEBUG_BUILD:
    import warnings

    warnings.warn(
        "everyturn was built without optimisation and is slow; build it with `maturin develop --release`",
        RuntimeWarning,
        stacklevel=2,
    )
