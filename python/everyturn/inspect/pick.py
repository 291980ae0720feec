"""Which records are inspected.

In: a source, and the line or the number of records that is wanted. Out: records as they stand, each with the format of
its file. Nothing of them is parsed here.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path

from everyturn.exceptions import JsonlError, OptionsError
from everyturn.expander import Expander
from everyturn.io.inputs import Source
from everyturn.io.records import Record, Records


def records(expander: Expander, source: Source) -> Iterator[Record]:
    """Return the records of a source, read as the expander reads it."""
    return Records(source, **expander.reading())


def file_and_line(text: str) -> tuple[str, int | None]:
    """Split ``FILE:LINE``; the line is None where there is none, or where a file has the whole name.

    >>> file_and_line("chats.jsonl:12"), file_and_line("chats.jsonl")
    (('chats.jsonl', 12), ('chats.jsonl', None))

    Raises:
        OptionsError: Lines are counted from 1.
    """
    found = re.fullmatch(r"(?s)(.+):(\d{1,18})", text)
    if found is None or Path(text).exists():
        return text, None
    name, line = found[1], int(found[2])
    if line < 1:
        raise OptionsError(f"{text}: lines are counted from 1")
    return name, line


def records_at(expander: Expander, source: str, number: int | None) -> list[Record]:
    """Return the records of that line, of the first one if it is None: a tree of messages is several.

    Raises:
        JsonlError: The source has no records.
        OptionsError: It has none in that line.
    """
    found: list[Record] = []
    last = None
    for record in records(expander, source):
        last = record.line
        number = last if number is None else number
        if last == number:
            found.append(record)
        elif found or last > number:
            break
    if last is None:
        raise JsonlError.in_file(source, "holds no records")
    if found:
        return found
    if number is not None and last > number:
        raise OptionsError(
            f"{source}:{number}: the line is blank, or a message of a tree that is not the last of its path"
        )
    raise OptionsError(
        f"{source}:{number}: there is no such line: the last record is in line {last}"
    )


def random_records(
    expander: Expander, source: str, limit: int, seed: int
) -> tuple[list[Record], int]:
    """Return `limit` random records of a source, in its order, and how many it has.

    Each record is as likely to be among them as any other; the same seed and source give the same records. Only
    those that are kept are held in memory (a reservoir: Vitter's algorithm R).

    Raises:
        JsonlError: The source has no records.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    kept: list[Record] = []
    count = 0
    for record in records(expander, source):
        count += 1
        if len(kept) < limit:
            kept.append(record)
        elif (place := chance.randrange(count)) < limit:
            kept[place] = record
    if not kept:
        raise JsonlError.in_file(source, "holds no records")
    return sorted(kept, key=lambda record: record.line), count
