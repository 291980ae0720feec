"""`everyturn expand`: what it writes, and with which model."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import everyturn
from chats import to_jsonl
from everyturn.cli import main
from everyturn.io import files, inputs
from expand_command import (
    BROKEN,
    CHATS,
    COLUMNS,
    Command,
    Row,
    chat,
    every_format,
    expanded,
    in_files,
    parse,
    read,
)

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
    """If a weight is neither 0 nor 1, every row of a Parquet file has weights."""
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


@pytest.mark.parametrize("command", ["expand", "check", "stats"])
def test_each_input_is_looked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """What it holds is found out where it is read: each look opens every file."""
    looked: list[str] = []

    def content_of(path: str) -> files.FileContent:
        looked.append(path)
        return files.content_of(path)

    monkeypatch.setattr(inputs, "content_of", content_of)
    paths = [str(path) for path in in_files(tmp_path, [to_jsonl([chat("Ada")])] * 3)]
    flags = ["-o", str(tmp_path / "rows.parquet")] if command == "expand" else []
    assert main([command, *paths, "--model", "demo", *flags]) == 0
    assert looked == paths


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 99])
def test_limit_takes_the_first_records(expand: Command, chats: Path, limit: int) -> None:
    """Records are counted, not rows; those that are left are not read."""
    done = expand(chats, "--limit", limit)
    assert done.code == (0 if limit else 1)
    assert sorted({row["line"] for row in parse(done.out)}) == [1, 2, 3][:limit]


def test_limit_does_not_read_on(expand: Command, tmp_path: Path) -> None:
    """A broken line after the limit is nobody's fault."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl(CHATS) + BROKEN)
    assert expand(path, "--limit", 3).code == 0
    assert expand(path, "--limit", 4).code == 1


@every_format
def test_an_empty_input_is_an_empty_output(
    expand: Command, tmp_path: Path, out: Path, suffix: str
) -> None:
    """Nothing is trained, which is said; a Parquet file still has its columns."""
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    path = out / f"rows.{suffix}"
    done = expand(empty, "-o", path)
    assert done.code == 1
    assert done.err.splitlines()[:2] == [
        (
            "all_assistant_messages: 0 targets in 0 samples from 0 conversations; "
            "0 of 0 tokens trained (0.0 %); prompts of vLLM 0.33.0"
        ),
        "nothing is trained: there is no record",
    ]
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
    """For a model with several templates one is chosen by name."""
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
    assert (done.code, done.out) == (1, "")
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
