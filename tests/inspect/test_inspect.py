"""`everyturn inspect` in a terminal: what is shown is what is trained, and nothing in a chat steers the terminal."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import everyturn
from chats import to_jsonl
from everyturn import Expander, Renderer
from everyturn.cli import main
from everyturn.inspect import compare, pick, terminal
from everyturn.inspect.branches import branches
from everyturn.inspect.characters import clusters, cut, printable, width
from everyturn.inspect.inspection import Inspection, Sample, inspect_record
from everyturn.inspect.screen import BARS, TRAINED, wrapped_lines
from inspected_chats import CHATS, CJK, EMOJI, RTL, chat


def explained(source: Any, model: Any = "demo", **options: Any) -> Inspection:
    """Return the explanation of the first record."""
    expander = Expander(model, **options)
    return inspect_record(expander, next(pick.records(expander, source)))


def shown(explanation: Inspection, columns: int = 80, *, tokens: bool = False) -> list[str]:
    """Return the lines that a terminal shows, without colours."""
    return [line.plain for line in terminal.inspection_lines(explanation, columns, tokens=tokens)]


def check(sample: Sample, expanded: everyturn.Sample) -> None:
    """Hold a sample's explanation to the sample."""
    assert list(sample.ids) == expanded.input_ids.tolist()
    assert list(sample.labels) == expanded.labels.tolist()
    assert list(sample.targets) == expanded.targets.tolist()
    for parts in (sample.runs, sample.cells):
        assert "".join(part.text for part in parts) == sample.text
        assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])]
        assert parts[-1].end == len(sample.ids)
    trained = {at for run in sample.runs if run.trained for at in range(run.start, run.end)}
    assert trained == {at for at, label in enumerate(sample.labels) if label != -100}


# --------------------------------------------------------------------------------------------
# Samples, runs, cells
# --------------------------------------------------------------------------------------------

MODELS = ["demo", "qwen3", "llama-3.1", "llama-2", "phi-3-mini", "deepseek-v3", "minimind"]
FILES = ["mt_bench_ja_zh_ru", "nemo_gym_rollouts", "sgd_train", "tau_bench_gpt4o_airline"]
WAYS: dict[str, dict[str, Any]] = {
    "merged": {},
    "per_turn": {"layout": "per_turn"},
    "conversation": {"layout": "conversation"},
    "all tokens": {"train_on": "all_tokens"},
    "last turn": {"train_on": "last_assistant_turn"},
    "splice": {"prompt_mismatch": "splice"},
    "match_thinking": {"prompt_mismatch": "match_thinking"},
    "common_prefix": {"prompt_mismatch": "common_prefix"},
    "literal": {"control_tokens": "literal"},
    "window": {"history_turns": 1},
    "shrunk": {"max_length": 900, "overflow": "shrink_history"},
    "truncated": {"max_length": 300, "overflow": "truncate_prompt"},
}


#: Longer records take long with the library, by which offsets are found.
LONGEST = 30_000


@lru_cache(maxsize=1)
def loaded(folder: str) -> Renderer:
    """Load a model; the tests of one stand together."""
    return Renderer.from_dir(folder)


