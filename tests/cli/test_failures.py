"""How `expand` fails: its exit codes, what it says, and what it leaves behind."""

import contextlib
import re
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import everyturn
from chats import to_jsonl
from everyturn.cli import main
from everyturn.cli.outputs import JsonLinesWriter, writer_of
from expand_command import BROKEN, CHATS, Command, chat, every_format, expanded, in_files, parse

# --------------------------------------------------------------------------------------------
# Failures
# --------------------------------------------------------------------------------------------


@every_format
@pytest.mark.parametrize(
    "content",
    [
        to_jsonl(CHATS) + BROKEN,
        to_jsonl([*CHATS, {"messages": [{"role": "bot", "content": "x"}]}]),
        to_jsonl([*CHATS, {"messages": [{"role": "assistant", "content": "x"}]}]),
        b"\x1f\x8b\x08\x00 cut",
    ],
    ids=["broken line", "no conversation", "no prompt", "broken archive"],
)
def test_bad_data_fails_and_leaves_nothing(
    expand: Command, tmp_path: Path, out: Path, suffix: str, content: bytes
) -> None:
    """Exit code 1, one sentence with the location, at most one hint, and neither output nor temporary file."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(content)
    done = expand(path, "-o", out / f"rows.{suffix}", "--report", out / "report.json")
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch(rf"error: {re.escape(str(path))}:\d+: .+\n(hint: .+\n)?", done.err)
    assert list(out.iterdir()) == []


@every_format
def test_a_failure_late_in_the_input_leaves_the_older_file(
    expand: Command, tmp_path: Path, out: Path, suffix: str
) -> None:
    """Rows that were written already, weighted or not, go with the temporary files."""
    good, weighted = to_jsonl(CHATS), to_jsonl([chat("Eve", weight=0.5)])
    paths = in_files(tmp_path, [good, weighted, good, BROKEN])
    older = out / f"rows.{suffix}"
    older.write_bytes(b"older")
    assert expand(*paths, "-o", older, "--overwrite").code == 1
    assert list(out.iterdir()) == [older]
    assert older.read_bytes() == b"older"


#: Arguments that the caller can put right; {} is an empty folder with the file chats.jsonl.
WRONG_USE = {
    "no such input": ["{}/nothing.jsonl", "-o", "{}/out/rows.parquet"],
    "an input is missing": ["{}/chats.jsonl", "{}/nothing.jsonl", "-o", "{}/out/rows.jsonl"],
    "nothing matches": ["{}/*.csv"],
    "an input is a folder": ["{}"],
    "no input": [],
    "no such model": ["{}/chats.jsonl", "--model", "{}/nothing"],
    "a model without files": ["{}/chats.jsonl", "--model", "{}/out"],
    "no such output folder": ["{}/chats.jsonl", "-o", "{}/nothing/rows.jsonl"],
    "output below a file": ["{}/chats.jsonl", "-o", "{}/chats.jsonl/rows.parquet"],
    "unknown extension": ["{}/chats.jsonl", "-o", "{}/out/rows.csv"],
    "no extension": ["{}/chats.jsonl", "-o", "{}/out/rows"],
    "output is a folder": ["{}/chats.jsonl", "-o", "{}/out"],
    "no such report folder": [
        *("{}/chats.jsonl", "-o", "{}/out/rows.jsonl"),
        *("--report", "{}/nothing/report.json"),
    ],
    "json and samples on stdout": ["{}/chats.jsonl", "--json"],
    "negative limit": ["{}/chats.jsonl", "--limit", "-1"],
    "limit is not a number": ["{}/chats.jsonl", "--limit", "many"],
    "length of nothing": ["{}/chats.jsonl", "--max-length", "0"],
    "no threads": ["{}/chats.jsonl", "--num-threads", "0"],
    "unknown choice": ["{}/chats.jsonl", "--layout", "square"],
    "unknown flag": ["{}/chats.jsonl", "--square"],
    "kwargs are not json": ["{}/chats.jsonl", "--template-kwargs", "{"],
    "kwargs are not an object": ["{}/chats.jsonl", "--template-kwargs", "[1]"],
    "kwargs that are set": ["{}/chats.jsonl", "--template-kwargs", '{"messages": []}'],
    "no such template": ["{}/chats.jsonl", "--chat-template", "{}/nothing.jinja"],
    "no such template name": ["{}/chats.jsonl", "--chat-template", "nothing"],
    "no time": ["{}/chats.jsonl", "--now", "yesterday"],
}


@pytest.mark.parametrize("case", sorted(WRONG_USE))
def test_wrong_use_is_told_before_anything_is_done(
    expand: Command, tmp_path: Path, case: str
) -> None:
    """Exit code 2, a sentence on stderr, nothing on stdout, and no file more than before."""
    (tmp_path / "chats.jsonl").write_bytes(to_jsonl(CHATS))
    (tmp_path / "out").mkdir()
    before = sorted(tmp_path.rglob("*"))
    done = expand(*(argument.replace("{}", str(tmp_path)) for argument in WRONG_USE[case]))
    assert (done.code, done.out) == (2, "")
    said = [line for line in done.err.splitlines() if not line.startswith("hint: ")]
    assert "error: " in said[-1]
    assert sorted(tmp_path.rglob("*")) == before


def test_no_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """What commands there are is said on stderr."""
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "expand" in captured.err


@every_format
def test_an_output_that_cannot_be_written_is_an_error(
    expand: Command, chats: Path, suffix: str
) -> None:
    """A folder in which nobody can make files fails in a sentence that names the file."""
    done = expand(chats, "-o", f"/proc/rows.{suffix}")
    assert done.code == 1
    assert done.out == ""
    assert re.fullmatch(rf"error: .*/proc/.*rows\.{suffix}.*\n", done.err)


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk that has no more space."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@every_format
@pytest.mark.parametrize("copies", [1, 200])
def test_an_output_that_has_no_space_is_named_and_removed(
    tmp_path: Path, suffix: str, copies: int
) -> None:
    """Whether that is found as it is written or as it is closed; nothing is left while the error is handled."""
    path = tmp_path / f"rows.{suffix}"
    samples = everyturn.Expander("demo").expand(to_jsonl(CHATS * copies))

    def write() -> None:
        with writer_of(path) as writer:
            writer.write(samples)

    with files_of_at_most(100), pytest.raises(OSError, match="too large") as caught:
        write()
    assert caught.value.filename == str(path)
    assert not list(tmp_path.iterdir())


def test_a_report_that_has_no_space_is_named(expand: Command, chats: Path, out: Path) -> None:
    """As samples are."""
    report = out / "report.json"
    with files_of_at_most(100):
        done = expand(chats, "--report", report)
    assert done.code == 1
    assert done.err.splitlines()[-1] == f"error: {report}: File too large"
    assert not list(out.iterdir())


def test_an_error_of_the_system_without_words_is_told_in_its_own(
    expand: Command, chats: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Libraries raise such errors."""

    def fail(*_: object) -> None:
        raise OSError("8 requested and 4 written")

    monkeypatch.setattr(JsonLinesWriter, "write", fail)
    done = expand(chats, "-o", out / "rows.jsonl")
    assert done.err.splitlines()[-1] == f"error: {out / 'rows.jsonl'}: 8 requested and 4 written"


