"""Conversations to samples."""

import dataclasses
import functools
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.io.inputs import Source, raising_reader_errors, resolve, total_bytes
from everyturn.io.records import Record
from everyturn.options import (
    TRAIN_ON_ALIASES,
    ControlTokens,
    Header,
    InputFormat,
    Layout,
    Media,
    NonFinite,
    Normalize,
    OnError,
    Overflow,
    PromptMismatch,
    StrPath,
    Thinking,
    TrainOn,
    Undesired,
    check_count,
    check_optional_count,
    check_type,
    option,
)
from everyturn.progress import progress_bar
from everyturn.renderer import Renderer
from everyturn.report import Report
from everyturn.samples import Kept, Samples
from everyturn.samples.keep_option import Keep, Keys, stated
from everyturn.samples.provenance import carried_keys
from everyturn.wording import did_you_mean
from everyturn.workers import Workers

if TYPE_CHECKING:
    from everyturn.stats import Stats

CHUNK_BYTES: int = _core.CHUNK_BYTES
"""About how much text `Expander.stream` takes at a time by default."""


Class = TypeVar("Class", bound=type)


def refusing_unknown_options(made: Class) -> Class:
    """Let a class of options say what it does with a keyword that is not one, as all that take options do."""
    init: Callable[..., None] = made.__init__  # type: ignore[misc]

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **options: Any) -> None:
        check_options(name for name in options if name != "renderer_or_path")
        init(self, *args, **options)

    made.__init__ = checked  # type: ignore[misc]
    return made


def _type_of(name: str) -> Any:
    """The type of an option."""
    return typing.get_type_hints(Expander)[name]