def test_the_parts_of_a_long_sample_are_found_in_linear_time() -> None:
    """As many parts as cells: looking at each cell for each takes minutes."""
    count = 50_000
    sample = Sample(
        text="ab" * count,
        ids=tuple(range(2 * count)),
        targets=(),
        trained=(),
        runs=(),
        cell_tokens=(2,) * count,
        cell_bytes=(2,) * count,
    )
    start = time.process_time()
    parts = [sample.part(2 * at, 2 * at + 2) for at in range(count)]
    assert time.process_time() - start < 10
    assert set(parts) == {"ab"}
    assert sample.part(1, 2) == ""
    assert sample.part(0, 3) == sample.part(0, 4) == "abab"
    assert sample.part(0, 10 * count) == sample.text


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", MODELS)
def test_real_chats_are_explained_with_the_ids_and_labels_that_expand_gives(
    data: Path, tokenizer_folder: Callable[[str], Path], model: str, way: str
) -> None:
    """Every sample, for several tokenizers, templates and options; targets that are lost are lost in both."""
    folder = "demo" if model == "demo" else str(tokenizer_folder(model))
    expander = Expander(loaded(folder), **{"on_error": "skip", **WAYS[way]})
    seen = 0
    for file in FILES:
        path = next((data / "chats").glob(f"{file}.jsonl*"))
        for line in islice(pick.records(expander, str(path)), 0, 60, 20):
            if line.text is None or len(line.text) > LONGEST:
                continue
            given = inspect_record(expander, line)
            expanded = Expander(
                expander.renderer, **{**expander.options(), "input_format": given.format}
            )
            samples = expanded.expand(line.text)
            for sample, row in zip(given.samples, samples, strict=True):
                check(sample, row)
            seen += len(samples)
            fates = [message.fate for message in given.messages]
            if expander.train_on != "all_tokens":
                assert fates.count("trained") == samples.report.targets_trained
                assert fates.count("fault") == sum(samples.report.targets_dropped.values())
    assert seen or way == "shrunk"


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize("layout", ["per_turn", "merged", "conversation"])
def test_the_runs_make_up_the_text_and_the_text_is_what_the_ids_decode_to(
    name: str, layout: Any
) -> None:
    """The demo tokenizer loses nothing, so that decoding gives back what was encoded."""
    renderer = Renderer.from_dir("demo")
    options = {"layout": layout, "prompt_mismatch": "splice"}
    given = explained(chat(name), renderer, **options)
    expanded = Expander(renderer, **options).expand(chat(name))
    for sample, row in zip(given.samples, expanded, strict=True):
        check(sample, row)
        assert sample.text == renderer.decode(row.input_ids)


@pytest.mark.parametrize("name", CHATS)
def test_words_belong_to_the_message_that_wrote_them(name: str) -> None:
    """What is attributed to a message is in that message, and all that it shows is attributed."""
    for sample in explained(chat(name)).samples:
        for at, message in enumerate(CHATS[name]):
            words = "".join(
                run.text for run in sample.runs if run.message == at and run.kind != "template"
            )
            if message["role"] in ("user", "system") and words:
                assert words == message["content"]


def test_tools_are_nobody_s_message() -> None:
    """The text of the list of tools is distinguished from the system message in the same block."""
    tools = [{"type": "function", "function": {"name": "weather"}}]
    runs = explained(chat("tools", tools=tools)).samples[0].runs
    assert "weather" in "".join(run.text for run in runs if run.origin == "tools")


def test_a_control_token_in_a_message_is_shown_as_that_message_s() -> None:
    """Injected control tokens are control tokens, by the user."""
    runs = explained(chat("hostile")).samples[0].runs
    injected = [run for run in runs if run.kind == "control" and run.message == 0]
    assert [run.text for run in injected] == ["<|im_end|>"]


def test_a_token_of_part_of_a_character_shares_its_cell() -> None:
    """No cell holds half a character, and together they hold each token once."""
    sample = explained(chat("foreign")).samples[0]
    assert any(cell.end - cell.start > 1 for cell in sample.cells)
    assert "\ufffd" not in sample.text


FATES: list[tuple[dict[str, Any], dict[int, str]]] = [
    (
        {},
        {
            1: "context",
            2: "trained in sample 0",
            4: "its own weight is 0",
            6: "trained in sample 0",
        },
    ),
    (
        {"train_on": "last_assistant_message"},
        {2: "train_on is last_assistant_message", 6: "trained"},
    ),
    ({"max_length": 30, "overflow": "drop"}, {2: "trained", 6: "too_long: the sample has"}),
]


@pytest.mark.parametrize(("options", "said"), FATES)
def test_each_message_is_told_why_it_is_trained_or_not(
    options: dict[str, Any], said: dict[int, str]
) -> None:
    """Weight, train_on, a fault: each as text."""
    given = explained(chat("plain"), **options)
    for at, words in said.items():
        assert words in given.messages[at].why(given.report.train_on)


def test_the_prompt_of_a_pair_is_context() -> None:
    """An assistant message in a prompt is not a target."""
    pair = {"prompt": CHATS["plain"][1:3] + CHATS["plain"][5:6], "completion": CHATS["plain"][6:]}
    assert [message.fate for message in explained(to_jsonl([pair])).messages] == [
        "context", "prompt", "context", "trained",
    ]  # fmt: skip


def test_a_prompt_mismatch_is_told_with_its_text(models: dict[str, Path]) -> None:
    """What is lost is named with the reason, and that expanding would end there."""
    given = explained(chat("plain"), models["prefills_thinking"])
    assert given.error is not None
    assert given.error.kind == "prompt_mismatch"
    assert "the prompt is not a prefix" in given.messages[2].why("")


