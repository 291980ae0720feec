"""Whether an input is still the one that a run has read.

In: an input that can be read again. Out: what it is known by, as plain JSON types: its name, its size, when it was
modified, and a hash of its content; and what differs between two lists of these. Of large files only blocks are hashed
unless all of it is asked for; then the time of their modification counts, because the blocks do not show everything.
"""

import datetime as dt
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias, cast

from everyturn.exceptions import InputError, system_words
from everyturn.io.inputs import Whole, size_of
from everyturn.io.sections import Section
from everyturn.options import StrPath

HashInputs: TypeAlias = Literal["sampled", "whole"]

HASH_INPUTS: HashInputs = "sampled"
"""How large inputs are hashed by default."""

Identity: TypeAlias = Mapping[str, Any]
"""``name``; ``bytes``, ``modified`` (nanoseconds since 1970) and ``hash``, which are None where there is none. A
section of a file is known by the file and, as ``section``, by where it is."""

WHOLE_BYTES = 64 << 20
"""Files up to this size are hashed whole."""

_BLOCKS = 64
_BLOCK_BYTES = 64 << 10
_WHOLE, _SAMPLED = "sha256", "sha256-of-blocks"


def identify(
    name: str, source: Whole, hash_inputs: HashInputs, there: Identity | None = None
) -> Identity:
    """Return what an input is known by.

    Args:
        name: The input's name.
        source: The input as a source of its own.
        hash_inputs: Whether large files are hashed whole.
        there: What an earlier run has noted of the input of this name: it is hashed in the same way.

    Raises:
        InputError: The file cannot be read.
    """
    if isinstance(source, Section):
        file = identify(name, source.path, hash_inputs, there)
        places = {"start": source.start, "line": source.first_line, "bytes": source.bytes}
        return {**file, "section": {**places, "in_line": source.in_line, "kind": source.kind}}
    if isinstance(source, bytes):
        digest = hashlib.sha256(source).hexdigest()
        known = {"bytes": len(source), "modified": None, "hash": f"{_WHOLE}:{digest}"}
    elif size_of(source) is None:
        known = {"bytes": None, "modified": None, "hash": None}
    else:
        is_whole = hash_inputs == "whole"
        if there is not None and there["hash"] is not None:
            is_whole = there["hash"].startswith(f"{_WHOLE}:")
        known = _of_file(cast("StrPath", source), is_whole=is_whole)
    return {"name": name, **known}


def is_as_before(one: Identity, source: Whole) -> bool:
    """Whether size and time say that nothing was written to a file since it was identified."""
    if one["modified"] is None:
        return True
    try:
        status = os.stat(source.path if isinstance(source, Section) else cast("StrPath", source))  # noqa: PTH116
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (one["bytes"], one["modified"])


def differences(there: Sequence[Identity], here: Sequence[Identity]) -> Iterator[str]:
    """Say by name which inputs are not those of an earlier run."""
    if len(there) != len(here):
        yield f"inputs: {len(there)} there, {len(here)} here"
    for number, (one, other) in enumerate(zip(there, here, strict=False), start=1):
        name = other["name"]
        if one["name"] != name:
            yield f"inputs[{number}]: {one['name']} there, {name} here"
        elif one["bytes"] != other["bytes"]:
            yield f"{name}: {_bytes(one)} there, {_bytes(other)} here"
        elif one["hash"] != other["hash"]:
            yield f"{name}: its content has changed, at the same size"
        elif one.get("section") != other.get("section"):
            yield f"{name}: it is cut at other places"
        elif one["modified"] != other["modified"] and _is_sampled(one):
            yield (
                f"{name}: it was modified at {_time(one)} there and at {_time(other)} here, and the blocks that are "
                'hashed of a large file do not show whether it is the same (hash_inputs="whole", --hash-inputs whole, '
                "hashes all of it)"
            )


def _bytes(one: Identity) -> str:
    return "a stream" if one["bytes"] is None else f"{one['bytes']:,} bytes"


def _of_file(path: StrPath, *, is_whole: bool) -> dict[str, Any]:
    try:
        with Path(path).open("rb") as file:
            status = os.fstat(file.fileno())
            if is_whole or status.st_size <= WHOLE_BYTES:
                digest = f"{_WHOLE}:{sha256(file)}"
            else:
                digest = f"{_SAMPLED}:{_of_blocks(file, status.st_size)}"
    except OSError as error:
        raise InputError.in_file(str(path), system_words(error)) from error
    return {"bytes": status.st_size, "modified": status.st_mtime_ns, "hash": digest}


def _of_blocks(file: BinaryIO, size: int) -> str:
    """Hash blocks that are spread over a file, its first and its last among them."""
    digest = hashlib.sha256()
    for number in range(_BLOCKS):
        file.seek((size - _BLOCK_BYTES) * number // (_BLOCKS - 1))
        digest.update(file.read(_BLOCK_BYTES))
    return digest.hexdigest()


def sha256(file: BinaryIO) -> str:
    """Return the hash of what is left of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _is_sampled(one: Identity) -> bool:
    return str(one["hash"]).startswith(f"{_SAMPLED}:")


def _time(one: Identity) -> str:
    at = dt.datetime.fromtimestamp(one["modified"] / 1e9, tz=dt.timezone.utc)
    return at.isoformat(timespec="seconds")