@refusing_unknown_options
@dataclasses.dataclass(frozen=True)
class Expander:
    """Turns conversations into training samples of one model.

    Frozen, safe to use from many threads, picklable. The result depends on the input and the options alone, never on
    the number of threads.

    >>> chat = [
    ...     {"role": "user", "content": "1+1?"},
    ...     {"role": "assistant", "content": "2"},
    ...     {"role": "user", "content": "And 2+2?"},
    ...     {"role": "assistant", "content": "4"},
    ... ]
    >>> report = Expander("demo").expand([{"messages": chat}]).report
    >>> f"{report.targets_trained} targets, {report.trained_tokens} of {report.tokens} tokens trained"
    '2 targets, 4 of 37 tokens trained'

    Attributes:
        renderer: Template and tokenizer; the first argument is a Renderer or a model folder.
        train_on: Which assistant messages are trained: ``all_assistant_messages``, ``last_assistant_message``,
            ``last_assistant_turn`` (all after the last user message), ``marked`` (those with a weight of their own
            above 0) or ``all_tokens`` (every token has a label). Names of other trainers are understood. A message's
            own ``weight``, ``trainable``, ``train``, ``loss``, ``loss_weight`` or ``output_with_loss`` is a factor of
            its loss if it is chosen here; 0 is context only in any case.
        layout: ``per_turn`` (a sample per target), ``merged`` (the fewest samples that carry the same pairs of prompt
            and target), ``tree`` (one prefix tree a conversation: what prompts have in common is in it once, for
            models whose attention takes a mask) or ``conversation`` (rendered once, inexact where the template
            rewrites history).
        max_length: The most tokens of a sample, or None.
        overflow: A longer sample is an ``error``; ``drop`` drops its target; ``shrink_history`` drops the oldest
            exchanges before it until it fits; ``truncate_prompt`` cuts the prompt's first tokens. A target is never
            cut: one that does not fit even so is a fault.
        history_turns: A prompt shows system messages, tools and the last ``history_turns`` exchanges, rendered again:
            what a server with that window sends. An exchange starts at a user message; the one that a target answers
            counts. None shows all. The serving side calls `everyturn.window`.
        max_prompt_tokens: The oldest exchanges of a prompt with more tokens are dropped, until it fits.
        prompt_mismatch: A prompt that is not a prefix of its turn's own rendering is an ``error``, or ``skip`` drops
            the target; ``match_thinking`` renders both with the thinking flag that fits the message; ``splice`` trains
            the message's own text, reasoning included, after what the prompt already wrote; ``common_prefix`` trains
            from where the two part, which is not what inference shows. The report counts each use. The layout
            ``conversation`` has no prompts and counts such targets as inexact.
        thinking: ``as_rendered`` asks for thinking as the template does by itself, or as `template_kwargs` say;
            ``match`` renders every target with the template's thinking switch that fits the message, so that an
            answer without reasoning comes after the prompt of a server that is asked not to think. A turn
            that the template writes alike whatever it is asked stays as it is rendered. An `OptionsError` where the
            template writes thinking and has no switch for it; nothing changes where it writes none.
        header: A template without a generation prompt, or with one in some places only, writes the header of an answer
            (``<|im_start|>assistant``) once the answer is there: ``as_rendered`` trains the model to write it there,
            since no server does; ``context`` puts it into the prompt, for a server that writes it. An `OptionsError`
            where no header can be told.
        control_tokens: Control tokens in the text of a record: ``allow`` and ``warn`` (counted) encode them as
            control tokens, as Hugging Face does; ``literal`` encodes them as the plain text that they are,
            wherever the template puts them, with the ids of transformers' ``sanitize_control_tokens=True``, and is a
            fault where the tokenizer makes the token of any text; ``reject`` is a fault, of the record whose texts hold
            one, or of the targets in which the template makes one. Control tokens are the special tokens and those
            added tokens that the template writes or the model's files declare; others are text.
        normalize: What the weight of a trained token is divided by: nothing (``none``), the number of trained tokens
            of its sample (``sample``) or of all samples of its conversation (``conversation``). With a loss that is the
            sum of weighted token losses, samples or conversations then count alike, whatever their lengths.
        deduplicate: Of conversations that are the same (`Samples.conversation_id`) the first is kept, the others are
            dropped as ``duplicate``; 16 bytes are held in memory for each conversation.
        input_format: ``auto`` (each file's first records show it), ``messages`` (OpenAI's or Anthropic's),
            ``sharegpt``, ``alpaca``, ``prompt_completion``, ``query_response`` and ``exchanges`` (ms-swift, xtuner) or
            ``responses`` (OpenAI's). Trees of messages are found by ``auto`` alone.
        map: Other names of keys: the name that is read, and the one that records have instead, for instance
            ``{"messages": "dialog", "role": "speaker", "content": "text"}``. The error about a record whose format is
            not known proposes one.
        roles: Other names of roles, and the roles that they are: ``{"bot": "assistant"}``.
        undesired: Answers that their record calls undesired (``"label": false``, ``kto_tag``, ``rejected..``) are an
            ``error``; ``skip`` trains none of them; ``ignore`` does not look at such keys.
        media: Images, sounds and videos beside the text, and placeholders such as ``<image>``, are an ``error``;
            ``text`` leaves media out and takes placeholders for text.
        non_finite: ``NaN``, ``Infinity`` and floats beyond 64 bits in records, which JSON does not have, are an
            ``error``, or ``read`` as numbers, as Python's `json` does.
        keep: Keys of the records whose values samples carry along, into tables, files and items: names, or names with
            types (``{"score": "float64"}``: ``bool``, ``int64``, ``float64``, ``string``, ``json`` or a list of one,
            ``list<string>``). Where none is stated, a file has the types that its first 1,000 conversations show. A
            record without a key has null.
        provenance: Samples say of each run of tokens what wrote it (``run_kinds``, ``run_messages``, ``run_answers``),
            and carry what rules look at in messages, as `Samples.relabel` needs it.
        keep_texts: With ``provenance``: the texts of messages, too, for rules that look at them.
        on_error: ``raise`` at the first fault, or ``skip`` and count it.
        max_line_bytes: A longer line is a fault.
        num_threads: None is one per core.

    Raises:
        OptionsError: An option is unknown, or has a value that it does not take.
    """

    renderer_or_path: dataclasses.InitVar[Renderer | StrPath]
    _: dataclasses.KW_ONLY
    train_on: TrainOn = option(
        "all_assistant_messages", summary="which assistant messages are trained"
    )
    layout: Layout = option(
        "merged", summary="how the pairs of prompt and target are arranged in samples"
    )
    max_length: int | None = option(
        None, count=True, summary="the maximum number of tokens of a sample"
    )
    overflow: Overflow = option("error", summary="what becomes of a longer sample")
    history_turns: int | None = option(
        None,
        count=True,
        summary="show prompts the last N exchanges only, as a server with that window would",
    )
    max_prompt_tokens: int | None = option(
        None, count=True, summary="leave the oldest exchanges out of a longer prompt"
    )
    prompt_mismatch: PromptMismatch = option(
        "error",
        summary="what becomes of a prompt that is not a prefix of its turn's own rendering",
    )
    thinking: Thinking = option(
        "as_rendered", summary="how the thinking switch of the template is set for each target"
    )
    header: Header = option(
        "as_rendered",
        summary="where the header of an answer belongs if the template's prompts lack it",
    )
    control_tokens: ControlTokens = option(
        "warn", summary="what becomes of control tokens in the text of messages"
    )
    normalize: Normalize = option(
        "none",
        per_record=False,
        summary="weight the loss so that samples, or conversations, count equally",
    )
    deduplicate: bool = option(
        False,  # noqa: FBT003 - a default
        per_record=False,
        summary="keep the first of conversations that are the same",
    )
    input_format: InputFormat = option("auto", reading=True, summary="the format of the records")
    map: Mapping[str, str] | None = option(
        None,
        reading=True,
        summary="other names of keys: messages=dialog reads the key dialog as messages",
    )
    roles: Mapping[str, str] | None = option(
        None,
        reading=True,
        summary="other names of roles: bot=assistant reads the role bot as assistant",
    )
    undesired: Undesired = option(
        "error",
        reading=True,
        summary="what becomes of answers that their record marks as undesired",
    )
    media: Media = option(
        "error", reading=True, summary="what becomes of images, sounds and videos beside the text"
    )
    non_finite: NonFinite = option(
        "error", reading=True, summary="what becomes of NaN and Infinity, which JSON does not have"
    )
    keep: Keys = option(
        (),
        reading=True,
        summary="keys of the records to copy into the samples, e.g. id,score:float64",
    )
    provenance: bool = option(
        False,  # noqa: FBT003 - a default
        per_record=False,
        summary="record what wrote each token, which relabel needs",
    )
    keep_texts: bool = option(
        False,  # noqa: FBT003 - a default
        per_record=False,
        summary="with --provenance, also copy the texts of messages, for rules that search them",
    )
    on_error: OnError = option(
        "raise", per_record=False, summary="stop at the first fault, or count it and continue"
    )
    max_line_bytes: int = option(
        _core.MAX_LINE_BYTES, count=True, reading=True, summary="a longer line is a fault"
    )
    num_threads: int | None = option(
        None, count=True, reading=True, summary="default: one per core"
    )
    renderer: Renderer = dataclasses.field(init=False)
    _expander: _core.Expander = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self, renderer_or_path: Renderer | StrPath) -> None:
        given = renderer_or_path
        renderer = given if isinstance(given, Renderer) else Renderer.from_dir(given)
        object.__setattr__(self, "renderer", renderer)
        for field in dataclasses.fields(self):
            value: Any = getattr(self, field.name, None)
            if field.name in OPTION_NAMES:
                check_type(
                    field.name, value, field.default, functools.partial(_type_of, field.name)
                )
            if field.metadata.get("count"):
                check = check_optional_count if field.default is None else check_count
                object.__setattr__(self, field.name, check(field.name, value))
        object.__setattr__(self, "train_on", TRAIN_ON_ALIASES.get(self.train_on, self.train_on))
        object.__setattr__(self, "keep", stated(self.keep))
        core = _core.Expander(renderer._core, **self._core_options())  # noqa: SLF001
        object.__setattr__(self, "_expander", core)

    def options(self) -> dict[str, Any]:
        """The options by name."""
        return {name: getattr(self, name) for name in OPTION_NAMES}

    def _core_options(self) -> dict[str, Any]:
        """The options as the core takes them: which types values have is nothing to it."""
        return {**self.options(), "keep": [name for name, _ in stated(self.keep)]}

    @property
    def kept_keys(self) -> Keep:
        """What samples carry along, each with its type or None: the keys of ``keep``, then the facts of messages."""
        return carried_keys(self.options())

    def reading(self) -> dict[str, Any]:
        """The options by which records are found in a source, as `everyturn.io.records.Records` takes them."""
        return {name: getattr(self, name) for name in ("input_format", "map", "max_line_bytes")}

    def replace(self, **changes: Any) -> "Expander":
        """Return an expander of the same model with some options changed.

        >>> Expander("demo").replace(layout="per_turn").layout
        'per_turn'

        Raises:
            OptionsError: An option is unknown, or has a value that it does not take.
        """
        check_options(changes)
        return Expander(self.renderer, **{**self.options(), **changes})

    def expand(
        self, source: Source, *, limit: int | None = None, progress: bool = False
    ) -> Samples:
        """Expand everything in the source.

        Args:
            source: A path, a glob, ``"-"`` (stdin), a list of paths, bytes, a binary file object, an iterable of
                dict, or a table of pyarrow, polars, pandas or Hugging Face datasets. A file holds JSON lines, a JSON
                list or objects (compressed or not), Parquet, Arrow's formats or CSV, as its content shows; a folder
                is one that ``save_to_disk`` of datasets has written. See ``docs/files.md``.
            limit: Stop after this many records.
            progress: Show a bar, in a terminal (on stderr) or a notebook.

        Raises:
            EveryturnError: At the first fault, unless ``on_error`` or a policy skips it.
        """
        stream, files = self._open(source, CHUNK_BYTES, limit)
        parts: list[Samples] = []
        if progress:
            with progress_bar(total_bytes([*files]), is_shown=True) as advance:
                parts = [samples for samples, _ in self._chunks(stream, files, advance)]
        if parts:
            return Samples.concatenate(parts)
        with raising_reader_errors():
            return self._samples(stream.rest(), files)

    def expand_records(self, records: Iterable[Record]) -> tuple[Samples, npt.NDArray[np.int64]]:
        r"""Expand records that were read already, or are somewhere else: with their locations and formats.

        Where the format of a record is None, its own keys show it. A text that is blank counts as a blank line.

        >>> chat = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]}'
        >>> records = [Record("a.jsonl", 7, None, b""), Record("a.jsonl", 9, None, chat)]
        >>> samples, of_records = Expander("demo").expand_records(records)
        >>> samples[0].file, samples[0].line, of_records.tolist()
        ('a.jsonl', 9, [1])

        Returns:
            The samples, and for each the index of its record among those that were given.

        Raises:
            EveryturnError: At the first fault, unless ``on_error`` or a policy skips it.
        """
        chunk, files, of_records = self._expander.expand_records(list(records))
        return self._samples(chunk, tuple(files)), of_records

    def stream(
        self,
        source: Source,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        limit: int | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[Samples]:
        """Expand the source a chunk at a time, in order, with bounded memory.

        Args:
            source: As in `expand`.
            chunk_bytes: About how much text a chunk holds.
            limit: Stop after this many records.
            on_bytes: Called for each chunk with the number of bytes taken from the source so far.

        Returns:
            An iterator over the samples of a chunk with their report; reports add up.
        """
        chunks = self.stream_with_lines(
            source, chunk_bytes=chunk_bytes, limit=limit, on_bytes=on_bytes
        )
        return (samples for samples, _ in chunks)

    def stream_with_lines(
        self,
        source: Source,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        limit: int | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[Samples, int]]:
        """Expand the source as `stream` does, and say of each chunk where the rest of its file begins.

        Args:
            source: As in `stream`, and so are the other options.
            chunk_bytes: Likewise.
            limit: Likewise.
            on_bytes: Likewise.

        Returns:
            An iterator over the samples of a chunk and the 1-based line after it, from which `Share` can read on.
        """
        stream, files = self._open(source, chunk_bytes, limit)
        return self._chunks(stream, files, on_bytes)

    def stats(
        self,
        source: Source,
        *,
        limit: int | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> "Stats":
        """Tell what the source is made of, and what each layout and train_on would cost, in one pass.

        Faults are counted, never raised. Rows are not dropped for their length: `Stats` says how many are longer than
        ``max_length``. Memory does not grow with the source, except for 16 bytes per conversation.

        >>> chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]
        >>> stats = Expander("demo").stats([{"messages": chat}] * 3)
        >>> stats.conversations, stats.duplicates, stats.variant.lengths.quantile(0.5)
        (3, 2, 16)

        Args:
            source: As in `expand`.
            limit: Stop after this many records.
            on_bytes: As in `stream`.
        """
        from everyturn.stats import stats

        return stats(self, source, limit=limit, chunk_bytes=CHUNK_BYTES, on_bytes=on_bytes)

    def _chunks(
        self,
        stream: _core.Stream,
        files: tuple[str, ...],
        on_bytes: Callable[[int], None] | None,
    ) -> Iterator[tuple[Samples, int]]:
        while True:
            with raising_reader_errors():
                chunk = stream.next_chunk()
            if chunk is None:
                return
            if on_bytes is not None:
                on_bytes(stream.bytes_taken)
            yield self._samples(chunk, files), stream.next_line

    def workers(self) -> Workers:
        """The threads that it works on, ``num_threads`` of them, for what is made of its samples meanwhile."""
        return Workers(self._expander.pool)

    def empty(self) -> Samples:
        """No samples, with this expander's columns and metadata."""
        return self.expand([])

    def _open(
        self, source: Source, chunk_bytes: int, limit: int | None
    ) -> tuple[_core.Stream, tuple[str, ...]]:
        check_count("chunk_bytes", chunk_bytes)
        check_optional_count("limit", limit, least=0)
        inputs, files = resolve(source)
        return self._expander.open(inputs, chunk_bytes, limit), tuple(files)

    def _samples(self, chunk: dict[str, Any], files: tuple[str, ...]) -> Samples:
        report = self._report(chunk.pop("report"))
        kept = Kept.from_core(self.kept_keys, *chunk.pop("kept"))
        return Samples(
            **chunk,
            files=files,
            report=report,
            metadata=self.metadata(),
            kept=kept,
            renderer=self.renderer,
        )

    def _report(self, counts: dict[str, Any]) -> Report:
        """Return the report that the core has counted."""
        return Report.from_core(
            counts,
            train_on=self.train_on,
            server=self.renderer.server,
            now=self.clock,
            template_arguments=self.renderer.template_arguments,
        )

    def metadata(self) -> dict[str, Any]:
        """Version, fingerprint, clock and options, as samples and files carry them."""
        options = self.options()
        # They say how fast, not what.
        del options["num_threads"], options["max_line_bytes"]
        options["keep"] = dict(stated(self.keep))
        return {
            "version": _core.__version__,
            "fingerprint": self.renderer.fingerprint,
            "serve": self.renderer.serve,
            "server": self.renderer.server,
            "content_format": self.renderer.content_format,
            "tokenizer": self.renderer.tokenizer,
            "stop_token": self.renderer.stop_token,
            "now": self.clock,
            "options": options,
        }

    @property
    def clock(self) -> str | None:
        """The local time that the template shows, ISO; None where it shows none."""
        return self.renderer.now if self.renderer.asks_for_the_date else None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.renderer, self.options())


OPTION_NAMES = tuple(
    field.name for field in dataclasses.fields(Expander) if field.kw_only and field.init
)
"""The options of `Expander`, in order; the command line has a flag for each."""


def options_with(mark: str) -> tuple[str, ...]:
    """The names of the options that are declared with a mark; see `everyturn.options.option`.

    >>> options_with("reading")
    ('input_format', 'map', 'roles', 'undesired', 'media', 'non_finite', 'keep', 'max_line_bytes', 'num_threads')
    """
    return tuple(field.name for field in dataclasses.fields(Expander) if field.metadata.get(mark))


def check_options(given: Iterable[str], *, own: Iterable[str] = ()) -> None:
    """Refuse names that are not options of `Expander`.

    Args:
        given: The names.
        own: Further options of the caller, for suggestions.

    Raises:
        OptionsError: The text names the option, and suggests similar ones.
    """
    for name in given:
        if name not in OPTION_NAMES:
            raise OptionsError(
                f"{name} is not an option{did_you_mean(name, [*OPTION_NAMES, *own])}"
            )


def _rebuild(renderer: Renderer, options: dict[str, Any]) -> Expander:
    return Expander(renderer, **options)