def test_what_is_dropped_is_said_before_what_is_trained(models: dict[str, Path]) -> None:
    """In the style of warnings; nowhere is a dropped message among those that are trained."""
    given = explained(chat("plain"), models["prefills_thinking"], prompt_mismatch="skip")
    assert list(given.dropped) == [2, 6]
    lines = list(terminal.inspection_lines(given, 200))
    head, losses = lines[:2]
    assert head.plain.endswith("messages, trained: none")
    assert losses.plain.startswith("dropped: messages 2, 6: first prompt_mismatch: ")
    assert losses.style == terminal.WARNING
    assert not [line.plain for line in lines if "trained in" in line.plain]
    why = [line for line in lines if "not trained: prompt_mismatch" in line.plain]
    assert len(why) == 2
    assert all(terminal.WARNING in {str(span.style) for span in line.spans} for line in why)


def test_what_is_left_out_of_a_trained_message_is_said_with_it() -> None:
    """A warning that names a message is part of why it is trained, and stands before the samples."""
    given = explained(chat("plain"))
    remark = "own_text_dropped: its text is not in the completion"
    messages = list(given.messages)
    messages[2] = dataclasses.replace(messages[2], remarks=(remark,))
    given = dataclasses.replace(given, messages=tuple(messages))
    assert given.messages[2].why("") == f"trained in sample 0; {remark}"
    lines = list(terminal.inspection_lines(given, 200))
    (line,) = [line for line in lines if line.plain == f"warning: message 2: {remark}"]
    assert line.style == terminal.WARNING
    assert lines.index(line) < next(at for at, line in enumerate(lines) if "sample 0" in line.plain)


# --------------------------------------------------------------------------------------------
# Lines on a screen
# --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 80, 133])
@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize("name", CHATS)
def test_no_line_is_wider_than_the_screen(name: str, tokens: bool, columns: int) -> None:  # noqa: FBT001
    """Double-width characters, emoji and control characters included."""
    for line in shown(explained(chat(name)), columns, tokens=tokens):
        assert cell_len(line) <= columns, line


@pytest.mark.parametrize("name", CHATS)
def test_the_margin_says_what_the_colours_say(name: str) -> None:
    """A line is marked as trained if and only if all of it is, and all that is trained is in such lines."""
    given = explained(chat(name))
    for sample in given.samples:
        lines = wrapped_lines(sample, given.messages, 60)
        looks = {look for line in lines for piece in line.pieces for look in [piece.style]}
        assert "stop" in looks
        for line in lines:
            margin = line.margin(12)
            assert (margin[0] == TRAINED) == line.trained == (BARS[True] in margin)
            for piece in line.pieces:
                assert (piece.style in ("trained", "trained template", "stop")) == line.trained
        said = "".join(piece.text for line in lines if line.trained for piece in line.pieces)
        trained = "".join(run.text for run in sample.runs if run.trained)
        assert re.sub(r"[\s·↵]", "", said) == re.sub(r"[\s·↵]", "", printable(trained))


@pytest.mark.parametrize("tokens", [False, True])
def test_what_steers_a_terminal_does_not_reach_it(tokens: bool) -> None:  # noqa: FBT001
    """Escapes, bells, control characters of both sets, changes of direction and line separators are shown as signs."""
    text = "\n".join(shown(explained(chat("hostile")), tokens=tokens))
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text
    )
    assert "␛" in text
    assert "<U+202E>" in text


@pytest.mark.parametrize("text", ["", "abc", EMOJI, RTL, CJK, "e\u0301\u0301x"])
def test_clusters_make_up_the_text_and_cutting_keeps_to_the_width(text: str) -> None:
    """Nothing is lost, and no cluster begins with what belongs to the character before."""
    assert "".join(clusters(text)) == text
    assert not any(cluster[0] in "\u200d\u0301\ufe0f" for cluster in clusters(text))
    assert width(cut(text, 10)) <= 10


# --------------------------------------------------------------------------------------------
# Comparison
# --------------------------------------------------------------------------------------------


def test_a_one_render_mask_is_compared_target_by_target() -> None:
    """The demo template cuts earlier reasoning: it is missing from the first target, the second is the same."""
    expander = Expander("demo")
    line = next(pick.records(expander, chat("reasoning")))
    _, (first, second) = compare.compare(expander, line)
    assert (first.message, second.message) == (1, 3)
    assert first.same_prompt
    assert not first.same_completion
    found = first.difference("trained")
    assert found is not None
    assert found.exact.startswith("<think>\nOne and one.")
    assert found.one_render.startswith("2")
    assert second.is_same


