"""A folder of shards on disk: what is in it, what may be, and how far a run has come.

In: what a run is of (its plan). Out: the folder, locked, with the progress of an earlier run of the same plan. Files
appear when they are whole: ``part-00000.parquet`` and so on, ``.progress.json`` after each of them, ``.manifest.json``
at the end. Both are hidden, because readers take every other file of a folder for Parquet. Nothing here expands.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from everyturn.atomic import TEMPORARY, appearing
from everyturn.exceptions import InputError, OptionsError, system_words
from everyturn.io import identity
from everyturn.io.json_lines import loads
from everyturn.report import Report
from everyturn.samples.kept_types import Types

if sys.platform != "win32":
    import fcntl

FORMAT = "everyturn.shards"
FORMAT_VERSION = 3
SHARD_TOKENS = 100_000_000
"""About how many tokens a shard holds by default: some hundred megabytes on disk."""

MANIFEST = ".manifest.json"
PROGRESS = ".progress.json"
FORMER = ("manifest.json", "progress.json")
"""The names that both had before version 3, by which an older folder is known."""

_OWN_NAMES = re.compile(r"part-\d{5,}\.parquet|\.manifest\.json|\.progress\.json")

Plan = dict[str, Any]
"""What a run is of, as plain JSON types: version, fingerprint, clock, options, inputs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardFile:
    """One shard as the manifest describes it.

    Attributes:
        name: The file's name in the folder.
        rows: Samples.
        tokens: Tokens of all samples.
        bytes: The file's size.
        sha256: The hash of the file's bytes, in hexadecimal digits.
    """

    name: str
    rows: int
    tokens: int
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path, *, rows: int, tokens: int) -> "ShardFile":
        """Describe a file that is whole."""
        with path.open("rb") as file:
            digest = identity.sha256(file)
        return cls(
            name=path.name, rows=rows, tokens=tokens, bytes=path.stat().st_size, sha256=digest
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run has come when a shard is whole.

    Reading begins again at the chunk in which the shard ended, and what is in a shard already is dropped: so reports,
    which are those of chunks, add up to that of a run without an interruption.

    Attributes:
        shards: The shards that are whole.
        report: The account of all lines before ``line`` of ``file``.
        file: The 0-based input where reading begins again.
        line: Its 1-based line.
        written: Input and line of the last conversation in a shard; (0, 0) where there is none.
        types: The types of kept columns in all shards; None where they were not shown yet.
    """

    shards: tuple[ShardFile, ...] = ()
    report: Report
    file: int = 0
    line: int = 1
    written: tuple[int, int] = (0, 0)
    types: Types | None = None

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Progress":
        """Build the progress that `dataclasses.asdict` gave."""
        return cls(
            shards=_shards(plain),
            report=Report.from_dict(plain["report"]),
            file=plain["file"],
            line=plain["line"],
            written=(plain["written"][0], plain["written"][1]),
            types=plain["types"],
        )


class Folder:
    """A folder that this process alone writes to; made by `opened`.

    Attributes:
        path: The folder.
        manifest: What a finished run has left, or None.
        progress: What an unfinished run has left, or None.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path = path
        self._plan = plan
        for name in FORMER:
            _read(path / name)
        self.manifest = _read(path / MANIFEST)
        self.progress: Progress | None = None
        left = self.manifest or _read(path / PROGRESS)
        was_begun = left is not None
        if left is not None and not (self.manifest or left["shards"] or left["plan"] == plan):
            # A run that ended before its first shard has left nothing to resume.
            left = None
        if left is not None:
            _check_plan(path, left["plan"], plan)
            _check_files(path, _shards(left))
            if self.manifest is None:
                self.progress = Progress.from_dict(left)
        if self.manifest is None:
            self._clean(was_begun=was_begun)

    def shard(self, number: int) -> Path:
        """The name of a shard, counted from 0."""
        return self.path / f"part-{number:05d}.parquet"

    def save_progress(self, progress: Progress) -> None:
        """Note that a shard is whole."""
        self._write(PROGRESS, dataclasses.asdict(progress))

    def finish(self, shards: tuple[ShardFile, ...], report: Report) -> None:
        """Write the manifest: from now on the folder is whole."""
        listed = [dataclasses.asdict(shard) for shard in shards]
        self._write(MANIFEST, {"shards": listed, "report": report.to_dict()})
        self.forget_progress()

    def forget_progress(self) -> None:
        """A finished folder has none."""
        (self.path / PROGRESS).unlink(missing_ok=True)

    def result(self) -> tuple[tuple[ShardFile, ...], Report]:
        """Return the shards and the report of a finished folder."""
        manifest = self.manifest or {}
        return _shards(manifest), Report.from_dict(manifest["report"])

    def _write(self, name: str, content: dict[str, Any]) -> None:
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "plan": self._plan}
        whole = {**head, **content}
        with appearing(self.path / name) as temporary:
            text = json.dumps({**whole, "sha256": _digest(whole)}, ensure_ascii=False, indent=1)
            temporary.write_bytes(f"{text}\n".encode("utf-8", "surrogateescape"))

    def _clean(self, *, was_begun: bool) -> None:
        """Remove what a killed run has left half-written; refuse what no run has written."""
        whole = 0 if self.progress is None else len(self.progress.shards)
        # The next shard may have got its name before the progress said so: it is written again.
        own = {PROGRESS, *(self.shard(number).name for number in range(whole + 1))}
        if not was_begun:
            own = set()
        names = sorted(os.listdir(self.path))  # noqa: PTH208
        foreign = [name for name in names if name not in own and not _is_temporary(name)]
        if foreign:
            shown = ", ".join(foreign[:3]) + (", .." if len(foreign) > 3 else "")  # noqa: PLR2004
            raise OptionsError(
                f"{self.path}: the folder has files that everyturn did not write ({shown}): "
                "name a new or an empty folder"
            )
        for name in names:
            if _is_temporary(name):
                (self.path / name).unlink()


