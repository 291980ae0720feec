"""The expansion of one table after another, in any process.

In: a model, options and tables. Out: tables of samples, and a report of each batch in a folder. What a record is, is
decided by `io.arrow_rows`; where it comes from, by `origins`.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from everyturn import _core
from everyturn.arrow import reports as batch_reports
from everyturn.arrow.lines import FILE, FORMAT, LINE, TEXT, TOO_LONG
from everyturn.arrow.origins import Origins
from everyturn.exceptions import InputError, OptionsError
from everyturn.expander import Expander, check_options
from everyturn.io.arrow_rows import column_of, json_lines, json_values, no_column
from everyturn.io.json_lines import json_text
from everyturn.io.records import Record
from everyturn.options import InputFormat, StrPath
from everyturn.renderer import Renderer
from everyturn.report import Report
from everyturn.samples.keep_option import Keep, Keys, parsed, stated
from everyturn.samples.kept_arrow import arrays, to_arrow_type
from everyturn.samples.kept_types import Types, places_in
from everyturn.samples.parquet import has_weights, refuse_weights, to_table
from everyturn.samples.provenance import carried_keys

_NO_TIME = "1970-01-01T00:00:00"
"""The clock of a template that does not ask for the date, so that equal preparers have equal pickles."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of the input mean what; see `Preparer`."""

    json_column: str | None = None
    file_column: str | None = None
    line_column: str | None = None
    format_column: str | None = None
    too_long_column: str | None = None