def test_a_template_that_keeps_history_trains_the_same_in_one_rendering() -> None:
    """Then no target differs, and the words say so."""
    expander = Expander("demo")
    line = next(pick.records(expander, chat("tools")))
    explanation, comparisons = compare.compare(expander, line)
    assert all(each.is_same for each in comparisons)
    text = "\n".join(
        line.plain for line in terminal.comparison_lines(comparisons, explanation.messages, 80)
    )
    assert "0 of 2 targets differ" in text


# --------------------------------------------------------------------------------------------
# Records
# --------------------------------------------------------------------------------------------


def test_a_sample_of_the_records_is_the_same_for_a_seed_and_in_order(tmp_path: Path) -> None:
    """Which records are chosen depends on the seed alone."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl([{"messages": CHATS["plain"], "n": n} for n in range(50)]))
    expander = Expander("demo")
    chosen, count = pick.random_records(expander, str(path), 7, 1)
    assert count == 50
    assert [line.line for line in chosen] == sorted({line.line for line in chosen})
    assert len(chosen) == 7
    assert pick.random_records(expander, str(path), 7, 1)[0] == chosen
    assert pick.random_records(expander, str(path), 7, 2)[0] != chosen
    assert [line.line for line in pick.random_records(expander, str(path), 99, 0)[0]] == list(
        range(1, 51)
    )


# --------------------------------------------------------------------------------------------
# The command
# --------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of chats, with a blank line and a broken one."""
    path = tmp_path / "chats.jsonl"
    lines = [chat(name) for name in ("plain", "reasoning", "hostile")]
    path.write_bytes(lines[0] + b"\n" + lines[1] + b'{"messages": [\n' + lines[2])
    return path


def test_the_command_shows_the_conversation_of_a_line(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line 3 is the second record: line 2 is blank."""
    assert main(["inspect", f"{path}:3", "--model", "demo"]) == 0
    out = capsys.readouterr().out
    assert "One and one." in out
    assert "trained in sample 1" in out


def test_the_command_tries_what_gives_a_dropped_target_its_sample(
    path: Path, models: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """On that very record; the policy that is named does."""
    arguments = ["inspect", f"{path}:1", "--model", str(models["prefills_thinking"])]
    assert main(arguments) == 1
    (policy,) = re.findall(
        r"tried on this record: --prompt-mismatch (\w+)", capsys.readouterr().out
    )
    assert main([*arguments, "--prompt-mismatch", policy]) == 0
    assert "dropped" not in capsys.readouterr().out


def test_the_data_are_those_of_the_explanation(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json` gives ids, labels, runs, why, and the comparison."""
    arguments = ["--model", "demo", "--json", "--compare", "conversation"]
    assert main(["inspect", f"{path}:3", *arguments]) == 0
    plain = json.loads(capsys.readouterr().out)
    samples = Expander("demo").expand(chat("reasoning"))
    assert [sample["ids"] for sample in plain["samples"]] == [
        row.input_ids.tolist() for row in samples
    ]
    assert [sample["labels"] for sample in plain["samples"]] == [
        row.labels.tolist() for row in samples
    ]
    assert plain["messages"][1]["why"] == "trained in sample 0"
    assert [each["same_completion"] for each in plain["comparison"]] == [False, True]


WRONG: list[tuple[str, list[str], tuple[int, str]]] = [
    (":99", [], (2, "there is no such line: the last record is in line 5")),
    (":0", [], (2, "lines are counted from 1")),
    (":2", [], (2, "the line is blank")),
    (":4", [], (1, ":4: ")),
    ("nowhere", [], (2, "no such file")),
    (":1", ["--sample", "3"], (2, "--sample and --seed choose the conversations of a page")),
    (":1", ["--json", "--tokens"], (2, "leave --tokens out")),
    (":1", ["--control-tokens", "literal", "--compare", "conversation"], (2, "literal")),
]  # fmt: skip


@pytest.mark.parametrize(("end", "arguments", "expected"), WRONG)
def test_what_cannot_be_shown_is_said(
    path: Path,
    capsys: pytest.CaptureFixture[str],
    end: str,
    arguments: list[str],
    expected: tuple[int, str],
) -> None:
    """Wrong use ends with 2, broken data with 1, both with text on stderr."""
    code, words = expected
    assert main(["inspect", f"{path}{end}", "--model", "demo", *arguments]) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


def test_a_file_without_records_has_nothing_to_show(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1: the data hold nothing."""
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"\n\n")
    assert main(["inspect", str(empty), "--model", "demo"]) == 1
    assert "holds no records" in capsys.readouterr().err


def test_a_fault_of_a_target_is_shown_and_told_by_the_exit_code(
    path: Path, models: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where expand would end, the conversation is shown all the same."""
    model = str(models["prefills_thinking"])
    assert main(["inspect", f"{path}:1", "--model", model]) == 1
    assert "expand would end here: prompt_mismatch" in capsys.readouterr().out.replace("\n", " ")
    assert main(["inspect", f"{path}:1", "--model", model, "--prompt-mismatch", "skip"]) == 0


def run(path: Path, **environment: str) -> str:
    """Run the command in its own process and return what it prints."""
    command = [sys.executable, "-m", "everyturn", "inspect", f"{path}:5", "--model", "demo"]
    done = subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, **environment}
    )
    return done.stdout.decode(environment.get("PYTHONIOENCODING", "utf-8"))


