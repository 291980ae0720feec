"""Batches of one length, and samples on disk."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import everyturn
from chats import named_chat, to_jsonl
from everyturn.options import PaddingSide

PAD = 3


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
# Batches
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", ["plain", "weighted"])
@pytest.mark.parametrize("multiple_of", [1, 64])
def test_each_row_is_its_sample_and_padding(
    expanded: dict[str, everyturn.Samples], name: str, side: PaddingSide, multiple_of: int
) -> None:
    """All columns are padded alike, on the side that was asked for."""
    samples = expanded[name]
    batch = samples.pad(pad_token_id=PAD, side=side, multiple_of=multiple_of)
    longest = int(samples.lengths.max())
    length = -(-longest // multiple_of) * multiple_of
    assert batch.input_ids.shape == (len(batch), length) == (len(samples), length)
    for row, sample in enumerate(samples):
        tokens = len(sample.input_ids)
        missing = length - tokens

        def padded(values: Any, padding: int, missing: int = missing) -> list[Any]:
            fill = [padding] * missing
            return [*values, *fill] if side == "right" else [*fill, *values]

        assert batch.input_ids[row].tolist() == padded(sample.input_ids, PAD)
        assert batch.attention_mask[row].tolist() == padded([1] * tokens, 0)
        assert batch.labels[row].tolist() == padded(sample.labels, -100)
        assert batch.position_ids[row].tolist() == padded(range(tokens), 0)
        if sample.loss_weights is None:
            assert batch.loss_weights is None
        else:
            assert batch.loss_weights is not None
            assert batch.loss_weights[row].tolist() == padded(sample.loss_weights, 0)


def test_a_batch_has_the_types_that_models_take(expanded: dict[str, everyturn.Samples]) -> None:
    """Ids, masks, labels and positions are int64, weights float32."""
    batch = expanded["weighted"].pad(pad_token_id=PAD)
    for array in (batch.input_ids, batch.attention_mask, batch.labels, batch.position_ids):
        assert array.dtype == np.int64
        assert array.flags.c_contiguous
        assert array.flags.writeable
    assert batch.loss_weights is not None
    assert batch.loss_weights.dtype == np.float32


def test_a_length_that_is_given_is_the_length(expanded: dict[str, everyturn.Samples]) -> None:
    """Rows of a fixed length suit compiled models."""
    samples = expanded["plain"]
    assert samples.pad(pad_token_id=PAD, max_length=512).labels.shape == (len(samples), 512)
    longest = int(samples.lengths.max())
    assert samples.pad(pad_token_id=PAD, max_length=longest).labels.shape[1] == longest


def test_a_sample_that_does_not_fit_is_named(expanded: dict[str, everyturn.Samples]) -> None:
    """Nothing is cut."""
    samples = expanded["plain"]
    with pytest.raises(
        everyturn.SampleError, match=r"^<bytes>:1: .*more than max_length"
    ) as caught:
        samples.pad(pad_token_id=PAD, max_length=int(samples.lengths.max()) - 1)
    assert (caught.value.kind, caught.value.line) == ("too_long", 1)


def test_no_samples_make_an_empty_batch(expanded: dict[str, everyturn.Samples]) -> None:
    """No rows, of no length or of the one that was asked for."""
    assert expanded["empty"].pad(pad_token_id=PAD, multiple_of=8).input_ids.shape == (0, 0)
    assert expanded["empty"].pad(pad_token_id=PAD, max_length=8).input_ids.shape == (0, 8)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"side": "both"}, "side"),
        ({"multiple_of": 0}, "multiple_of"),
        ({"max_length": 0}, "max_length"),
        ({"max_length": 100, "multiple_of": 64}, "multiple_of"),
        ({"pad_token_id": None}, "pad_token_id"),
        ({"pad_token_id": -1}, "pad_token_id"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    expanded: dict[str, everyturn.Samples], options: dict[str, Any], named: str
) -> None:
    """The error names the option."""
    with pytest.raises(everyturn.OptionsError, match=named):
        expanded["plain"].pad(**{"pad_token_id": PAD, **options})


# --------------------------------------------------------------------------------------------
# On disk
# --------------------------------------------------------------------------------------------


def assert_same(one: everyturn.Samples, other: everyturn.Samples) -> None:
    """All columns, the report and the metadata are equal."""
    for name in (field.name for field in dataclasses.fields(everyturn.Samples)):
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
    """Put another array in the place of one."""
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
