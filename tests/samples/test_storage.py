"""Samples on disk: what is saved is what is loaded, whole or not at all."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import everyturn
from chats import named_chat, to_jsonl

SOURCES: dict[str, bytes] = {
    "plain": to_jsonl([named_chat("Ada", 3), named_chat("Bob", 1)]),
    "weighted": to_jsonl([named_chat("Eve", 1, weight=0.5), named_chat("Kim", 2)]),
    "empty": b"",
    "faulty": to_jsonl([named_chat("Ada", 1), {"messages": [{"role": "bot", "content": "x"}]}]),
}


@pytest.fixture(scope="module")
def expanded() -> dict[str, everyturn.Samples]:
    """Samples by name."""
    expander = everyturn.Expander("demo", layout="per_turn", on_error="skip")
    return {name: expander.expand(source) for name, source in SOURCES.items()}


# --------------------------------------------------------------------------------------------
# On disk
# --------------------------------------------------------------------------------------------


def assert_same(one: everyturn.Samples, other: everyturn.Samples) -> None:
    """All columns, the report and the metadata are equal."""
    names = {field.name for field in dataclasses.fields(everyturn.Samples)}
    for name in names - {"renderer"}:
        mine, theirs = getattr(one, name), getattr(other, name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == theirs.dtype, name
            assert mine.shape == theirs.shape, name
            assert mine.tolist() == theirs.tolist(), name
        else:
            assert mine == theirs, name


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("name", sorted(SOURCES))
def test_what_is_saved_is_what_is_loaded(
    expanded: dict[str, everyturn.Samples], tmp_path: Path, name: str, *, mmap: bool
) -> None:
    """Arrays, origins, report and metadata come back; loaded samples go with fresh ones."""
    samples = expanded[name]
    samples.save(tmp_path / "saved")
    loaded = everyturn.Samples.load(tmp_path / "saved", mmap=mmap)
    assert_same(samples, loaded)
    if len(samples):
        assert loaded.input_ids.flags.writeable is not mmap
    assert len(everyturn.Samples.concatenate([loaded, samples])) == 2 * len(samples)
    assert [entry.name for entry in tmp_path.iterdir()] == ["saved"]


def test_nothing_is_overwritten(expanded: dict[str, everyturn.Samples], tmp_path: Path) -> None:
    """What has the name keeps it, and no temporary folder stays."""
    for make in (Path.mkdir, Path.touch):
        path = tmp_path / "saved"
        make(path)
        with pytest.raises(FileExistsError, match="saved"):
            expanded["plain"].save(path)
        assert list(tmp_path.iterdir()) == [path]
        path.rmdir() if path.is_dir() else path.unlink()


def test_a_failed_save_leaves_nothing(
    expanded: dict[str, everyturn.Samples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name appears with the last byte, or never."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(json, "dumps", fail)
    with pytest.raises(OSError, match="no space left"):
        expanded["plain"].save(tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


def damage_nothing_there(folder: Path) -> None:
    """Take the folder away."""
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def damage_array_cut(folder: Path) -> None:
    """Leave out the last bytes of an array."""
    file = folder / "input_ids.npy"
    file.write_bytes(file.read_bytes()[:-8])


def damage_array_missing(folder: Path) -> None:
    """Leave out an array."""
    (folder / "labels.npy").unlink()


def damage_array_other(folder: Path) -> None:
    """Replace an array by another."""
    np.save(folder / "labels.npy", np.zeros(3, dtype=np.int32))


def damage_manifest(folder: Path) -> None:
    """Cut the manifest."""
    file = folder / "samples.json"
    file.write_text(file.read_text(encoding="utf-8")[:-9], encoding="utf-8")


def damage_version(folder: Path) -> None:
    """Name a version that is not known yet."""
    file = folder / "samples.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**manifest, "format_version": 99}), encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        damage_nothing_there,
        damage_array_cut,
        damage_array_missing,
        damage_array_other,
        damage_manifest,
        damage_version,
    ],
)
def test_a_damaged_folder_is_an_input_error(
    expanded: dict[str, everyturn.Samples], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """It is found when the folder is loaded, and the error names it."""
    folder = tmp_path / "saved"
    expanded["plain"].save(folder)
    damage(folder)
    with pytest.raises(everyturn.InputError, match="saved") as caught:
        everyturn.Samples.load(folder)
    assert (caught.value.kind, caught.value.file) == ("io", str(folder))
