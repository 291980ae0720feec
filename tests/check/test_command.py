"""`everyturn check` on the command line: its formats, its exit codes, its copies."""

import dataclasses
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checked_chats import (
    FLAT,
    GOOD,
    SUM,
    USER,
    call,
    calling,
    chat,
    copied,
    found,
    kinds,
    said,
    without,
)
from everyturn.catalogue import KINDS, severity_of
from everyturn.checks.finding import Finding
from everyturn.cli import main
from everyturn.cli.findings import WRITERS


@dataclasses.dataclass(frozen=True)
class Done:
    """What a command has done."""

    code: int
    out: str
    err: str


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `everyturn check`."""

    def check(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code: Any = main(["check", *map(str, arguments)])
        except SystemExit as ended:  # argparse has had the last word
            code = ended.code
        return Done(code, *capsys.readouterr())

    return check


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A file with an error, a warning and a note."""
    path = tmp_path / "some chats, 100%.jsonl"
    path.write_bytes(chat(USER, said("x", "bot")) + chat(USER, USER, calling(call(arguments={}))))
    return path


def test_findings_are_lines_and_the_summary_is_on_stderr(
    check: Callable[..., Done], bad: Path
) -> None:
    """What the Python function gives, in its words; the gravest kinds first."""
    done = check(bad)
    assert done.out.splitlines() == [str(finding) for finding in found(bad)]
    assert done.err.splitlines() == [
        f"error: role [*]: 1, first {bad}:1: message 1",
        f"warning: consecutive_users: 1, first {bad}:2: message 1",
        f"warning: identical_messages: 1, first {bad}:2: message 1",
        f"note: arguments_object [*]: 1, first {bad}:2: message 2",
        "[*] `everyturn check --fix -o FILE` corrects it",
    ]
    assert done.code == 1


def test_findings_are_grouped_by_kind(check: Callable[..., Done], tmp_path: Path) -> None:
    """The gravest first, each with its first places, and how many more there are."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf" + chat(USER, said("x", "bot")) * 7 + chat(USER, USER, said("y"))
    )
    done = check(path, "--format", "grouped")
    role, *places = done.out.splitlines()
    assert role.startswith("error: role [*]: 7: ")
    assert [line.split(": ")[0] for line in places[:5]] == [f"  {path}:{n}" for n in range(1, 6)]
    assert places[5] == "  and 2 more"
    assert f"  {path}:1" in places
    assert "[*] `everyturn check --fix -o FILE` corrects it" in places
    assert any(line.startswith("warning: bom [*]: 1: ") for line in places)
    assert done.err == ""


def test_the_summary_marks_what_can_be_corrected(
    check: Callable[..., Done], tmp_path: Path
) -> None:
    """As the statistics do."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + chat(USER, said("x")))
    assert check(path).err.splitlines() == [
        f"warning: bom [*]: 1, first {path}:1",
        "[*] `everyturn check --fix -o FILE` corrects it",
    ]


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ([], 1),
        (["--ignore", "role"], 0),
        (["--ignore", "role", "--strict"], 1),
        (["--ignore", "role,consecutive_users,identical_messages", "--strict"], 0),
        (["--ignore", "rolle"], 2),
        (["--ignore", "rol"], 0),
        (["--ignore", "ALL"], 0),
        (["--select", "role"], 1),
        (["--select", "consecutive,arguments"], 0),
        (["--select", "consecutive,arguments", "--strict"], 1),
        (["--select", "role", "--ignore", "rol"], 1),
        (["--select", "rol", "--ignore", "role"], 0),
        (["--select", "rolle"], 2),
        (["--statistics"], 1),
        (["--statistics", "--ignore", "role"], 0),
        (["--statistics", "--format", "sarif"], 2),
        (["--statistics", "--format", "grouped"], 2),
        (["--format", "grouped"], 1),
        (["--format", "grouped", "--ignore", "role"], 0),
        (["--json", "--format", "text"], 2),
        (["--max-length", "5"], 2),
        (["--now", "2026-01-01"], 2),
        (["--fix"], 2),
        (["-o", "x.jsonl"], 2),
        (["--fix", "-o", "-"], 2),
        (["--fix", "-o", "x.jsonl", "--limit", "1"], 2),
        (["--fix", "-o", "x.jsonl.gz"], 2),
        (["--fix", "-o", "x.parquet"], 2),
        (["--fix", "-o", "x.csv"], 2),
    ],
)
def test_the_exit_code_says_whether_there_are_errors(
    check: Callable[..., Done], bad: Path, flags: list[str], code: int
) -> None:
    """0 without errors, 1 with some, 2 for wrong use."""
    assert check(bad, *flags).code == code


def test_a_missing_file_is_wrong_use(check: Callable[..., Done], tmp_path: Path) -> None:
    """As with every command."""
    assert check(tmp_path / "none.jsonl").code == 2


