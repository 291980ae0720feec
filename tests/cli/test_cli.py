"""The command line: what it writes where, how it ends, and what it leaves behind."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import everyturn
from chats import Record, to_jsonl
from everyturn.cli import main

Row = dict[str, Any]

#: The columns of every file; weights come where there are any.
COLUMNS = everyturn.Expander("demo").empty().to_arrow().column_names


def chat(name: str, turns: int = 1, **keys: Any) -> Record:
    """Return a conversation; the keys go to its last answer."""
    messages: list[Record] = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"Question {turn} of {name}?"})
        messages.append({"role": "assistant", "content": f"Answer {turn} to {name}."})
    messages[-1] |= keys
    return {"messages": messages}


CHATS = [chat("Ada", 2), chat("Bob"), chat("Zoë", 3)]
BROKEN = b'{"messages": [\n'


def rows_of(samples: everyturn.Samples) -> list[Row]:
    """The rows of samples, as the columns of a file hold them."""
    rows: list[Row] = samples.to_arrow().to_pylist()
    return rows


def expanded(source: Any, model: Any = "demo", **options: Any) -> list[Row]:
    """What the Python API makes of the same input."""
    return rows_of(everyturn.Expander(model, **options).expand(source))


def read(path: Path) -> list[Row]:
    """The rows of an output file."""
    if path.suffix == ".parquet":
        rows: list[Row] = pq.read_table(path).to_pylist()
        return rows
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> list[Row]:
    """The rows of JSON lines."""
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@dataclass(frozen=True)
class Done:
    """What a command has done."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def expand(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `everyturn expand` with the demo model."""

    def expand(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code: Any = main(["expand", "--model", "demo", *map(str, arguments)])
        except SystemExit as ended:  # argparse has had the last word
            code = ended.code
        return Done(code, *capsys.readouterr())

    return expand


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """A file of three conversations, alone in its folder."""
    path = tmp_path / "in" / "chats.jsonl"
    path.parent.mkdir()
    path.write_bytes(to_jsonl(CHATS))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder for what is written."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def in_files(folder: Path, contents: list[bytes]) -> list[str]:
    """Write a file of each content; return their paths in order."""
    paths = [folder / f"{number}.jsonl" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [str(path) for path in paths]


def command() -> list[str]:
    """The installed command, or the module where the command is not installed."""
    found = shutil.which("everyturn", path=str(Path(sys.executable).parent))
    return [found] if found else [sys.executable, "-m", "everyturn"]


def start(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `everyturn expand` with the demo model in a process of its own."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    line = [*command(), "expand", "--model", "demo", *map(str, arguments)]
    return subprocess.run(line, check=False, timeout=60, **streams)


every_format = pytest.mark.parametrize("suffix", ["parquet", "jsonl"])

# --------------------------------------------------------------------------------------------
# Results
# --------------------------------------------------------------------------------------------


@every_format
def test_a_file_holds_what_the_python_api_gives(
    expand: Command, chats: Path, out: Path, suffix: str
) -> None:
    """The same rows in the same order; nothing goes to stdout and nothing else is left."""
    path = out / f"rows.{suffix}"
    done = expand(chats, "-o", path)
    assert (done.code, done.out) == (0, "")
    assert read(path) == expanded(chats)
    assert [list(row) for row in read(path)] == [COLUMNS] * 3
    assert list(out.iterdir()) == [path]


def test_rows_go_to_stdout_unless_a_file_is_named(expand: Command, chats: Path) -> None:
    """JSON lines, readable by any program; words go to stderr."""
    done = expand(chats)
    assert done.code == 0
    assert parse(done.out) == expanded(chats)
    assert expand(chats, "-o", "-") == done


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["--layout", "per_turn"], {"layout": "per_turn"}),
        (["--layout", "conversation"], {"layout": "conversation"}),
        (["--train-on", "last_assistant_message"], {"train_on": "last_assistant_message"}),
        (["--train-on", "mask_history"], {"train_on": "last_assistant_message"}),
        (
            ["--max-length", "50", "--overflow", "drop"],
            {"max_length": 50, "overflow": "drop"},
        ),
        (["--num-threads", "1"], {"num_threads": 1}),
    ],
)
def test_flags_are_options(
    expand: Command, chats: Path, flags: list[str], options: dict[str, Any]
) -> None:
    """What is said on the command line is what would be said in Python."""
    done = expand(chats, *flags)
    assert done.code == 0
    assert parse(done.out) == expanded(chats, **options)