def _is_temporary(name: str) -> bool:
    found = re.fullmatch(TEMPORARY, name)
    return found is not None and _OWN_NAMES.fullmatch(found["name"]) is not None


@contextlib.contextmanager
def opened(path: Path, plan: Plan) -> Iterator[Folder]:
    """Open a folder for a run, and make it where there is none.

    Raises:
        OptionsError: The folder is of another plan, holds files of others, or another process is writing to it.
        InputError: What an earlier run has left is damaged.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise OptionsError(f"{path}: {system_words(error)}") from error
    with _locked(path):
        # As in a file: what a run has read and written since its lock is what counts.
        yield Folder(path, json.loads(json.dumps(plan)))


def is_one(path: Path) -> bool:
    """Whether a run has written to the folder."""
    return any((path / name).is_file() for name in (MANIFEST, PROGRESS, *FORMER))


def clock_of(path: Path) -> str | None:
    """Return the local time that templates were shown in an unfinished or finished run, where it matters."""
    left = _read(path / MANIFEST) or _read(path / PROGRESS)
    now: str | None = None if left is None else left["plan"].get("now")
    return now


def inputs_of(path: Path) -> dict[str, identity.Identity]:
    """Return what an unfinished or finished run has noted of its inputs, by their names."""
    left = _read(path / MANIFEST) or _read(path / PROGRESS)
    return {} if left is None else {one["name"]: one for one in left["plan"]["inputs"]}


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let no other process write to the folder; the lock ends with the process, however it ends.

    Windows has no locks of folders: there callers see to it, as for any file.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OptionsError(f"{path}: another process is writing to the folder") from None
        except OSError:
            # A file system without locks: then callers see to it, as for any file.
            pass
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = loads(path.read_bytes().decode("utf-8", "surrogateescape"))
        known = content["format"], content["format_version"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError.in_file(
            str(path), f"was not written by everyturn, or is damaged ({error})"
        ) from error
    if known != (FORMAT, FORMAT_VERSION):
        raise InputError.in_file(
            str(path),
            f"is {known[0]}, version {known[1]}, which this version cannot read: name another folder, or remove this "
            "one",
        )
    if content.pop("sha256", None) != _digest(content):
        raise InputError.in_file(
            str(path),
            "is damaged: it is not what everyturn wrote there. Remove the folder and run again",
        )
    return content


def _digest(content: dict[str, Any]) -> str:
    """Return the hash of what a file says, however it is laid out."""
    text = json.dumps(content, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _shards(content: Mapping[str, Any]) -> tuple[ShardFile, ...]:
    return tuple(ShardFile(**shard) for shard in content["shards"])


def _check_plan(path: Path, there: Plan, here: Plan) -> None:
    """Refuse to resume with another model, other options or other inputs."""
    differences = [
        *_differences("", _without_inputs(there), _without_inputs(here)),
        *identity.differences(there["inputs"], here["inputs"]),
    ]
    if differences:
        shown = "; ".join(differences[:5]) + ("; .." if len(differences) > 5 else "")  # noqa: PLR2004
        raise OptionsError(
            f"{path}: the folder belongs to another run: {shown}. Name another folder, or remove this one"
        )


def _without_inputs(plan: Plan) -> Plan:
    return {name: value for name, value in plan.items() if name != "inputs"}


def _differences(name: str, there: Any, here: Any) -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys((*there, *here)):
            of = key if name in ("", "options") else f"{name}.{key}"
            if key in there and key in here:
                yield from _differences(of, there[key], here[key])
            else:
                yield f"{of}: only {'there' if key in there else 'here'}"
    elif there != here:
        yield f"{name}: {json.dumps(there)} there, {json.dumps(here)} here"


def _check_files(path: Path, shards: tuple[ShardFile, ...]) -> None:
    """Refuse to build on shards that are gone or changed."""
    for shard in shards:
        file = path / shard.name
        if not file.is_file():
            found = "is missing"
        elif (size := file.stat().st_size) != shard.bytes:
            found = f"has {size:,} bytes instead of {shard.bytes:,}"
        elif ShardFile.of(file, rows=shard.rows, tokens=shard.tokens) != shard:
            found = "has other bytes than were written"
        else:
            continue
        raise InputError.in_file(str(file), f"{found}: remove the folder and run again")
