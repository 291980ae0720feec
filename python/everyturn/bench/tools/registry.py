"""The tools by name: what they are, and where they come from."""

import dataclasses
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from typing import Any

EVERYTURN = "everyturn"
BY_HAND = "transformers"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A tool.

    Attributes:
        module: Where its `load` is.
        needs: The modules that it imports, of which the first gives it its name.
        distributions: What pip calls them; their versions are reported.
        takes_threads: Whether it works on several threads if it may.
        settings: Under which it is run, where it is there under several names.
    """

    module: str
    needs: tuple[str, ...]
    distributions: tuple[str, ...]
    takes_threads: bool = False
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def is_installed(self) -> bool:
        """Whether all that it imports can be found; to try would take seconds."""
        return all(importlib.util.find_spec(name) is not None for name in self.needs)

    @property
    def pip(self) -> str:
        """The command that installs it."""
        return f"pip install {' '.join(self.distributions)}"

    @property
    def versions(self) -> dict[str, str]:
        """The versions of its distributions."""
        return {name: importlib.metadata.version(name) for name in self.distributions}


OURS = Spec(
    module="everyturn.bench.tools.everyturn_itself",
    needs=(EVERYTURN,),
    distributions=(EVERYTURN,),
    takes_threads=True,
)


def _trl(mode: str) -> Spec:
    """Return TRL with the loss that a mode of `everyturn.bench.tools.trl_sft` names."""
    return Spec(
        module="everyturn.bench.tools.trl_sft",
        needs=("trl", "torch", "datasets", "transformers"),
        distributions=("trl", "torch", "datasets", "transformers"),
        settings={"mode": mode},
    )


PEERS: dict[str, Spec] = {
    BY_HAND: Spec(
        module="everyturn.bench.tools.transformers_by_hand",
        needs=("transformers", "tokenizers", "jinja2"),
        distributions=("transformers", "tokenizers", "jinja2"),
        takes_threads=True,
    ),
    "transformers-mask": Spec(
        module="everyturn.bench.tools.transformers_mask",
        needs=("transformers", "tokenizers", "jinja2"),
        distributions=("transformers", "tokenizers", "jinja2"),
    ),
    "trl": _trl("assistant_only"),
    "trl-default": _trl("default"),
    "trl-prompt-completion": _trl("prompt_completion"),
    "axolotl": Spec(
        module="everyturn.bench.tools.axolotl_chat",
        needs=("axolotl", "torch", "transformers"),
        distributions=("axolotl", "torch", "transformers"),
    ),
    "llama-factory": Spec(
        module="everyturn.bench.tools.llama_factory",
        needs=("llamafactory", "torch", "transformers"),
        distributions=("llamafactory", "torch", "transformers"),
    ),
    "tml": Spec(
        module="everyturn.bench.tools.tml",
        needs=("tml_renderers",),
        distributions=("tml-renderers",),
    ),
    "tinker": Spec(
        module="everyturn.bench.tools.tinker",
        needs=("tinker_cookbook", "tinker", "torch", "transformers"),
        distributions=("tinker-cookbook", "tinker", "torch", "transformers"),
    ),
}

BOARD = (
    "transformers-mask",
    "trl",
    "trl-default",
    "trl-prompt-completion",
    "axolotl",
    "llama-factory",
)
"""The peers of the parity board: those of which each difference can be reproduced by a script."""