def test_model_flags_reach_the_expansion(check: Callable[..., Done], bad: Path) -> None:
    """What only an expansion knows is found."""
    done = check(bad, "--model", "demo", "--max-length", 3)
    assert ": error: too_long: " in done.out


def test_selected_kinds_are_all_that_is_found_and_corrected(
    check: Callable[..., Done], bad: Path, tmp_path: Path
) -> None:
    """By their names, or by what these begin with."""
    done = check(bad, "--select", "consecutive_,role")
    assert [line.split(": ")[3] for line in done.out.splitlines()] == ["role", "consecutive_users"]
    copy = tmp_path / "fixed.jsonl"
    done = check(bad, "--fix", "-o", copy, "--select", "arguments_object")
    assert "fixed 1" in done.err
    assert b'"bot"' in copy.read_bytes()


def test_statistics_are_a_line_a_kind(check: Callable[..., Done], tmp_path: Path) -> None:
    """The most frequent first, with the first place of each and whether it can be corrected; no finding is listed."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(chat(USER, USER, said("x", "bot")) + chat(USER, said("x", "bot")) * 2)
    done = check(path, "--statistics")
    assert done.code == 1
    assert done.out.splitlines() == [
        f"3  error    [*] role                first {path}:1: message 2",
        f"1  warning  [ ] consecutive_users   first {path}:1: message 1",
        f"1  warning  [ ] duplicate           first {path}:3",
        f"1  warning  [ ] identical_messages  first {path}:1: message 1",
        "[*] `everyturn check --fix -o FILE` corrects it",
    ]
    assert done.err == ""


def test_of_a_kind_that_is_corrected_in_part_each_finding_is_marked(
    check: Callable[..., Done], tmp_path: Path
) -> None:
    """Calls that are odd beside that are left as they are."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(
        chat(USER, calling(without(call(), "type"), {**FLAT, "more": 1, "type": None}))
    )
    place = f"{path}:1: message 1"
    kind = "call_without_type"
    said = check(path, "--select", kind)
    assert said.err.splitlines()[0] == f"warning: {kind}: 2, 1 [*], first {place}"
    head, *places, _ = check(path, "--select", kind, "--format", "grouped").out.splitlines()
    assert head == f'warning: {kind}: 2, 1 [*]: a tool call has no "type": "function"'
    assert places == [
        f'  {place}: tool call 0: "type" is not "function" [*]',
        f'  {place}: tool call 1: "type" is not "function"',
    ]
    lines = check(path, "--select", kind, "--statistics").out.splitlines()
    assert lines[0] == f"2  warning  [ ] {kind}  first {place}, 1 [*]"
    found = json.loads(check(path, "--select", kind, "--json").out)["findings"]
    assert [finding["fixable"] for finding in found] == [True, False]


def test_statistics_as_json_are_a_list(check: Callable[..., Done], bad: Path) -> None:
    """In the same order; each with its first finding."""
    counts = json.loads(check(bad, "--statistics", "--json").out)
    assert [count["kind"] for count in counts] == [
        "arguments_object",
        "consecutive_users",
        "identical_messages",
        "role",
    ]
    first = dataclasses.asdict(next(each for each in found(bad) if each.kind == "role"))
    assert counts[-1] == {
        "kind": "role",
        "severity": "error",
        "summary": KINDS["role"].summary,
        "count": 1,
        "fixable": 1,
        "first": first,
    }


def test_statistics_of_a_corrected_copy_are_of_what_is_left(
    check: Callable[..., Done], bad: Path, tmp_path: Path
) -> None:
    """What was corrected is no finding any more."""
    done = check(bad, "--statistics", "--fix", "-o", tmp_path / "fixed.jsonl")
    assert [line.split()[4] for line in done.out.splitlines()] == [
        "consecutive_users",
        "identical_messages",
    ]
    assert done.err == "fixed 2\n"


