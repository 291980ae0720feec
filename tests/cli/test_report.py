"""What `expand` says: the report, in a line, as a file and as JSON."""

import json
from pathlib import Path

from chats import to_jsonl
from expand_command import (
    BROKEN,
    CHATS,
    Command,
    chat,
    parse,
)

REPORT_KEYS = {
    "unread_record_keys",
    "unread_record_keys_omitted",
    "train_on",
    "server",
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
    "control_tokens_omitted",
    "unread_keys",
    "unread_keys_omitted",
    "unread_arguments",
    "unread_arguments_omitted",
    "template_arguments",
    "warning_places",
    "faults",
    "faults_omitted",
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
        "all_assistant_messages: 1,204 targets in 602 samples from 602 conversations; "
        f"{trained:,} of {tokens:,} tokens trained ({100 * trained / tokens:.1f} %); "
        "prompts of vLLM 0.33.0\n"
    )
    assert min(trained, tokens) > 10_000, "large enough for commas"


def test_stderr_names_what_is_lost_and_what_is_worth_knowing(
    expand: Command, tmp_path: Path
) -> None:
    """After the faults comes the one line, then causes, warnings and control tokens."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl([chat("Ada"), chat("<think>")]) + BROKEN + b'{"messages": []}\n')
    done = expand(path, "--on-error", "skip")
    assert done.code == 0
    lines = done.err.splitlines()
    assert lines[0].startswith(
        "all_assistant_messages: 2 targets in 2 samples from 2 conversations; "
    )
    assert lines[1] == "dropped 1 record: json"
    assert lines[2].startswith(f"  {path}:3: ")
    assert lines[3] == "dropped 1 record: shape"
    assert lines[4].startswith(f"  {path}:4: ")
    assert lines[5:] == [
        "warning: control_tokens, once: the text of a message contains control tokens",
        "control tokens in text: <think> 2",
    ]


def test_faults_of_one_cause_are_one_line(expand: Command, tmp_path: Path) -> None:
    """Many faults do not fill the screen: how many, and the first; the report has every one."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(BROKEN * 1_025 + to_jsonl(CHATS))
    report = tmp_path / "report.json"
    done = expand(path, "--on-error", "skip", "--report", report)
    _, dropped, first = done.err.splitlines()
    assert dropped == "dropped 1,025 records: json"
    assert first.startswith(f"  first {path}:1: ")
    assert expand(path, "--on-error", "skip").err.endswith("--report FILE lists every fault\n")
    faults = json.loads(report.read_text(encoding="utf-8"))["faults"]
    assert [fault["line"] for fault in faults] == list(range(1, 1_026))


def test_the_report_is_the_account_of_every_line(
    expand: Command, tmp_path: Path, out: Path
) -> None:
    """Written as JSON, it has each count, and each fault with its location."""
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
        "server": "vLLM 0.33.0",
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
        "control_tokens_omitted": 0,
        "unread_keys": {},
        "unread_keys_omitted": 0,
        "unread_record_keys": {},
        "unread_record_keys_omitted": 0,
        "unread_arguments": {},
        "unread_arguments_omitted": 0,
        "template_arguments": ["enable_thinking"],
        "warning_places": {},
        "faults_omitted": 0,
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
    assert done.err.startswith("all_assistant_messages: 6 targets in 3 samples")
