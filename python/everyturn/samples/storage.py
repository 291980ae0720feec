"""Samples on disk, to be mapped into memory.

In: samples. Out: a folder with a ``.npy`` file per array and ``samples.json`` for the rest. Read back, arrays are
mapped, not read: a sample costs the pages that it is on, and processes of one machine share them. For files that other
tools read, see `everyturn.samples.parquet`.
"""

import dataclasses
import json
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from everyturn.atomic import appearing
from everyturn.exceptions import EveryturnError, InputError
from everyturn.io.json_lines import loads
from everyturn.options import StrPath
from everyturn.report import Report
from everyturn.samples.columns import ARRAYS, COLUMNS
from everyturn.samples.keep_option import Keep
from everyturn.samples.kept import Kept, Texts

if TYPE_CHECKING:
    from everyturn.samples.table import Samples

FORMAT = "everyturn.samples"
FORMAT_VERSION = 3
MANIFEST = "samples.json"


def save(samples: "Samples", path: StrPath) -> None:
    """Write a folder, which appears when it is whole; see `Samples.save`."""
    folder = Path(path)
    if folder.exists():
        raise FileExistsError(f"{folder}: exists already: name a new folder")
    arrays = {name: getattr(samples, name) for name in ARRAYS}
    present = {name: array for name, array in arrays.items() if array is not None}
    present |= _kept_arrays(samples.kept.compact())
    with appearing(folder) as temporary:
        temporary.mkdir()
        for name, array in present.items():
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)
        manifest = json.dumps(_manifest(samples, present))
        (temporary / MANIFEST).write_text(manifest, encoding="utf-8")


def load(path: StrPath, *, mmap: bool = True) -> dict[str, Any]:
    """Read what `save` wrote, as the fields of `Samples`; see `Samples.load`."""
    folder = Path(path)
    try:
        return _load(folder, mmap=mmap)
    except EveryturnError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError.in_file(folder, f"{MANIFEST} is damaged ({error!r})") from error


def _load(folder: Path, *, mmap: bool) -> dict[str, Any]:
    try:
        manifest = loads((folder / MANIFEST).read_text(encoding="utf-8"))
        known = manifest["format"], manifest["format_version"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError.in_file(folder, f"is not a folder of saved samples ({error})") from error
    if known != (FORMAT, FORMAT_VERSION):
        raise InputError.in_file(
            folder, f"holds {known[0]}, version {known[1]}, which this version cannot read"
        )
    arrays = {
        name: _read(folder, name, described, mmap=mmap)
        for name, described in manifest["arrays"].items()
    }
    kept = _kept(tuple((name, type_) for name, type_ in manifest["kept"]), arrays)
    optional = {column.name for column in COLUMNS if column.is_optional}
    missing = sorted(set(ARRAYS) - optional - set(arrays))
    if missing:
        raise InputError.in_file(folder, f"has no {missing[0]}, which this version needs")
    return {
        **dict.fromkeys(optional),
        **arrays,
        "kept": kept,
        "files": tuple(manifest["files"]),
        "report": Report.from_dict(manifest["report"]),
        "metadata": manifest["metadata"],
    }


def _kept_arrays(kept: Kept) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of kept values, by names that no key can have an effect on."""
    if not kept.stated:
        return {}
    arrays: dict[str, npt.NDArray[Any]] = {_KEPT_ROWS: kept.rows}
    for number, texts in enumerate(kept.texts):
        arrays |= {
            _kept_name(number, "data"): texts.data,
            _kept_name(number, "offsets"): texts.offsets,
        }
    return arrays


def _kept(stated: Keep, arrays: dict[str, Any]) -> Kept:
    """Take the kept values out of arrays that were read."""
    if not stated:
        return Kept()
    texts = tuple(
        Texts(arrays.pop(_kept_name(number, "data")), arrays.pop(_kept_name(number, "offsets")))
        for number in range(len(stated))
    )
    return Kept(stated, texts, arrays.pop(_KEPT_ROWS))


_KEPT_ROWS = "kept_rows"


def _kept_name(number: int, of: str) -> str:
    return f"kept_{number}_{of}"


def _manifest(samples: "Samples", arrays: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "arrays": {
            name: {"dtype": array.dtype.name, "shape": array.shape}
            for name, array in arrays.items()
        },
        "kept": samples.kept.stated,
        "files": samples.files,
        "metadata": samples.metadata,
        "report": dataclasses.asdict(samples.report),
    }


def _read(folder: Path, name: str, described: dict[str, Any], *, mmap: bool) -> npt.NDArray[Any]:
    """Map or read one array, which must be what the manifest says.

    Reading past the end of a truncated mapped file crashes the process.
    """
    shape = tuple(described["shape"])
    # An empty array has nothing to map.
    mode: Literal["r"] | None = "r" if mmap and 0 not in shape else None
    try:
        array: npt.NDArray[Any] = np.load(
            folder / f"{name}.npy", mmap_mode=mode, allow_pickle=False
        )
    except _UNREADABLE as error:
        raise InputError.in_file(folder, f"{name}.npy cannot be read ({error})") from error
    if (array.dtype.name, array.shape) != (described["dtype"], shape):
        raise InputError.in_file(folder, f"{name}.npy is not the array that {MANIFEST} describes")
    # A plain array over the map: slices of it are plain arrays, too.
    return np.asarray(array)


_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    SyntaxError,
    tokenize.TokenError,
)
"""What numpy raises where the header of a file, which it reads as Python, is damaged."""