def test_weights_are_a_column_of_all_rows(expand: Command, out: Path) -> None:
    """If a message weighs neither 0 nor 1, every row of a Parquet file has weights."""
    path = out / "in.jsonl"
    path.write_bytes(to_jsonl([chat("Ada"), chat("Bob", weight=0.5), chat("Kim")]))
    expand(path, "-o", out / "rows.parquet")
    rows = read(out / "rows.parquet")
    assert rows == expanded(path)
    assert [list(row) for row in rows] == [[*COLUMNS, "loss_weights"]] * 3


@every_format
def test_weights_are_a_column_of_the_rows_of_all_inputs(
    expand: Command, out: Path, tmp_path: Path, suffix: str
) -> None:
    """Rows that were written before the first weight, and after the last, have weights, too."""
    records = [chat("Ada"), chat("Bob", weight=0.5), chat("Kim"), chat("Zoë", 2)]
    paths = in_files(tmp_path, [to_jsonl([record]) for record in records])
    done = expand(*paths, "-o", out / f"rows.{suffix}")
    assert done.code == 0
    rows = read(out / f"rows.{suffix}")
    expected = expanded(paths)
    if suffix == "parquet":
        assert [list(row) for row in rows] == [[*COLUMNS, "loss_weights"]] * 4
    else:
        # A line cannot be changed any more: each has the key if its own weights need it.
        for row in (row for row in expected if set(row["loss_weights"]) <= {0.0, 1.0}):
            del row["loss_weights"]
        assert ["loss_weights" in row for row in rows] == [False, True, False, False]
    assert rows == expected


def test_several_inputs_are_read_in_order(expand: Command, tmp_path: Path) -> None:
    """Each row names the input that it comes from, and its line there."""
    first, second = tmp_path / "b.jsonl", tmp_path / "a.jsonl"
    first.write_bytes(to_jsonl([chat("Ada"), chat("Bob")]))
    second.write_bytes(b"\n" + to_jsonl([chat("Kim")]))
    rows = parse(expand(first, second).out)
    assert rows == expanded([first, second])
    assert [(row["file"], row["line"]) for row in rows] == [
        (str(first), 1),
        (str(first), 2),
        (str(second), 2),
    ]


def test_a_glob_is_its_files_in_order_of_their_names(expand: Command, tmp_path: Path) -> None:
    """A pattern that no shell has resolved is resolved, `**` included."""
    (tmp_path / "deep").mkdir()
    for name in ("b.jsonl", "a.jsonl", "deep/c.jsonl", "c.txt"):
        (tmp_path / name).write_bytes(to_jsonl([chat(name)]))
    found = [Path(row["file"]).name for row in parse(expand(tmp_path / "*.jsonl").out)]
    assert found == ["a.jsonl", "b.jsonl"]
    found = [Path(row["file"]).name for row in parse(expand(tmp_path / "**" / "*.jsonl").out)]
    assert sorted(found) == ["a.jsonl", "b.jsonl", "c.jsonl"]


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 99])
def test_limit_takes_the_first_records(expand: Command, chats: Path, limit: int) -> None:
    """Records are counted, not rows; those that are left are not read."""
    done = expand(chats, "--limit", limit)
    assert done.code == 0
    assert sorted({row["line"] for row in parse(done.out)}) == [1, 2, 3][:limit]


