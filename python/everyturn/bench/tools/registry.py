"""The tools by name: what they are, and where they come from."""

import dataclasses
import importlib.metadata
import importlib.util
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
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
        apart: A package in a folder of its own, because the other packages need another version of it.
    """

    module: str
    needs: tuple[str, ...]
    distributions: tuple[str, ...]
    takes_threads: bool = False
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    apart: "PackageApart | None" = None

    @property
    def is_installed(self) -> bool:
        """Whether all that it imports can be found; to try would take seconds."""
        found = all(importlib.util.find_spec(name) is not None for name in self.needs)
        return found and (self.apart is None or self.apart.is_installed)

    @property
    def pip(self) -> str:
        """The commands that install it."""
        command = f"pip install {' '.join(self.distributions)}"
        return command if self.apart is None else f"{command} && {shlex.join(self.apart.command)}"

    @property
    def versions(self) -> dict[str, str]:
        """The versions of its distributions."""
        found = {name: importlib.metadata.version(name) for name in self.distributions}
        return found if self.apart is None else {**found, **self.apart.version}


@dataclasses.dataclass(frozen=True, slots=True)
class PackageApart:
    """A package in a folder of its own in the running Python's environment.

    Attributes:
        name: What pip and Python call it.
        release: The version.
    """

    name: str
    release: str

    @property
    def folder(self) -> Path:
        """Where it is, or would be."""
        return Path(sys.prefix) / "apart" / f"{self.name}-{self.release}"

    @property
    def is_installed(self) -> bool:
        """Whether it is there."""
        return (self.folder / self.name / "__init__.py").is_file()

    @property
    def command(self) -> list[str]:
        """The command that installs it: what it depends on is among the other packages."""
        target = ["--no-deps", "--target", str(self.folder)]
        return ["pip", "install", *target, f"{self.name}=={self.release}"]

    @property
    def version(self) -> dict[str, str]:
        """Its version, under another name than that of the package beside the others."""
        return {f"{self.name} {self.release.partition('.')[0]}": self.release}


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


TOKENIZERS_1 = PackageApart("tokenizers", "1.0.0rc3")
"""The next major version; transformers asks for one before it."""

PEERS: dict[str, Spec] = {
    BY_HAND: Spec(
        module="everyturn.bench.tools.transformers_by_hand",
        needs=("transformers", "tokenizers", "jinja2"),
        distributions=("transformers", "tokenizers", "jinja2"),
        takes_threads=True,
    ),
    "transformers-1.0": Spec(
        module="everyturn.bench.tools.tokenizers_1",
        needs=("transformers", "tokenizers", "jinja2"),
        distributions=("transformers", "tokenizers", "jinja2"),
        takes_threads=True,
        apart=TOKENIZERS_1,
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