def test_the_summary_names_what_resolves_an_error(
    check: Callable[..., Done], models: dict[str, Path], tmp_path: Path
) -> None:
    """Below the first place of each kind: where in the conversation it is, and what was tried on it."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(chat(USER, said("x"), said("y")))
    done = check(path, "--model", models["prefills_thinking"], "--select", "prompt_mismatch")
    first, where, cure = done.err.splitlines()
    assert first == f"error: prompt_mismatch: 2, first {path}:1: message 1"
    assert where == "  after a user's message, without reasoning"
    assert cure.startswith("  tried on this record: --prompt-mismatch ")


def test_json_is_one_object_with_everything(
    check: Callable[..., Done], bad: Path, tmp_path: Path
) -> None:
    """Findings, changes and counts; an empty input is an object, too."""
    for flags in (["--json"], ["--format", "json"]):
        whole = json.loads(check(bad, *flags).out)
        assert whole["findings"] == [dataclasses.asdict(finding) for finding in found(bad)]
        assert whole["counts"]["role"] == 1
        assert whole["changes"] == []
    whole = json.loads(check(bad, "--json", "--fix", "-o", tmp_path / "fixed.jsonl").out)
    assert [change["kind"] for change in whole["changes"]] == ["role", "arguments_object"]
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    assert json.loads(check(empty, "--json").out) == {"findings": [], "changes": [], "counts": {}}


def test_sarif_has_what_its_schema_requires(check: Callable[..., Done], bad: Path) -> None:
    """Version, driver, rules, and results that name a rule by its index, a level, a text and a location."""
    log = json.loads(check(bad, "--format", "sarif").out)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "everyturn"
    names = [rule["id"] for rule in driver["rules"]]
    assert len(set(names)) == len(names)
    for rule in driver["rules"]:
        assert rule["defaultConfiguration"]["level"] == severity_of(rule["id"])
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    for shown, finding in zip(run["results"], found(bad), strict=True):
        assert names[shown["ruleIndex"]] == shown["ruleId"] == finding.kind
        assert shown["level"] == finding.severity
        assert shown["message"]["text"] == finding.text
        (place,) = shown["locations"]
        assert place["physicalLocation"]["region"]["startLine"] == finding.line
        assert place["physicalLocation"]["artifactLocation"]["uri"] == bad.as_uri()


def test_commands_for_github_are_escaped(check: Callable[..., Done], bad: Path) -> None:
    """Percent signs everywhere, commas and colons in properties; a command is a line."""
    lines = check(bad, "--format", "github").out.splitlines()
    assert len(lines) == len(found(bad))
    name = str(bad).replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    assert lines[0].startswith(f"::error file={name},line=1,title=role::message 1: ")
    assert lines[-1].startswith(f"::notice file={name},line=2,title=arguments_object::message 2: ")
    out = io.StringIO()
    writer = WRITERS["github"](out)
    writer.write(Finding("a\nb", 1, None, "role", "error", "100 %\r\nof it"))
    assert out.getvalue() == "::error file=a%0Ab,line=1,title=role::100 %25%0D%0Aof it\n"


def test_texts_with_odd_names_stay_one_line(check: Callable[..., Done], tmp_path: Path) -> None:
    """What comes from the data is quoted and escaped."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(
        chat({**USER, "a\nb": 1}, said("x", "bo\nt"))
        + chat(USER, calling(call("x\u2028y", "\n{")), tools=[SUM])
    )
    done = check(path)
    assert len(done.out.splitlines()) == len(found(path))


def test_a_corrected_copy_appears_beside_an_input_that_stays(
    check: Callable[..., Done], bad: Path, tmp_path: Path
) -> None:
    """Changes are listed, and the findings are those of the copy."""
    before = bad.read_bytes()
    copy = tmp_path / "fixed.jsonl"
    done = check(bad, "--fix", "-o", copy)
    assert bad.read_bytes() == before
    assert copy.read_bytes() == copied(before)[0]
    assert done.code == 0
    assert 'message 1: fixed: role: the role "bot" became "assistant"' in done.out
    assert done.err.startswith("fixed 2\n")
    assert {finding.kind for finding in found(copy)} == {"consecutive_users", "identical_messages"}


def test_an_input_is_never_overwritten(
    check: Callable[..., Done], bad: Path, tmp_path: Path
) -> None:
    """Under whatever name."""
    before = bad.read_bytes()
    link = tmp_path / "link.jsonl"
    link.symlink_to(bad)
    for name in (bad, link):
        done = check(bad, "--fix", "-o", name)
        assert done.code == 2
        assert "never overwritten" in done.err
    assert bad.read_bytes() == before
    assert check(bad, bad, "--fix", "-o", tmp_path / "x.jsonl").code == 2
    assert not (tmp_path / "x.jsonl").exists()


def test_a_copy_that_cannot_be_whole_does_not_appear(
    check: Callable[..., Done], tmp_path: Path
) -> None:
    """A line over the limit, and broken compression."""
    long = tmp_path / "long.jsonl"
    long.write_bytes(chat(USER, said("x" * 500)) + GOOD)
    assert check(long, "--fix", "-o", tmp_path / "x.jsonl", "--max-line-bytes", 300).code == 2
    assert kinds(long, max_line_bytes=300) == {"line_too_long"}
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(GOOD)[:-9])
    assert check(cut, "--fix", "-o", tmp_path / "x.jsonl").code == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.gz", "long.jsonl"]


def test_stdin_is_an_input() -> None:
    """Under the name of a dash."""
    command = [sys.executable, "-m", "everyturn", "check", "-"]
    done = subprocess.run(
        command, input=chat(USER, said("x", "bot")), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"-:1: message 1: error: role: ")