def test_limit_does_not_read_on(expand: Command, tmp_path: Path) -> None:
    """A broken line behind the limit is nobody's fault."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(CHATS) + BROKEN)
    assert expand(path, "--limit", 3).code == 0
    assert expand(path, "--limit", 4).code == 1


@every_format
def test_an_empty_input_is_an_empty_output(
    expand: Command, tmp_path: Path, out: Path, suffix: str
) -> None:
    """No conversations are no rows, and no fault; a Parquet file has its columns still."""
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    path = out / f"rows.{suffix}"
    done = expand(empty, "-o", path)
    assert done.code == 0
    assert done.err == (
        "all_assistant_messages: 0 targets in 0 rows from 0 conversations; "
        "0 of 0 tokens trained (0.0 %)\n"
    )
    assert read(path) == []
    if suffix == "parquet":
        assert pq.read_table(path).column_names == COLUMNS


# --------------------------------------------------------------------------------------------
# The model
# --------------------------------------------------------------------------------------------


def text_of(row: Row, renderer: everyturn.Renderer) -> str:
    """What a row spells."""
    return renderer.decode(row["input_ids"])


def test_template_kwargs_reach_the_template(expand: Command, chats: Path) -> None:
    """Given as JSON, they change what is rendered."""
    done = expand(chats, "--template-kwargs", '{"enable_thinking": false}')
    assert done.code == 0
    renderer = everyturn.Renderer.from_dir("demo", template_kwargs={"enable_thinking": False})
    rows = parse(done.out)
    assert rows == expanded(chats, renderer)
    assert all("<think>\n\n</think>\n\nAnswer" in text_of(row, renderer) for row in rows)


@pytest.mark.parametrize("name", ["shout.jinja", "shout.txt"])
def test_a_chat_template_is_read_from_a_file(
    expand: Command, chats: Path, tmp_path: Path, name: str
) -> None:
    """A file is the template's text, whatever the file is called."""
    template = (
        "{%- for message in messages -%}"
        "{{- '<|im_start|>' ~ message.role ~ ' says\\n' ~ message.content ~ '<|im_end|>' -}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant says\\n' -}}{%- endif -%}"
    )
    (tmp_path / name).write_text(template, encoding="utf-8")
    done = expand(chats, "--chat-template", tmp_path / name)
    assert done.code == 0
    renderer = everyturn.Renderer.from_dir("demo", chat_template=template)
    rows = parse(done.out)
    assert rows == expanded(chats, renderer)
    assert text_of(rows[1], renderer) == (
        "<|im_start|>user says\nQuestion 0 of Bob?<|im_end|>"
        "<|im_start|>assistant says\nAnswer 0 to Bob.<|im_end|>"
    )


def test_a_chat_template_can_be_one_that_the_model_names(
    expand: Command, chats: Path, models: dict[str, Path], tmp_path: Path
) -> None:
    """A model with several templates is told which to take."""
    folder = tmp_path / "model"
    shutil.copytree(models["chatml"], folder)
    source = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "brief.jinja").write_text(
        source.replace("message.role ~", "message.role[:1] ~"), encoding="utf-8"
    )
    done = expand(chats, "--chat-template", "brief", "--model", folder, "--on-error", "skip")
    renderer = everyturn.Renderer.from_dir(folder, chat_template="brief")
    assert renderer.render(CHATS[1]["messages"]).startswith("<|im_start|>u\nQuestion")
    # The prompt's header is spelled out, so that no prompt fits: it is the other template.
    assert (done.code, done.out) == (0, "")
    assert "prompt_mismatch" in done.err


@pytest.mark.parametrize("now", ["2021-02-03", "2021-02-03T04:05:06"])
def test_now_is_the_day_that_the_template_shows(
    expand: Command, chats: Path, models: dict[str, Path], now: str
) -> None:
    """A rendering that holds a date can be repeated on another day."""
    done = expand(chats, "--model", models["dated"], "--now", now)
    assert done.code == 0
    renderer = everyturn.Renderer.from_dir(models["dated"])
    for row in parse(done.out):
        assert "Today is 03 February 2021." in text_of(row, renderer)


# --------------------------------------------------------------------------------------------
# The report
# --------------------------------------------------------------------------------------------

REPORT_KEYS = {
    "train_on",
    "now",
    "records_read",
    "blank_lines",
    "records_kept",
    "records_dropped",
    "targets_found",
    "targets_trained",
    "targets_dropped",
    "rows",
    "tokens",
    "trained_tokens",
    "warnings",
    "control_tokens",
    "unread_keys",
    "faults",
    "faults_omitted",
    "control_tokens_omitted",
    "unread_keys_omitted",
}