@every_format
def test_an_output_that_cannot_get_its_name_leaves_nothing(
    expand: Command, chats: Path, out: Path, suffix: str
) -> None:
    """Where a folder has the output's name, no temporary file stays next to it."""
    folder = out / f"rows.{suffix}"
    folder.mkdir()
    done = expand(chats, "-o", folder)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("error: ")
    assert list(out.rglob("*")) == [folder]


def test_an_error_on_stdout_comes_behind_the_rows_that_were_right(
    expand: Command, tmp_path: Path
) -> None:
    """Whole lines or none: what is on stdout can be parsed, and the code says that it failed."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(CHATS) + BROKEN)
    done = expand(path)
    assert done.code == 1
    rows = parse(done.out)
    right = expanded(to_jsonl(CHATS))[: len(rows)]
    assert [row["input_ids"] for row in rows] == [row["input_ids"] for row in right]
    assert done.err.startswith(f"error: {path}:4: ")


# --------------------------------------------------------------------------------------------
# What is read is not written
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["expand", "in.jsonl", "--model", "demo", "-o", "in.jsonl"],
        ["expand", "*.jsonl", "--model", "demo", "-o", "./in.jsonl"],
        ["expand", "in.jsonl", "--model", "demo", "-o", "out.jsonl", "--report", "in.jsonl"],
        ["expand", "in.jsonl", "--model", "demo", "-o", "out.jsonl", "--report", "./out.jsonl"],
        ["stats", "in.jsonl", "--model", "demo", "--html", "in.jsonl"],
        ["inspect", "in.jsonl:1", "--model", "demo", "--html", "in.jsonl"],
        ["check", "in.jsonl", "--fix", "-o", "in.jsonl"],
    ],
    ids=" ".join,
)
def test_no_command_writes_over_what_it_reads(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Inputs stay as they are, and two outputs have two names; that is checked before anything is read."""
    monkeypatch.chdir(tmp_path)
    record = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]}'
    (tmp_path / "in.jsonl").write_bytes(record)
    assert main(arguments) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert (tmp_path / "in.jsonl").read_bytes() == record
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["expand", "in.jsonl", "--model", "m", "-o", "m/tokenizer.json"],
        ["expand", "in.jsonl", "--model", "m", "-o", "link/../m/tokenizer_config.json"],
        ["expand", "in.jsonl", "--model", "./m/", "-o", "link/generation_config.json"],
        [
            "expand",
            "in.jsonl",
            "--model",
            "m",
            "-o",
            "o.jsonl",
            "--report",
            "m/chat_template.jinja",
        ],
        [
            *("expand", "in.jsonl", "--model", "demo", "--chat-template", "m/chat_template.jinja"),
            *("-o", "o.jsonl", "--report", "m/chat_template.jinja"),
        ],
        ["stats", "in.jsonl", "--model", "m", "--html", "m/tokenizer.json"],
        ["inspect", "in.jsonl:1", "--model", "m", "--html", "m/tokenizer.json"],
        ["check", "in.jsonl", "--model", "m", "--fix", "-o", "m/tokenizer.json"],
        ["bench", "--model", "m", "-o", "m/tokenizer.json"],
        [
            *("relabel", "samples.parquet", "--rules", "rules.json", "--model", "m"),
            *("-o", "m/tokenizer.json", "--overwrite"),
        ],
        [
            *("relabel", "samples.parquet", "--rules", "rules.json", "--model", "demo"),
            *("--chat-template", "m/chat_template.jinja", "-o", "m/chat_template.jinja"),
            "--overwrite",
        ],
    ],
    ids=" ".join,
)
def test_no_command_writes_over_a_file_of_the_model(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By whatever name; other files may lie in the model's folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(Path(everyturn.__file__).parent / "models" / "demo", tmp_path / "m")
    (tmp_path / "link").symlink_to(tmp_path / "m")
    (tmp_path / "in.jsonl").write_bytes(
        b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hey"}]}'
    )
    (tmp_path / "rules.json").write_text("[]")
    everyturn.Expander("demo").expand("in.jsonl").to_parquet("samples.parquet")
    before = {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()}
    assert main(arguments) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()} == before
    for _ in range(2):
        assert main(["expand", "in.jsonl", "--model", "m", "-o", "m/samples.jsonl"]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("expand", "{}", "--model", "demo"),
        ("check", "{}"),
        ("inspect", "{}", "--model", "demo"),
        ("stats", "{}", "--model", "demo"),
        ("lint", "{}"),
        ("lint", "--model", "demo", "--chat-template", "{}.jinja"),
    ],
    ids=" ".join,
)
def test_a_file_that_is_missing_is_named_in_the_same_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """Whatever command reads it."""
    path = tmp_path / "nope"
    assert main([argument.replace("{}", str(path)) for argument in arguments]) == 2
    error, *_ = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        rf"error: (--chat-template: )?{re.escape(str(path))}(\.jinja)?: no such file", error
    )