def test_colours_come_where_they_are_wanted(path: Path) -> None:
    """None into a pipe; with FORCE_COLOR some; with NO_COLOR none whatever else is set."""
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9][;m]")
    assert "\x1b" not in run(path)
    assert colour.search(run(path, FORCE_COLOR="1", TERM="xterm-256color"))
    assert not colour.search(run(path, FORCE_COLOR="1", NO_COLOR="1", TERM="xterm-256color"))


def test_a_terminal_without_the_characters_gets_them_escaped(path: Path) -> None:
    """ASCII output does not fail."""
    assert "\\u2503" in run(path, PYTHONIOENCODING="ascii")


def test_a_tree_is_shown_with_its_trunk_once() -> None:
    """Each answer from where its path parts from the others, and which message is rendered otherwise there."""
    messages = []
    for turn in range(3):
        messages.append({"role": "user", "content": f"Question {turn}?"})
        thought = f"Thought {turn}."
        messages.append(
            {"role": "assistant", "content": f"Answer {turn}.", "reasoning_content": thought}
        )
    expander = Expander("demo", layout="tree")
    (record,) = pick.records(expander, json.dumps({"messages": messages}).encode())
    inspection = inspect_record(expander, record)
    samples = expander.expand([{"messages": messages}])
    found = branches(inspection.samples)
    assert [branch.of for branch in found] == [None, 0, 1]
    report = inspection.report
    assert (report.rows, report.tokens) == (len(samples), len(samples.input_ids))
    assert f"{report}" == f"{samples.report}"
    assert sum(
        len(sample.ids) - branch.shared
        for sample, branch in zip(inspection.samples, found, strict=True)
    ) == len(samples.input_ids)
    for sample, branch in zip(inspection.samples, found, strict=True):
        assert sample.text.endswith(branch.rest.text)
        assert "".join(run.text for run in branch.rest.runs) == branch.rest.text
        assert "".join(cell.text for cell in branch.rest.cells) == branch.rest.text
        assert branch.rest.trained_tokens == sample.trained_tokens
    lines = [line.plain for line in terminal.inspection_lines(inspection, 80)]
    assert max(map(len, lines)) <= 80
    shown = "\n".join(lines[: next(at for at, line in enumerate(lines) if "── messages" in line)])
    assert all(shown.count(f"Question {turn}?") == 1 for turn in range(3))
    assert "branches off path 0 after " in shown
    assert "where assistant 1 is rendered" in shown


def test_every_path_of_a_tree_of_messages_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that holds several conversations shows all of them."""
    answers = [{"text": f"answer {at}", "role": "assistant", "replies": []} for at in range(2)]
    tree = {"prompt": {"text": "q", "role": "prompter", "replies": answers}}
    path = tmp_path / "tree.jsonl"
    path.write_text(json.dumps(tree))
    assert main(["inspect", f"{path}:1", "--model", "demo"]) == 0
    shown = capsys.readouterr().out
    assert "conversation 2 of 2" in shown
    assert all(f"T assistant 1 ┃ answer {at}<|im_end|>" in shown for at in range(2))
    assert main(["inspect", str(path), "--model", "demo", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["messages"][1]["excerpt"] for record in records] == ["answer 0", "answer 1"]