def test_stderr_says_in_one_line_what_was_done(expand: Command, tmp_path: Path) -> None:
    """Targets, rows, conversations and tokens, with commas, and the share that is trained."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(chat(f"number {number}", 2) for number in range(602)))
    done = expand(path)
    rows = parse(done.out)
    tokens = sum(len(row["input_ids"]) for row in rows)
    trained = sum(label != -100 for row in rows for label in row["labels"])
    assert len(rows) == 602
    assert done.err == (
        "all_assistant_messages: 1,204 targets in 602 rows from 602 conversations; "
        f"{trained:,} of {tokens:,} tokens trained ({100 * trained / tokens:.1f} %)\n"
    )
    assert min(trained, tokens) > 10_000, "large enough for commas"


def test_stderr_names_what_is_lost_and_what_is_worth_knowing(
    expand: Command, tmp_path: Path
) -> None:
    """Behind the faults comes the one line, then causes, warnings and control tokens."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl([chat("Ada"), chat("<think>")]) + BROKEN + b'{"messages": []}\n')
    done = expand(path, "--on-error", "skip")
    assert done.code == 0
    lines = done.err.splitlines()
    assert lines[0].startswith(f"{path}:3: ")
    assert lines[0].endswith(" [json]")
    assert lines[1].startswith(f"{path}:4: ")
    assert lines[1].endswith(" [shape]")
    assert lines[2].startswith("all_assistant_messages: 2 targets in 2 rows from 2 conversations; ")
    assert lines[3:] == [
        "dropped 1 records: json",
        "dropped 1 records: shape",
        "warning: control_tokens: 1",
        "control tokens in text: <think> 2",
    ]


def test_few_faults_are_named_and_the_others_counted(expand: Command, tmp_path: Path) -> None:
    """Many faults do not fill the screen; the report has every one."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(BROKEN * 1_025 + to_jsonl(CHATS))
    report = tmp_path / "report.json"
    done = expand(path, "--on-error", "skip", "--report", report)
    named = [line for line in done.err.splitlines() if line.endswith(" [json]")]
    assert [line.split(": ")[0] for line in named] == [f"{path}:{n}" for n in range(1, 21)]
    assert ".. and 1,005 more faults; --report names them" in done.err.splitlines()
    faults = json.loads(report.read_text(encoding="utf-8"))["faults"]
    assert [fault["line"] for fault in faults] == list(range(1, 1_026))


def test_the_report_is_the_account_of_every_line(
    expand: Command, tmp_path: Path, out: Path
) -> None:
    """Written as JSON, it has each count, and each fault with its place."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(CHATS) + b"\n" + BROKEN)
    report = out / "report.json"
    done = expand(path, "--on-error", "skip", "--report", report)
    assert done.code == 0
    account = json.loads(report.read_text(encoding="utf-8"))
    assert set(account) == REPORT_KEYS
    rows = parse(done.out)
    (fault,) = account.pop("faults")
    assert account == {
        "train_on": "all_assistant_messages",
        "now": None,
        "records_read": 4,
        "blank_lines": 1,
        "records_kept": 3,
        "records_dropped": {"json": 1},
        "targets_found": 6,
        "targets_trained": 6,
        "targets_dropped": {},
        "rows": 3,
        "tokens": sum(row["length"] for row in rows),
        "trained_tokens": sum(row["n_trained"] for row in rows),
        "warnings": {},
        "control_tokens": {},
        "unread_keys": {},
        "faults_omitted": 0,
        "control_tokens_omitted": 0,
        "unread_keys_omitted": 0,
    }
    place = {"file": str(path), "line": 5, "message_index": None, "kind": "json"}
    assert place.items() <= fault.items()
    assert fault["text"] in done.err
    assert list(out.iterdir()) == [report]


def test_json_is_all_that_stdout_has(expand: Command, chats: Path, out: Path) -> None:
    """One JSON object, equal to the report's file; the words stay on stderr."""
    done = expand(chats, "-o", out / "rows.parquet", "--report", out / "report.json", "--json")
    assert done.code == 0
    assert json.loads(done.out) == json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert set(json.loads(done.out)) == REPORT_KEYS
    assert done.out.count("\n") == 1
    assert done.err.startswith("all_assistant_messages: 6 targets in 3 rows")


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
    """Exit code 1, one sentence with the place, a hint at most, and neither output nor temporary file."""
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
    assert expand(*paths, "-o", older).code == 1
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
    "json beside rows": ["{}/chats.jsonl", "--json"],
    "negative limit": ["{}/chats.jsonl", "--limit", "-1"],
    "limit is no number": ["{}/chats.jsonl", "--limit", "many"],
    "length of nothing": ["{}/chats.jsonl", "--max-length", "0"],
    "no threads": ["{}/chats.jsonl", "--num-threads", "0"],
    "unknown choice": ["{}/chats.jsonl", "--layout", "square"],
    "unknown flag": ["{}/chats.jsonl", "--square"],
    "kwargs are no json": ["{}/chats.jsonl", "--template-kwargs", "{"],
    "kwargs are no object": ["{}/chats.jsonl", "--template-kwargs", "[1]"],
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


