"""What wrote the tokens of samples, and what rules look at in the messages of their records.

In: samples that were expanded with ``provenance``. Out: names of kinds, where the facts of messages are, and the sample
of each run. Which kinds there are is the core's; what is made of them is said in `everyturn.samples.relabel`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.samples.keep_option import FACTS, Keep, stated

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

KINDS: tuple[str, ...] = tuple(_core.TEXT_KINDS)
"""What a run of tokens may be, by the numbers of ``run_kinds``: ``template`` (the template's own text, control tokens
included), ``content``, ``reasoning``, ``tool_call``, ``tool_result``, ``system``, ``tools`` (definitions), ``stop``
(the token that ends an answer) and ``record`` (anything else of the record: a template argument, text made of several
parts)."""


def carried_keys(options: Mapping[str, Any]) -> Keep:
    """Return what samples carry along under an expansion's options, each with its type or None."""
    facts: Keep = ((FACTS, "json"),) if options["provenance"] else ()
    return (*stated(options["keep"]), *facts)


def check_provenance(samples: "Samples") -> None:
    """Refuse samples that do not say what wrote their tokens.

    Raises:
        OptionsError: The text says how to get it.
    """
    if FACTS not in samples.kept:
        raise OptionsError(
            "the samples do not say what wrote their tokens: expand them with provenance=True (--provenance)"
        )


def rows_of_runs(samples: "Samples") -> npt.NDArray[np.int64]:
    """Return for each run the sample that it is of, int64[R]."""
    return np.repeat(np.arange(len(samples)), np.diff(samples.run_offsets))
