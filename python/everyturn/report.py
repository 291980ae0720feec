"""What became of every line and every target."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.faults import Fault, Notes
from everyturn.report_text import report_lines, summary


@dataclasses.dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Report:
    """The account of an expansion; reports of parts add up with ``+``, an `OptionsError` where their options differ.

    ``records_read == records_kept + sum(records_dropped.values())`` and
    ``targets_found == targets_trained + sum(targets_dropped.values())``, always.

    Attributes:
        train_on: The option, as the report's one line names it.
        server: The server whose prompts were made, with its version; None for ``serve="template"``.
        now: The local time that the template was shown, ISO; None if it does not ask for the date.
        records_read: Lines that are not blank, or records of an iterable; of trees of messages, their paths.
        blank_lines: Lines of white space; in a JSON document, those on which no record starts.
        records_kept: Records that gave at least one sample.
        records_dropped: The others by cause: a kind of error, ``no_target``, ``all_targets_dropped`` or ``duplicate``
            (see `Samples.deduplicate`).
        targets_found: Assistant messages that were to be trained.
        targets_trained: Those that are, each once.
        targets_dropped: The others by kind of error, or ``duplicate``.
        rows: Samples.
        tokens: Tokens of all samples.
        trained_tokens: Tokens that have a label.
        warnings: What cost no sample and is worth knowing, by name.
        warning_places: For each warning that has places, the first five, each with what was found there.
        control_tokens: Control tokens in the text of messages, with how often they occur: the first 200 of them in
            alphabetical order.
        control_tokens_omitted: How often all others occur.
        unread_keys: Keys of messages that the template never looked at, with the number of messages: what they hold
            is not trained. The first 200 of them in alphabetical order, each up to 100 characters.
        unread_keys_omitted: How often messages have one of the others.
        unread_record_keys: Keys of records that nothing reads, with the number of records; bounded as ``unread_keys``.
        unread_record_keys_omitted: How often records have one of the others.
        unread_arguments: Template arguments of records (``chat_template_kwargs``) that the template does not read, with
            the number of records: a misspelt name does nothing. As many as of ``unread_keys``.
        unread_arguments_omitted: How often records have one of the others.
        template_arguments: The arguments that the template reads.
        faults: Every fault by name, the first ten thousand.
        faults_omitted: How many more there were.
    """

    train_on: str
    server: str | None = None
    now: str | None = None
    records_read: int = 0
    blank_lines: int = 0
    records_kept: int = 0
    records_dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    targets_found: int = 0
    targets_trained: int = 0
    targets_dropped: Mapping[str, int] = dataclasses.field(default_factory=dict)
    rows: int = 0
    tokens: int = 0
    trained_tokens: int = 0
    warnings: Mapping[str, int] = dataclasses.field(default_factory=dict)
    warning_places: Mapping[str, tuple[Fault, ...]] = dataclasses.field(default_factory=dict)
    control_tokens: Mapping[str, int] = dataclasses.field(default_factory=dict)
    control_tokens_omitted: int = 0
    unread_keys: Mapping[str, int] = dataclasses.field(default_factory=dict)
    unread_keys_omitted: int = 0
    unread_record_keys: Mapping[str, int] = dataclasses.field(default_factory=dict)
    unread_record_keys_omitted: int = 0
    unread_arguments: Mapping[str, int] = dataclasses.field(default_factory=dict)
    unread_arguments_omitted: int = 0
    template_arguments: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    faults_omitted: int = 0

    @classmethod
    def from_core(cls, counts: Mapping[str, Any], **same: Any) -> "Report":
        """Build the report from the core's dict, and what is the same for all parts of a run."""
        faults = tuple(Fault(*fault) for fault in counts["faults"])
        places = {
            name: tuple(Fault(*place) for place in places)
            for name, places in counts["warning_places"].items()
        }
        return cls(**{**counts, **same, "faults": faults, "warning_places": places})

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Report":
        """Build the report that `to_dict` gave."""
        faults = tuple(Fault(**fault) for fault in plain["faults"])
        places = {
            name: tuple(Fault(**place) for place in places)
            for name, places in plain["warning_places"].items()
        }
        arguments = tuple(plain["template_arguments"])
        changes = {
            "faults": faults,
            "warning_places": places,
            "template_arguments": arguments,
        }
        return cls(**{**plain, **changes})

    def __add__(self, other: "Report") -> "Report":
        if any(getattr(self, name) != getattr(other, name) for name in _SAME):
            raise OptionsError("reports of different options cannot be added")
        total: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name == "warning_places":
                total[field.name] = {
                    name: (mine.get(name, ()) + theirs.get(name, ()))[: _core.MAX_WARNING_PLACES]
                    for name in sorted({*mine, *theirs})
                }
            elif isinstance(mine, Mapping):
                total[field.name] = {
                    name: _count(name, mine.get(name, 0), theirs.get(name, 0))
                    for name in sorted({*mine, *theirs})
                }
            elif field.name not in _SAME:
                total[field.name] = mine + theirs
        for field_name in _BOUNDED:
            counts = total[field_name]
            total[field_name] = dict(list(counts.items())[: _core.MAX_NAMES])
            omitted = sum(counts.values()) - sum(total[field_name].values())
            total[f"{field_name}_omitted"] += omitted
        named = total["faults"][:MAX_NAMED_FAULTS]
        total["faults_omitted"] += len(total["faults"]) - len(named)
        same = {name: getattr(self, name) for name in _SAME}
        return Report(**{**total, "faults": named, **same})

    def __str__(self) -> str:
        return summary(self)

    def __repr__(self) -> str:
        lost = {
            "records_dropped": sum(self.records_dropped.values()),
            "targets_dropped": sum(self.targets_dropped.values()),
            "warnings": list(self.warnings),
        }
        words = "".join(f", {name}={value}" for name, value in lost.items() if value)
        return (
            f"Report(records={self.records_read}, targets={self.targets_trained}, samples={self.rows}, "
            f"tokens={self.tokens}, trained={self.trained_tokens}{words})"
        )

    def _repr_html_(self) -> str:
        from everyturn.inspect.notebook import lines_html

        return lines_html(self.lines())

    def lines(self, notes: Notes | None = None) -> list[str]:
        """The report as text: the one line, then what was dropped and what is worth knowing.

        Faults are grouped: for each kind its causes, with the first place of each. Of names that data decide (keys,
        arguments, control tokens) the first twenty are shown, and how often there are others.

        Args:
            notes: What else is known of faults.
        """
        return list(report_lines(self, notes or Notes()))

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON types."""
        return dataclasses.asdict(self)


MAX_NAMED_FAULTS = 10_000
"""Faults beyond this number are counted but not listed, so that a report stays small."""

_OF_THE_MODEL = "stop_not_in_generation_config"
"""The warning about the model, which each stream of a run gives once."""


def _count(name: str, mine: int, theirs: int) -> int:
    """Add two counts; what is said of the model is counted once, in however many parts it is said."""
    return max(mine, theirs) if name == _OF_THE_MODEL else mine + theirs


_BOUNDED = ("control_tokens", "unread_keys", "unread_record_keys", "unread_arguments")
"""Counts of names that come from the data; what is omitted from each is counted in a separate field.

Those that are first in alphabetical order are kept: so the sum does not depend on how an input was cut into parts.
"""

_SAME = ("train_on", "server", "now", "template_arguments")
"""What reports that add up have in common."""