@every_format
def test_an_output_that_cannot_get_its_name_leaves_nothing(
    expand: Command, chats: Path, out: Path, suffix: str
) -> None:
    """Where a folder has the output's name, no temporary file stays beside it."""
    folder = out / f"rows.{suffix}"
    folder.mkdir()
    done = expand(chats, "-o", folder)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("error: ")
    assert list(out.rglob("*")) == [folder]


def test_an_error_on_stdout_comes_behind_the_rows_that_were_right(
    expand: Command, tmp_path: Path
) -> None:
    """Whole lines or none: what is on stdout can be parsed, and the code tells that it failed."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(CHATS) + BROKEN)
    done = expand(path)
    assert done.code == 1
    rows = parse(done.out)
    right = expanded(to_jsonl(CHATS))[: len(rows)]
    assert [row["input_ids"] for row in rows] == [row["input_ids"] for row in right]
    assert done.err.startswith(f"error: {path}:4: ")


# --------------------------------------------------------------------------------------------
# Processes
# --------------------------------------------------------------------------------------------


def test_the_installed_command_reads_stdin_and_writes_stdout() -> None:
    """`-` is standard input, in rows and in faults; stdout is UTF-8 JSON lines."""
    done = start("-", input=to_jsonl(CHATS))
    assert done.returncode == 0
    rows = parse(done.stdout.decode("utf-8"))
    assert [row["file"] for row in rows] == ["-"] * 3
    expected = expanded(CHATS)
    for key in ("input_ids", "labels", "line", "targets"):
        assert [row[key] for row in rows] == [row[key] for row in expected]
    assert done.stderr.startswith(b"all_assistant_messages: 6 targets in 3 rows from 3 ")


def test_stdin_is_one_input_among_others(chats: Path) -> None:
    """It takes its place in the order of the inputs."""
    done = start(chats, "-", chats, input=to_jsonl([chat("Kim")]))
    assert done.returncode == 0
    files = [row["file"] for row in parse(done.stdout.decode())]
    assert files == [str(chats)] * 3 + ["-"] + [str(chats)] * 3


def test_a_fault_on_stdin_is_named_by_its_line() -> None:
    """Broken input ends the command with 1."""
    done = start("-", input=to_jsonl(CHATS) + BROKEN)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: -:4: ")


def test_the_module_is_the_command(chats: Path) -> None:
    """`python -m everyturn` does the same."""
    line = [sys.executable, "-m", "everyturn", "expand", str(chats), "--model", "demo"]
    done = subprocess.run(line, capture_output=True, check=False)
    assert done.returncode == 0
    assert parse(done.stdout.decode()) == expanded(chats)


def test_the_version_is_that_of_the_package() -> None:
    """It goes to stdout: it is what was asked for."""
    done = subprocess.run([*command(), "--version"], capture_output=True, check=True)
    assert done.stdout.decode() == f"everyturn {everyturn.__version__}\n"


def test_a_reader_that_has_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    """`everyturn expand .. | head -1`: no traceback, and no words about a pipe."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(chat(f"number {number}", 3) for number in range(3_000)))
    line = [*command(), "expand", str(path), "--model", "demo"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = json.loads(process.stdout.readline())
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(60)
    assert first["line"] == 1
    assert errors == b""


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["rows", "json"])
def test_a_reader_that_is_gone_is_no_traceback(chats: Path, out: Path, flags: list[str]) -> None:
    """Also where all that is written fits into a buffer, and the pipe breaks at the very end."""
    reading, writing = os.pipe()
    os.close(reading)
    output = ["-o", out / "rows.jsonl"] if flags else []
    try:
        done = start(chats, *output, *flags, stdout=writing)
    finally:
        os.close(writing)
    said = [line for line in done.stderr.decode().splitlines() if " targets in " not in line]
    assert said == []


def test_a_full_disk_behind_stdout_is_an_error(chats: Path) -> None:
    """Rows that could not be written are not reported as done."""
    with Path("/dev/full").open("wb") as full:
        done = start(chats, stdout=full)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1].startswith("error: ")
    assert b"Traceback" not in done.stderr


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
    """Inputs stay as they are, and two outputs have two names; that is told before anything is read."""
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
        ["bench", "--model", "m", "--json", "m/tokenizer.json"],
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
    before = {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()}
    assert main(arguments) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()} == before
    for _ in range(2):
        assert main(["expand", "in.jsonl", "--model", "m", "-o", "m/samples.jsonl"]) == 0
