"""The tools by name: what they are, and where they come from."""

import dataclasses
import importlib.metadata
import importlib.util

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
    """

    module: str
    needs: tuple[str, ...]
    distributions: tuple[str, ...]
    takes_threads: bool = False

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
    "trl": Spec(
        module="everyturn.bench.tools.trl_sft",
        needs=("trl", "torch", "datasets", "transformers"),
        distributions=("trl", "torch", "datasets", "transformers"),
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
