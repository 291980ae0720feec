"""What samples carry along of their records: the values of keys that are named by ``keep``.

In: JSON texts as the core hands them out, one for each record and name. Out: the values of samples, by name. They are
held once a record, however many samples it has, and decoded when they are asked for. Which types they have in files is
said in `everyturn.samples.kept_types`.
"""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from everyturn.exceptions import OptionsError
from everyturn.io.json_lines import loads
from everyturn.samples.keep_option import Keep
from everyturn.samples.kept_types import unread_error
from everyturn.samples.ragged import gather, join_offsets


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """JSON texts one after the other; an empty one is a value that is missing.

    Attributes:
        data: uint8[B].
        offsets: int64[R + 1]; text i is ``data[offsets[i]:offsets[i + 1]]``.
    """

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]

    def text(self, index: int) -> bytes:
        """Return the text of a record, which is empty where the value is missing or null."""
        return self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def value(self, index: int) -> Any:
        """Return the value of a record; None where it is missing or null."""
        text = self.text(index)
        return loads(text) if text else None

    def select(self, indices: npt.NDArray[np.int64]) -> "Texts":
        """Return the given texts in the given order."""
        positions, offsets = gather(self.offsets, indices)
        return Texts(self.data[positions], offsets)


EMPTY = Texts(np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Kept(Mapping[str, list[Any]]):
    """The kept values of samples: by name a list with an element for each sample, None where a record has none.

    >>> from everyturn import Expander
    >>> chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]
    >>> records = [{"messages": chat, "id": "a", "score": 0.5}, {"messages": chat, "id": "b"}]
    >>> samples = Expander("demo", keep=["id", "score"]).expand(records)
    >>> samples.kept["id"], samples.kept["score"], samples[1].kept
    (['a', 'b'], [0.5, None], {'id': 'b', 'score': None})

    Attributes:
        stated: The names, with the types that were asked for.
        texts: A column of texts for each name, in their order.
        rows: int64[N], the index of each sample's record among the texts.
    """

    stated: Keep = ()
    texts: tuple[Texts, ...] = ()
    rows: npt.NDArray[np.int64] = dataclasses.field(
        default_factory=lambda: np.zeros(0, dtype=np.int64)
    )

    @staticmethod
    def from_core(stated: Keep, columns: Sequence[tuple[Any, Any]], rows: Any) -> "Kept":
        """Build the values of arrays that the core has made: it makes none where no record has samples."""
        texts = tuple(Texts(*arrays) for arrays in columns) or (EMPTY,) * len(stated)
        return Kept(stated, texts, rows)

    def __getitem__(self, name: str) -> list[Any]:
        if name not in self:
            _missing(name)
        used, inverse = np.unique(self.rows, return_inverse=True)
        values = [self.value(name, record) for record in used]
        return [values[at] for at in inverse.reshape(-1)]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.stated)

    def __len__(self) -> int:
        return len(self.stated)

    def column(self, name: str) -> Texts:
        """Return the texts under a name.

        Raises:
            KeyError: Nothing is kept under this name.
        """
        return self.texts[list(self).index(name)] if name in self else _missing(name)

    def __contains__(self, name: object) -> bool:
        return any(name == known for known, _ in self.stated)

    def of_row(self, row: int) -> dict[str, Any]:
        """Return the values of one sample by name."""
        return {name: self.value(name, self.rows[row]) for name in self}

    def value(self, name: str, record: int, place: tuple[str, int] | None = None) -> Any:
        """Return the value of a record, of which the file and the line may be known.

        Raises:
            OptionsError: Python does not read the value.
            KeyError: Nothing is kept under this name.
        """
        try:
            return self.column(name).value(record)
        except ValueError:
            raise unread_error(name, place) from None

    def select(self, rows: npt.NDArray[np.int64]) -> "Kept":
        """Return the values of the given samples in the given order."""
        return dataclasses.replace(self, rows=self.rows[rows]) if self.stated else self

    def only(self, names: Collection[str]) -> "Kept":
        """Return what is kept under some of the names."""
        chosen = [
            (pair, column)
            for pair, column in zip(self.stated, self.texts, strict=True)
            if pair[0] in names
        ]
        return Kept(tuple(pair for pair, _ in chosen), tuple(text for _, text in chosen), self.rows)

    def compact(self) -> "Kept":
        """Leave out the values of records without a sample."""
        used, inverse = np.unique(self.rows, return_inverse=True)
        texts = tuple(column.select(used) for column in self.texts)
        return Kept(self.stated, texts, inverse.reshape(-1).astype(np.int64))

    @staticmethod
    def concatenate(parts: Sequence["Kept"]) -> "Kept":
        """Put the values of samples with the same names one after the other."""
        first = parts[0]
        if any(part.stated != first.stated for part in parts):
            raise OptionsError("cannot concatenate samples that keep different keys")
        if not first.stated:
            return first
        columns = zip(*(part.texts for part in parts), strict=True)
        texts = tuple(
            Texts(
                np.concatenate([text.data for text in column]),
                join_offsets([text.offsets for text in column]),
            )
            for column in columns
        )
        counts = np.cumsum([0, *(len(part.texts[0].offsets) - 1 for part in parts)])
        rows = [part.rows + before for part, before in zip(parts, counts, strict=False)]
        return Kept(first.stated, texts, np.concatenate(rows))


def _missing(name: str) -> Texts:
    raise KeyError(name)
