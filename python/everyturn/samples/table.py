"""Samples in flat arrays: what an expansion gives."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from everyturn.exceptions import OptionsError
from everyturn.options import Normalize, PackStrategy, PaddingSide, Prefixes, StrPath
from everyturn.renderer import Renderer
from everyturn.report import Report
from everyturn.samples import duplicates, frames, storage
from everyturn.samples.columns import COLUMNS, OFFSETS
from everyturn.samples.joining import concatenate
from everyturn.samples.kept import Kept
from everyturn.samples.kept_types import places_in, types_in
from everyturn.samples.labels import IGNORE_INDEX
from everyturn.samples.packing import Packed, pack
from everyturn.samples.padding import Batch, pad
from everyturn.samples.ragged import count_in_rows, gather
from everyturn.samples.relabel import relabel
from everyturn.samples.rules import Rules
from everyturn.samples.sample import Sample, without_renderer
from everyturn.samples.selection import Rows, row_number, row_numbers
from everyturn.samples.split import split
from everyturn.samples.trees import Unrolled, unroll

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Samples(Sequence[Sample]):
    """A ragged table of samples: sample i is ``[offsets[i]:offsets[i + 1]]`` of the flat arrays.

    >>> from everyturn import Expander
    >>> samples = Expander("demo").expand(
    ...     [
    ...         {
    ...             "messages": [
    ...                 {"role": "user", "content": "1+1?"},
    ...                 {"role": "assistant", "content": "2"},
    ...             ]
    ...         }
    ...     ]
    ... )
    >>> (
    ...     len(samples),
    ...     samples.offsets.tolist() == [0, len(samples.input_ids)],
    ...     samples[0].targets.tolist(),
    ... )
    (1, True, [1])

    Attributes:
        input_ids: int32[T].
        labels: int32[T], the id where the token is trained, else -100; unshifted.
        offsets: int64[N + 1].
        loss_weights: float32[T], 0 where not trained; None where all weights are 0 or 1.
        files: The names of the inputs.
        file: int32[N], index into ``files``.
        line: int64[N], 1-based.
        conversation_hashes: uint8[N, 16], what ``conversation_id`` spells.
        targets: int32[M], 0-based message indices.
        depth_from_end: int32[M], how many targets of the conversation, in all of its samples, come after each: 0 for
            the last. Selections keep it.
        target_offsets: int64[N + 1]; the targets of sample i are ``targets[target_offsets[i]:target_offsets[i + 1]]``.
        report: The account of every input line.
        metadata: Version, fingerprint and options of the expansion, as files keep them.
        position_ids: int32[T], how many tokens come before each on its path; None but in the layout ``tree``.
        subtree_end: int32[T], where in the sample what follows each token ends: token j of a sample sees token i of
            it if ``i <= j < subtree_end[i]``; None but in the layout ``tree``.
        shift_labels: int32[T], the id that the position predicts where that is trained, else -100; ``loss_weights``
            are at these positions, too. None but in the layout ``tree``.
        run_lengths: int32[R], the number of tokens in each run of adjacent tokens with one origin; empty without
            ``provenance``.
        run_kinds: uint8[R], what they are, by their places in `everyturn.samples.KINDS`.
        run_messages: int32[R], the message that wrote them, -1 for none.
        run_answers: bool[R], whether they are of an answer that is trained in the sample: the model must emit them.
        run_offsets: int64[N + 1]; the runs of sample i are ``[run_offsets[i]:run_offsets[i + 1]]``.
        kept: What is kept of the records, by name a list of N values; see `everyturn.samples.Kept`.
        renderer: What made them, and decodes them; None where that is not known, as after loading or unpickling.
    """

    input_ids: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    loss_weights: npt.NDArray[np.float32] | None
    files: tuple[str, ...]
    file: npt.NDArray[np.int32]
    line: npt.NDArray[np.int64]
    conversation_hashes: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.int32]
    depth_from_end: npt.NDArray[np.int32]
    target_offsets: npt.NDArray[np.int64]
    run_lengths: npt.NDArray[np.int32]
    run_kinds: npt.NDArray[np.uint8]
    run_messages: npt.NDArray[np.int32]
    run_answers: npt.NDArray[np.bool_]
    run_offsets: npt.NDArray[np.int64]
    report: Report
    metadata: dict[str, Any]
    position_ids: npt.NDArray[np.int32] | None = None
    subtree_end: npt.NDArray[np.int32] | None = None
    shift_labels: npt.NDArray[np.int32] | None = None
    kept: Kept = dataclasses.field(default_factory=Kept)
    renderer: Renderer | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Sample: ...

    @overload
    def __getitem__(self, index: slice | Rows) -> "Samples": ...

    def __getitem__(self, index: int | np.integer[Any] | slice | Rows) -> "Sample | Samples":
        """Return one sample, or those of a slice, of indices, or of a mask with a bool for each.

        Raises:
            IndexError: There is no such sample.
        """
        if isinstance(index, slice):
            return self.select(np.arange(len(self))[index])
        if not isinstance(index, int | np.integer):
            return self.select(index)
        row = row_number(index, len(self))
        indices: dict[str, Any] = {"row": row}
        for per, name in OFFSETS.items():
            offsets = getattr(self, name)
            indices[per] = slice(offsets[row], offsets[row + 1])
        fields = self._columns_at(indices)
        fields["file"] = self.files[fields["file"]]
        fields["line"] = int(fields["line"])
        fields["conversation_id"] = fields.pop("conversation_hashes").tobytes().hex()
        return Sample(**fields, kept=self.kept.of_row(row), renderer=self.renderer)

    def __iter__(self) -> Iterator[Sample]:
        return (self[row] for row in range(len(self)))

    def __repr__(self) -> str:
        trained = np.count_nonzero(self.labels != IGNORE_INDEX)
        return f"Samples(samples={len(self)}, tokens={len(self.input_ids)}, trained={trained})"

    def _repr_html_(self) -> str:
        from everyturn.inspect.notebook import samples_html

        return samples_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return without_renderer(self)

    @property
    def conversation_id(self) -> list[str]:
        """Per sample 32 hex digits, equal for conversations that are the same.

        What is rendered decides: messages (with all of their keys but weights), tools and the record's own template
        arguments, whatever its other keys, white space, the order of keys, and its format. So ids survive another
        order of the file, and do not depend on the model or the options. The first 16 digits are those of the
        opening, up to the first answer to a user: a conversation that continues another has them in common with it.
        """
        return [row.tobytes().hex() for row in self.conversation_hashes]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The number of tokens of each sample, int64[N]."""
        return np.diff(self.offsets)

    @property
    def trained_lengths(self) -> npt.NDArray[np.int64]:
        """The number of trained tokens of each sample, int64[N]."""
        return count_in_rows(self.labels != IGNORE_INDEX, self.offsets)

    def select(self, rows: Rows) -> "Samples":
        """Return the given samples in the given order; the report stays that of the whole expansion.

        Args:
            rows: Indices, negative ones from the end, or a mask with a bool for each sample.

        Raises:
            IndexError: There is no such sample, or the mask has another length.
        """
        index = row_numbers(rows, len(self))
        indices: dict[str, Any] = {"row": index}
        offsets: dict[str, Any] = {}
        for per, name in OFFSETS.items():
            indices[per], offsets[name] = gather(getattr(self, name), index)
        kept = self.kept.select(index)
        return dataclasses.replace(self, **self._columns_at(indices), **offsets, kept=kept)

    def _columns_at(self, indices: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of each column for its tokens, samples or targets."""
        columns: dict[str, Any] = {}
        for column in COLUMNS:
            array = getattr(self, column.name)
            columns[column.name] = None if array is None else array[indices[column.per]]
        return columns

    @staticmethod
    def concatenate(parts: Sequence["Samples"]) -> "Samples":
        """Put expansions of the same model and options one after the other.

        Raises:
            OptionsError: There are none, or they are of different models, options or versions.
        """
        return concatenate(parts)

    def split(
        self,
        shares: Mapping[str, float],
        *,
        seed: int = 0,
        prefixes: Prefixes = "together",
        group_by: str | None = None,
    ) -> "dict[str, Samples]":
        """Split by conversation: duplicates and continuations of one go to the same part.

        A part is chosen by BLAKE2b over the first 8 bytes of the conversation's id, which are those of its opening (or
        over all 16 with ``prefixes="apart"``, or the JSON text of its group), with 8 bytes of digest, the seed (8
        bytes, big-endian, signed) as key and ``everyturn.split`` as person. The digest, read as a big-endian number
        below 2^64, falls into the parts' shares of that range, in the order in which they are named. So a part does
        not depend on the order of the conversations or on which others there are, and shares hold on average, not
        exactly: not at all where most conversations open alike, for which there is ``prefixes="apart"``.

        >>> from everyturn import Expander
        >>> parts = Expander("demo").expand(b"").split({"train": 0.98, "eval": 0.02}, seed=0)
        >>> {name: len(part) for name, part in parts.items()}
        {'train': 0, 'eval': 0}

        Args:
            shares: The names of the parts with their shares, which sum to 1.
            seed: Another seed gives another split.
            prefixes: A conversation that continues another goes with it (``together``, told by their openings: tools,
                template arguments, and messages up to the first answer to a user), or ``apart`` only duplicates do.
            group_by: A kept key: conversations with the same value go to the same part, and so do groups that have
                conversations in common, duplicates included. Those without a value stay by themselves.

        Returns:
            The parts by name, their samples in the order of these; reports stay those of the whole expansion.

        Raises:
            OptionsError: The shares do not sum to 1, one is not above 0, the seed has more than 64 bits, or the
                samples do not keep what they are grouped by.
        """
        return split(self, shares, seed=seed, prefixes=prefixes, group_by=group_by)

    @property
    def duplicates(self) -> int:
        """How many conversations are duplicates of an earlier one: they have its `conversation_id`."""
        return duplicates.count(self)

    def deduplicate(self) -> "Samples":
        """Keep the first of conversations with the same id; the report counts the others as ``duplicate``.

        A record that says otherwise what is trained (weights) is a duplicate, too: what the first one says holds.
        """
        return duplicates.remove(self)

    def relabel(
        self, rules: Rules, *, normalize: Normalize = "none", allow_context: bool = False
    ) -> "Samples":
        """Give tokens other weights by rules, of which the last that holds for a token decides.

        The samples are those that an expansion with these weights would give: an answer of which nothing is trained any
        more is no target, and conversations without it are arranged anew. Nothing is rendered or encoded. The samples
        must have been expanded with ``provenance``.

        >>> from everyturn import Expander, Rule
        >>> chat = [
        ...     {"role": "user", "content": "Hi"},
        ...     {"role": "assistant", "content": "Hey"},
        ...     {"role": "user", "content": "1+1?"},
        ...     {"role": "assistant", "content": "2"},
        ... ]
        >>> samples = Expander("demo", provenance=True).expand([{"messages": chat}])
        >>> last = samples.relabel([Rule(weight=0), Rule(weight="own", answers="-1")])
        >>> samples.targets.tolist(), last.targets.tolist()
        ([1, 3], [3])

        Args:
            rules: `everyturn.Rule`, or mappings as JSON has them.
            normalize: As of `Expander`.
            allow_context: Rules may train tokens that the model is not to emit: those of users, tools or the template.
                Rows are then left as they are, but for those without a trained token.

        Returns:
            Samples whose metadata has the rules under ``rules``.

        Raises:
            OptionsError: A rule is wrong or looks at what the samples do not have; the samples do not say what wrote
                their tokens, are normalized already, or train all tokens; a rule has a ``span``, and `renderer` is
                None.
        """
        return relabel(self, rules, normalize=normalize, allow_context=allow_context)

    def unroll(self) -> "Iterator[Unrolled]":
        """Give what is trained as it is in rows of its own, whatever the layout: with all that comes before it.

        Equal, in some order, in the layouts ``per_turn``, ``merged`` and ``tree``.

        >>> from everyturn import Expander
        >>> chat = {
        ...     "messages": [
        ...         {"role": "user", "content": "Hi"},
        ...         {"role": "assistant", "content": "Hey"},
        ...     ]
        ... }
        >>> expander = Expander("demo", layout="tree")
        >>> [expander.renderer.decode(one.completion) for one in expander.expand([chat]).unroll()]
        ['Hey<|im_end|>']
        """
        return unroll(self)

    def pad(
        self,
        *,
        pad_token_id: int,
        side: PaddingSide = "right",
        multiple_of: int = 1,
        max_length: int | None = None,
    ) -> Batch:
        """Make rows of one length.

        Args:
            pad_token_id: The padding of ``input_ids``, e.g. `Renderer.pad_token_id`.
            side: Where rows are padded, ``right`` or ``left``.
            multiple_of: The length is a multiple of this.
            max_length: The length of all rows; None is that of the longest, up to a multiple.

        Raises:
            SampleError: A sample is longer than ``max_length``; nothing is cut. Or the samples are trees, of which
                `everyturn.torch.TreeCollator` makes batches.
            OptionsError: An option has a value that it does not take.
        """
        return pad(
            self,
            pad_token_id=pad_token_id,
            side=side,
            multiple_of=multiple_of,
            max_length=max_length,
        )

    def pack(
        self, max_length: int, *, strategy: PackStrategy = "bfd", keep_conversations: bool = False
    ) -> Packed:
        """Concatenate samples in rows of at most ``max_length`` tokens.

        Args:
            max_length: The most tokens of a row.
            strategy: ``bfd`` (the longest first, each into the row that it fills best) or ``sequential`` (in order, a
                new row wherever the next sample does not fit).
            keep_conversations: Samples of one record are next to each other in one row. Where all of them together are
                longer than a row, they are cut between samples into as few rows as their order needs, and counted as
                ``spread_conversations``.

        Raises:
            SampleError: A sample is longer than ``max_length``; nothing is cut.
            OptionsError: An option has a value that it does not take.
        """
        return pack(self, max_length, strategy=strategy, keep_conversations=keep_conversations)

    def save(self, path: StrPath) -> None:
        """Write a folder that `load` maps into memory: under a temporary name next to it, then renamed.

        Raises:
            FileExistsError: There is something of this name already.
        """
        storage.save(self, path)

    @staticmethod
    def load(path: StrPath, *, mmap: bool = True, renderer: Renderer | None = None) -> "Samples":
        """Read what `save` wrote.

        Args:
            path: The folder.
            mmap: Map the arrays into memory, read-only, instead of reading them.
            renderer: What made the samples, by which their text is known.

        Raises:
            InputError: The folder is none that this version can read, or is damaged.
            OptionsError: The samples were made by another renderer.
        """
        return _made_by(renderer, Samples(**storage.load(path, mmap=mmap)), path)

    @staticmethod
    def from_parquet(path: StrPath, *, renderer: Renderer | None = None) -> "Samples":
        """Read a file that `to_parquet` or the command line wrote.

        Their report counts what is there: what was dropped is not in the file.

        Args:
            path: The file.
            renderer: What made the samples, by which their text is known.

        Raises:
            InputError: The file cannot be read, or is none of samples.
            OptionsError: The samples were made by another renderer.
        """
        from everyturn.samples import from_arrow

        return _made_by(renderer, from_arrow.read_parquet(path), path)

    def to_arrow(self) -> "pa.Table":
        """Return the samples as a table; the columns are named in `everyturn.samples.parquet`."""
        from everyturn.samples import parquet

        return parquet.to_table(self, with_weights=self.loss_weights is not None)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the table of `to_arrow` to a library that takes Arrow's interface, as ``pyarrow.table(samples)``."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_polars(self) -> "pl.DataFrame":
        """Return the table of `to_arrow` as a data frame of polars.

        Raises:
            ModuleNotFoundError: polars is not installed.
        """
        return frames.to_polars(self.to_arrow())

    def to_pandas(self) -> "pd.DataFrame":
        """Return the table of `to_arrow` as a data frame of pandas; lists are arrays of numpy.

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        return frames.to_pandas(self.to_arrow())

    def to_parquet(self, path: StrPath) -> None:
        """Write a Parquet file: to a temporary name next to it, then renamed."""
        from everyturn.samples.writer import Writer

        with Writer(path, types=types_in(self.kept, places_in(self))) as writer:
            writer.write(self)


def _made_by(renderer: Renderer | None, samples: Samples, path: StrPath) -> Samples:
    """Give samples that were read their renderer."""
    if renderer is not None and renderer.fingerprint != samples.metadata["fingerprint"]:
        raise OptionsError(
            f"{path}: these samples were made by another renderer than {renderer}: model, template, server, template "
            "arguments and stop token must be the same"
        )
    return dataclasses.replace(samples, renderer=renderer)
