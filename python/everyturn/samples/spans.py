"""The tokens that spell what a regular expression matches.

In: samples whose model is known, a pattern, and the runs that it is looked for in. Out: the tokens of its matches. A
text is what neighbouring runs of one message spell, token by token.
"""

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from everyturn.exceptions import OptionsError
from everyturn.samples.provenance import rows_of_runs
from everyturn.samples.ragged import to_offsets

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

_BYTES_ALONE = (0xDC80, 0xDCFF)
"""The first and the last character by which ``surrogateescape`` has a byte that is no character."""


class Spelled:
    """What the tokens of samples spell.

    Raises:
        OptionsError: It is not known.
    """

    def __init__(self, samples: "Samples") -> None:
        if samples.renderer is None:
            raise OptionsError(
                "span: matching what tokens spell needs the model: load the samples with renderer=.. (--model)"
            )
        spelling = samples.renderer.spelling()
        if spelling is None:
            raise OptionsError(
                "span: the decoder of this tokenizer does more than join tokens: what each of them spells is not known"
            )
        data, lengths = spelling
        ids = samples.input_ids
        if len(ids) and not 0 <= ids.min() <= ids.max() < len(lengths):
            raise OptionsError(
                "span: the samples have ids that the model's tokenizer does not have"
            )
        ends = np.cumsum(lengths)
        places = zip((ends - lengths).tolist(), ends.tolist(), strict=True)
        self._tokens = [data[start:end] for start, end in places]
        self._lengths = lengths
        self._samples = samples

    def matches(
        self, pattern: re.Pattern[str], runs: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Say of each token whether it spells a part of a match in the texts of the given runs, bool[T]."""
        found = np.zeros(len(self._samples.input_ids), dtype=np.bool_)
        for start, end in self._stretches(runs):
            ids = self._samples.input_ids[start:end]
            data = b"".join([self._tokens[token] for token in ids.tolist()])
            # A character may be cut in two where its message begins or ends.
            text = data.decode("utf-8", "surrogateescape")
            spans = [
                match.span() for match in pattern.finditer(text) if match.end() > match.start()
            ]
            if not spans:
                continue
            places = np.array(spans)
            if len(text) != len(data):
                places = to_offsets(_utf8_lengths(text))[places]
            ends = np.cumsum(self._lengths[ids])
            first = np.searchsorted(ends, places[:, 0], side="right") + start
            last = np.searchsorted(ends, places[:, 1] - 1, side="right") + start
            for one, other in zip(first.tolist(), last.tolist(), strict=True):
                found[one : other + 1] = True
        return found

    def _stretches(self, runs: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
        """The tokens of neighbouring runs that are of one message."""
        samples = self._samples
        chosen = np.flatnonzero(runs)
        if not len(chosen):
            return []
        of = np.stack(
            [
                chosen - np.arange(len(chosen)),
                rows_of_runs(samples)[chosen],
                samples.run_messages[chosen],
                samples.run_answers[chosen],
            ]
        )
        begins = np.any(of[:, 1:] != of[:, :-1], axis=0)
        ends = to_offsets(samples.run_lengths)
        first = chosen[np.append(True, begins)]
        last = chosen[np.append(begins, True)]
        return list(zip(ends[first].tolist(), ends[last + 1].tolist(), strict=True))


def _utf8_lengths(text: str) -> npt.NDArray[np.int64]:
    """Return how many bytes each character has, int64[C]; one that stands for a byte has one."""
    signs = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.ones(len(signs), dtype=np.int64)
    for least in (0x80, 0x800, 0x10000):
        lengths += signs >= least
    first, last = _BYTES_ALONE
    lengths[(signs >= first) & (signs <= last)] = 1
    return lengths