class Preparer:
    """Turns tables of records into tables of samples.

    Pickles as what it is made from; a copy loads the model when it is first called, and refuses a model folder that is
    not the one it was made from. So it can be sent to workers of any kind.

    >>> import pyarrow as pa
    >>> chat = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]
    >>> table = pa.table({"messages": [chat, chat], "id": ["a", "b"]})
    >>> prepared = Preparer("demo", keep=["id"])(table)
    >>> prepared["id"].to_pylist(), prepared["n_trained"].to_pylist()
    (['a', 'b'], [2, 2])

    Records are the rows of the table. A null in a column or in a struct is a key that the record does not have, because
    Arrow fills structs up with nulls; a null in a map or in JSON text stays. ``conversation_id`` is that of
    `Expander.expand` of the same dict. Where the columns fit more than one
    format, ``input_format`` has to; JSON text needs it, too, as no batch sees the first records.

    ``file`` and ``line`` are those of the input's columns, else null: a batch does not know its position. Errors and
    faults without them name ``<table>`` and the row of the batch, counted from 1.

    Args:
        model: A Renderer, or a model folder.
        json_column: The column that holds each record as JSON text or bytes, instead of columns for its keys.
        file_column: The column of the records' files.
        line_column: The column of their lines.
        format_column: The column of their formats, null where none is known, instead of ``input_format``.
        keep: What samples take over from their records: columns of the input, with their types unless others are
            stated, or else keys of the JSON text, whose types have to be stated, as no batch sees them all. As in
            `Expander`, names, or names with types. Times and decimals are texts where samples are read again.
        loss_weights: Whether there is a column of weights: the schema must not depend on what a batch holds. Without
            it a weight other than 0 and 1 is an error. It is there, too, where `normalize` makes such weights.
        reports: A folder, the same for all processes, where they leave their reports; `read_reports` adds them up.
            Needed for ``on_error="skip"``, so that nothing is lost uncounted.
        options: The options of `Expander`; ``num_threads`` is 1 unless given.

    Raises:
        OptionsError: An option is unknown or has a value that it does not take here.
    """

    def __init__(
        self,
        model: Renderer | StrPath,
        *,
        json_column: str | None = None,
        file_column: str | None = None,
        line_column: str | None = None,
        format_column: str | None = None,
        keep: Keys = (),
        loss_weights: bool = False,
        reports: StrPath | None = None,
        **options: Any,
    ) -> None:
        columns = {
            "json_column": json_column,
            "file_column": file_column,
            "line_column": line_column,
            "format_column": format_column,
        }
        check_options(options, own=[*columns, "loss_weights", "reports"])
        expander = Expander(model, **{"num_threads": 1, "keep": keep, **options})
        self._expander: Expander | None = expander
        self._model = _model_of(expander.renderer)
        self._options = expander.options()
        self._columns = Columns(**columns)
        self._with_weights = has_weights(self._options, loss_weights=loss_weights)
        self._reports = None if reports is None else str(Path(reports).absolute())
        self._check()

    def _check(self) -> None:
        if self._options["deduplicate"]:
            raise OptionsError(
                "deduplicate needs all records in order, and a batch has only its own"
            )
        if self._options["on_error"] == "skip" and self._reports is None:
            raise OptionsError(
                'on_error="skip" needs reports=FOLDER, so that what is dropped is counted'
            )
        columns = self._columns
        by_text = columns.json_column is not None
        if by_text and self._options["input_format"] == "auto" and columns.format_column is None:
            raise OptionsError(
                "input_format: state the format of the JSON text: one batch cannot show it for all records"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_expander": None}

    @classmethod
    def of_lines(cls, model: Renderer | StrPath, **options: Any) -> "Preparer":
        """Return a preparer of the tables of `everyturn.arrow.lines`."""
        preparer = cls(
            model,
            json_column=TEXT,
            file_column=FILE,
            line_column=LINE,
            format_column=FORMAT,
            **options,
        )
        preparer._columns = dataclasses.replace(preparer._columns, too_long_column=TOO_LONG)
        return preparer

    @property
    def expander(self) -> Expander:
        """What expands, made in this process when it is first needed."""
        if self._expander is None:
            rebuild, arguments = self._model
            self._expander = Expander(rebuild(*arguments), **self._options)
        return self._expander

    @property
    def schema(self) -> pa.Schema:
        """The schema of all results, without the columns of ``keep``, which follow it."""
        empty = self.expander.empty()
        return to_table(empty, with_weights=self._with_weights, types={}).schema

    def __call__(self, table: pa.Table) -> pa.Table:
        """Expand the records of a table.

        Returns:
            The samples in the order of the records; `schema` holds also where there are none.

        Raises:
            EveryturnError: At the first fault, unless ``on_error`` or a policy skips it; the text names the record.
        """
        types = self._types_in_text(table)
        carried = {name for name, _ in self._keep}
        lines = json_lines(table, self._columns.json_column, self._not_of_records(), carried)
        origins = Origins.of(table, self._columns.file_column, self._columns.line_column)
        samples, rows = self.expander.expand_records(self._records(table, lines, origins))
        if not self._with_weights and samples.loss_weights is not None:
            refuse_weights(samples)
        prepared = to_table(samples, with_weights=self._with_weights, types={})
        of_text = arrays(samples.kept, types, places_in(samples))
        made = self._with_columns(prepared, table, pa.array(rows), origins, of_text)
        # Of a batch that fails there is no report: nothing came of its records.
        if self._reports is not None:
            batch = batch_reports.identity(lines, origins)
            batch_reports.write(self._reports, batch, samples.report)
        return made

    def batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Expand record batch by record batch: what ``DataFrame.mapInArrow`` of Spark calls."""
        for batch in batches:
            yield from self(pa.Table.from_batches([batch])).combine_chunks().to_batches()

    def _not_of_records(self) -> set[str]:
        """The columns that are not keys of records."""
        columns = self._columns
        others = (
            columns.file_column,
            columns.line_column,
            columns.format_column,
            columns.too_long_column,
        )
        return {name for name in others if name is not None}

    @property
    def _keep(self) -> Keep:
        return stated(self._options["keep"])

    def _types_in_text(self, table: pa.Table) -> Types:
        """The types of what samples carry along that is in no column of the table.

        Raises:
            OptionsError: There is no JSON text that may have them, or no type is stated for one.
        """
        own = {self._columns.json_column, *self._not_of_records()}
        columns = set(table.column_names).difference(own if self._columns.json_column else ())
        keys = [(name, type_) for name, type_ in self._keep if name not in columns]
        for name, type_ in keys:
            if self._columns.json_column is None:
                raise OptionsError(f"keep: {no_column(table, name)}")
            if type_ is None:
                raise OptionsError(
                    f'keep: state the type of {name!r}, e.g. keep={{"{name}": "string"}}: no batch shows the values '
                    "of all JSON texts"
                )
        # What is said of messages is in no column either.
        made = [key for key in carried_keys(self._options) if key not in self._keep]
        return {name: parsed(name, type_) for name, type_ in [*keys, *made] if type_ is not None}

    def _records(self, table: pa.Table, lines: list[bytes], origins: Origins) -> Iterator[Record]:
        """The rows as records with their locations and formats."""
        formats, too_long = self._formats(table), self._too_long(table)
        for (file, line), name, is_too_long, text in zip(
            origins.locations(len(table)), formats, too_long, lines, strict=True
        ):
            yield Record(file, line, name, None if is_too_long else text)

    def _too_long(self, table: pa.Table) -> list[bool]:
        name = self._columns.too_long_column
        if name is None:
            return [False] * len(table)
        too_long: list[bool] = column_of(table, name, pa.bool_()).to_pylist()
        return too_long

    def _formats(self, table: pa.Table) -> list[str | None]:
        """The format of each record, or None where its own keys show it."""
        name = self._columns.format_column
        if name is None:
            return [self._format(table)] * len(table)
        formats: list[str | None] = column_of(table, name, pa.string()).to_pylist()
        return formats

    def _format(self, table: pa.Table) -> str | None:
        """The format of all records: that of the option, or the one that the column names show."""
        given: InputFormat = self._options["input_format"]
        if given != "auto" or self._columns.json_column is not None:
            return given
        names = set(table.column_names) - set(self._not_of_records())
        # What is carried along may be called as in another format.
        kept = {name for name, _ in self._keep}
        formats = _core.formats_of_keys(names - kept) or _core.formats_of_keys(names)
        if len(formats) > 1:
            raise OptionsError(
                f"input_format: name it, because the columns fit several formats: {', '.join(formats)}"
            )
        return formats[0] if formats else None

    def _with_columns(
        self,
        prepared: pa.Table,
        table: pa.Table,
        rows: pa.Array,
        origins: Origins,
        of_text: Mapping[str, pa.Array],
    ) -> pa.Table:
        """Put in where the records of the rows come from, and what is kept of them."""
        for name, column in (("file", origins.file), ("line", origins.line)):
            at = prepared.schema.get_field_index(name)
            field = prepared.schema.field(name)
            values = pa.nulls(len(rows), field.type) if column is None else column.take(rows)
            prepared = prepared.set_column(at, field, values)
        for name, type_ in carried_keys(self._options):
            if name in of_text:
                prepared = prepared.append_column(name, of_text[name])
                continue
            column, field = column_of(table, name).take(rows), table.schema.field(name)
            if type_ is None:
                _check_carried(name, column)
            else:
                column, field = (
                    _cast(name, column, type_),
                    pa.field(name, to_arrow_type(parsed(name, type_))),
                )
            prepared = prepared.append_column(field, column)
        return prepared


def _check_carried(name: str, column: pa.ChunkedArray) -> None:
    """Refuse a column that files could have and samples could not read back."""
    try:
        json_values(name, column)
    except InputError as error:
        raise OptionsError(
            f"keep: {name!r} is {column.type} in the table, which samples cannot carry ({error.__cause__}): cast it, "
            "or state a type"
        ) from error


def _cast(name: str, column: pa.ChunkedArray, type_: str) -> pa.ChunkedArray:
    """Return a column in the type that is stated for it."""
    try:
        if type_ == "json":
            values = json_values(name, column, null_fields=True)
            texts = [None if value is None else json_text(value) for value in values]
            return pa.chunked_array([pa.array(texts, pa.string())])
        if (
            type_ == "string"
            and pa.types.is_temporal(column.type)
            and not pa.types.is_duration(column.type)
        ):
            # Arrow spells times otherwise than records do, which have no durations.
            return pa.chunked_array([pa.array(json_values(name, column), pa.string())])
        return column.cast(to_arrow_type(parsed(name, type_)))
    except (pa.ArrowException, InputError) as error:
        raise OptionsError(
            f"keep: {name!r} is {column.type} in the table, and not {type_}: {error}"
        ) from error


def read_reports(folder: StrPath) -> Report:
    """Add up the reports that preparers left in a folder.

    A batch that was run twice, as after a lost worker, is counted once: batches are distinguished by their records and
    origins. So without ``line_column``, whole batches that are equal count as one.

    Raises:
        InputError: The folder holds no report.
    """
    return batch_reports.read(folder)


def _model_of(renderer: Renderer) -> tuple[Callable[..., Renderer], tuple[Any, ...]]:
    """What makes the renderer again, in the same bytes for the same model."""
    rebuild, (sources, fingerprint) = renderer.__reduce__()
    if not renderer.asks_for_the_date:
        sources = dataclasses.replace(sources, now=_NO_TIME)
    return rebuild, (sources, fingerprint)
