"""`everyturn relabel`: rules for samples on disk."""

import json
from pathlib import Path

import numpy as np
import pytest

import everyturn
from chats import named_chat, to_jsonl
from everyturn.cli import main
from everyturn.samples.columns import COLUMNS, OFFSETS

RULES = [{"weight": 0, "answers": "0"}, {"weight": 0.5, "text": "Ada"}]


@pytest.fixture
def expanded(tmp_path: Path) -> Path:
    """A file of samples whose tokens' provenance is known."""
    chats = tmp_path / "chats.jsonl"
    chats.write_bytes(to_jsonl([named_chat("Ada", 3), named_chat("Eve", 2)]))
    words = ["expand", str(chats), "--model", "demo", "--provenance", "--keep-texts"]
    assert main([*words, "-o", str(tmp_path / "all.parquet")]) == 0
    return tmp_path / "all.parquet"


def rules_in(folder: Path, rules: object) -> str:
    """Write a file of rules."""
    (folder / "rules.json").write_text(json.dumps(rules))
    return str(folder / "rules.json")


def assert_equal(found: everyturn.Samples, expected: everyturn.Samples) -> None:
    """All arrays are equal, and what is carried along."""
    for name in (*(column.name for column in COLUMNS), *OFFSETS.values()):
        mine, theirs = getattr(found, name), getattr(expected, name)
        assert (mine is None) == (theirs is None), name
        if mine is not None:
            np.testing.assert_array_equal(mine, theirs, err_msg=name)
    assert dict(found.kept) == dict(expected.kept)


def test_a_file_is_read_back_as_it_was_written(expanded: Path, tmp_path: Path) -> None:
    """With all columns, what is kept, and what it was made with."""
    for layout in ("merged", "tree", "per_turn"):
        expander = everyturn.Expander("demo", layout=layout, provenance=True, keep=["id"])
        samples = expander.expand(str(tmp_path / "chats.jsonl"))
        samples.to_parquet(tmp_path / f"{layout}.parquet")
        read = everyturn.Samples.from_parquet(tmp_path / f"{layout}.parquet")
        assert_equal(read, samples)
        assert read.metadata == json.loads(json.dumps(samples.metadata))
        assert read.report.trained_tokens == samples.report.trained_tokens
    assert everyturn.Samples.from_parquet(expanded).files == (str(tmp_path / "chats.jsonl"),)


def test_rules_are_applied_to_a_file_and_to_a_folder(
    expanded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in Python; the rules stand in the metadata, and the report says what is trained."""
    rules = rules_in(tmp_path, RULES)
    expected = everyturn.Samples.from_parquet(expanded).relabel(RULES)
    output = tmp_path / "train.parquet"
    assert main(["relabel", str(expanded), "--rules", rules, "-o", str(output)]) == 0
    assert_equal(everyturn.Samples.from_parquet(output), expected)
    assert everyturn.Samples.from_parquet(output).metadata["rules"] == [RULES]
    said = capsys.readouterr().err
    assert "rule 0: weight 0 for answers 0" in said
    everyturn.Samples.from_parquet(expanded).save(tmp_path / "saved")
    words = ["relabel", str(tmp_path / "saved"), "--rules", rules, "-o", str(tmp_path / "new")]
    assert main(words) == 0
    assert_equal(everyturn.Samples.load(tmp_path / "new"), expected)


def test_nothing_trained_is_an_error(
    expanded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in an expansion."""
    rules = rules_in(tmp_path, [{"weight": 0}])
    words = ["relabel", str(expanded), "--rules", rules, "-o", str(tmp_path / "none.parquet")]
    assert main(words) == 1
    assert "nothing is trained" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"weight": 0}, "expected a list of rules"),
        (
            [{"weight": 0, "kinds": "x"}],
            "rules.json: rule 0: a field of a rule: 'kinds' is unknown",
        ),
    ],
)
def test_wrong_rules_are_named(
    expanded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rules: object, text: str
) -> None:
    """With the file, and the number of the rule."""
    output = str(tmp_path / "train.parquet")
    words = ["relabel", str(expanded), "--rules", rules_in(tmp_path, rules), "-o", output]
    assert main(words) == 2
    assert text in capsys.readouterr().err


def test_files_that_are_not_of_samples_say_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name of nothing, an empty file, a chat file, and packs."""
    chats = tmp_path / "chats.jsonl"
    chats.write_bytes(to_jsonl([named_chat("Ada", 1)]))
    (tmp_path / "empty.parquet").touch()
    everyturn.Expander("demo").expand(str(chats)).pack(4096).to_parquet(tmp_path / "packs.parquet")
    flags = ["--rules", rules_in(tmp_path, []), "-o", str(tmp_path / "train.parquet")]
    for name, text in (
        ("nothing.parquet", "no such file"),
        ("empty.parquet", "is not a Parquet file"),
        ("chats.jsonl", "is not a Parquet file"),
        ("packs.parquet", "holds no samples"),
    ):
        assert main(["relabel", str(tmp_path / name), *flags]) == 2
        assert f"{name}: {text}" in capsys.readouterr().err


def test_nothing_of_others_is_overwritten(
    expanded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither what is read, nor a file that is not one of samples, nor a folder."""
    rules = rules_in(tmp_path, RULES)
    chats = tmp_path / "notes.jsonl"
    chats.write_text("mine")
    everyturn.Samples.from_parquet(expanded).save(tmp_path / "saved")
    everyturn.Samples.from_parquet(expanded).save(tmp_path / "other")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for source, output, text in (
        (expanded, expanded, "never overwritten"),
        (expanded, Path(rules), "never overwritten"),
        (expanded, chats, "is not a file of samples"),
        (expanded, tmp_path / "notes.txt", "must end in .parquet"),
        (expanded, f"{tmp_path / 'new'}/", "the input is a file, so this must be one"),
        (expanded, tmp_path / "no" / "train.parquet", "no such folder"),
        (tmp_path / "saved", tmp_path / "other", "folders are never overwritten"),
        (tmp_path / "saved", tmp_path / "saved", "never overwritten"),
    ):
        assert main(["relabel", str(source), "--rules", rules, "-o", str(output)]) == 2, output
        assert text in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    words = ["relabel", str(expanded), "--rules", rules, "-o", str(chats), "--overwrite"]
    assert main(words) == 0
    assert "wrote" in capsys.readouterr().err
    assert chats.read_bytes() != b"mine"
