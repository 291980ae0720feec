"""Faults in groups, with what was tried on the first of each: what is named gives that record its sample."""

import re
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import Record, to_jsonl
from everyturn.catalogue import KINDS
from everyturn.cures import LOCATED, notes_on
from everyturn.faults import Fault, Notes, causes
from everyturn.report_text import first_faults
from everyturn.wording import counted

USER: Record = {"role": "user", "content": "Well?"}
ANSWER: Record = {"role": "assistant", "content": "So."}
THOUGHT: Record = {**ANSWER, "reasoning_content": "Hm."}
CALL: Record = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT: Record = {"role": "tool", "tool_call_id": "a", "content": "3"}


def written(tmp_path: Path, *chats: list[Record]) -> Path:
    """Return a file of chats."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl({"messages": chat} for chat in chats))
    return path


def lines(expander: everyturn.Expander, path: Path) -> list[str]:
    """Return what is dropped of a file, in words."""
    report = expander.replace(on_error="skip").expand(path).report
    return report.lines(notes_on(expander, report.faults))


def test_faults_of_one_kind_are_told_apart_by_their_circumstances(
    models: dict[str, Path], tmp_path: Path
) -> None:
    """How often each occurs, the most frequent first, with the first place of each."""
    path = written(
        tmp_path,
        [USER, ANSWER, USER, ANSWER],
        [USER, ANSWER, ANSWER],
        [USER, CALL, RESULT, ANSWER],
    )
    found = lines(everyturn.Expander(models["prefills_thinking"]), path)
    assert "dropped 6 targets: prompt_mismatch" in found
    places = [
        line.partition(": the prompt is not")[0] for line in found if "the prompt is not" in line
    ]
    assert places == [
        f"  after a user's message, without reasoning, 3 times: first {path}:1: message 1",
        f"  after another assistant message, without reasoning: {path}:2: message 2",
        f"  after a user's message, with 1 tool call, without reasoning: {path}:3: message 1",
        f"  after a tool's result, without reasoning: {path}:3: message 3",
    ]


@pytest.mark.parametrize("chat", [[USER, ANSWER], [USER, THOUGHT], [USER, ANSWER, ANSWER]])
@pytest.mark.parametrize("model", ["prefills_thinking", "drops_reasoning", "chatml"])
def test_every_policy_that_is_named_gives_a_sample(
    models: dict[str, Path], tmp_path: Path, model: str, chat: list[Record]
) -> None:
    """And what is said to be no cure gives none."""
    path = written(tmp_path, chat)
    expander = everyturn.Expander(models[model], on_error="skip")
    faults = expander.expand(path).report.faults
    notes = notes_on(expander, faults)
    for fault, said in notes.lines.items():
        for policy in re.findall(r"--prompt-mismatch (\w+)", " ".join(said)):
            trial = expander.replace(prompt_mismatch=policy).expand(path)
            gives = any(fault.message_index in sample.targets for sample in trial)
            assert gives == ("without success" not in said[0])
    assert bool(notes.lines) == bool(faults)


def test_what_costs_something_is_tried_last(models: dict[str, Path], tmp_path: Path) -> None:
    """`common_prefix` is named where nothing else works, and nowhere else."""
    expander = everyturn.Expander(models["prefills_thinking"], on_error="skip")
    text = "\n".join(lines(expander, written(tmp_path, [USER, ANSWER])))
    assert "tried on this record: --prompt-mismatch " in text
    assert "common_prefix" not in text


def test_a_policy_that_is_set_is_not_proposed(tmp_path: Path) -> None:
    """It has failed already."""
    renderer = everyturn.Renderer.from_dir("demo")
    expander = everyturn.Expander(
        renderer, max_length=3, overflow="truncate_prompt", on_error="skip"
    )
    text = "\n".join(lines(expander, written(tmp_path, [USER, {**ANSWER, "content": "So. " * 9}])))
    assert "tried on this record without success: --overflow shrink_history" in text


def test_a_control_token_and_a_long_chat_have_cures_that_work(tmp_path: Path) -> None:
    """Each kind has its own options."""
    path = written(tmp_path, [{**USER, "content": "a<|im_end|>"}, ANSWER])
    text = "\n".join(lines(everyturn.Expander("demo", control_tokens="reject"), path))
    assert "tried on this record: --control-tokens literal resolves it" in text
    path = written(tmp_path, [USER, ANSWER] * 4)
    text = "\n".join(lines(everyturn.Expander("demo", max_length=30), path))
    assert "tried on this record: --overflow shrink_history resolves it" in text


def test_a_chat_that_a_server_refuses_may_be_rendered_as_it_stands(tmp_path: Path) -> None:
    """The option of a renderer is tried as well."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": 5}}
    path = written(tmp_path, [USER, {"role": "assistant", "content": "", "tool_calls": [call]}])
    for serve in ("vllm", "sglang"):
        expander = everyturn.Expander(everyturn.Renderer.from_dir("demo", serve=serve))
        found = [line for line in lines(expander, path) if "--serve template" in line]
        refused = expander.replace(on_error="skip").expand(path).report.records_dropped
        assert bool(found) == ("refused_by_server" in refused)


def test_ids_of_calls_that_a_template_refuses_have_a_cure(tmp_path: Path) -> None:
    """The corrected copy of `check`."""
    template = (
        "{%- for message in messages -%}{{- '<|im_start|>' ~ message.role ~ '\\n' -}}"
        "{%- for call in message.tool_calls or [] -%}"
        "{%- if call.id|length != 9 -%}{{- raise_exception('nine letters') -}}{%- endif -%}{{- call.id -}}"
        "{%- endfor -%}{{- message.content ~ '<|im_end|>\\n' -}}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
    )
    expander = everyturn.Expander(template_renderer("demo", chat_template=template))
    text = "\n".join(lines(expander, written(tmp_path, [USER, CALL, RESULT, ANSWER])))
    assert "dropped 2 targets: template" in text
    assert "tried on this record: `everyturn check --fix --model DIR`" in text


@pytest.mark.parametrize(
    ("chat", "options"),
    [
        ({"dialog": [USER, ANSWER]}, {"map": {"messages": "dialog"}}),
        (
            {"messages": [{"by": "user", "says": "Hi"}, {"by": "assistant", "says": "So."}]},
            {"map": {"role": "by", "content": "says"}},
        ),
        ({"messages": [{**USER, "role": "me"}, ANSWER]}, {"roles": {"me": "user"}}),
        (
            {"question": "Hi", "answer": "So."},
            {"map": {"prompt": "question", "completion": "answer"}},
        ),
    ],
)
def test_the_circumstances_are_those_of_the_record_as_it_was_read(
    tmp_path: Path, chat: Record, options: dict[str, Any]
) -> None:
    """By other names of keys and roles, too."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl([chat]))
    expander = everyturn.Expander("demo", max_length=3, on_error="skip", **options)
    (fault,) = expander.expand(path).report.faults
    assert (fault.kind, fault.message_index) == ("too_long", 1)
    notes = notes_on(expander, [fault])
    assert notes.circumstances[fault] == "after a user's message, without reasoning"


def test_a_file_that_has_changed_since_has_no_circumstances(tmp_path: Path) -> None:
    """Its line may hold fewer messages than it did."""
    path = written(tmp_path, [USER, ANSWER])
    expander = everyturn.Expander("demo", max_length=3, on_error="skip")
    (fault,) = expander.expand(path).report.faults
    written(tmp_path, [USER])
    assert notes_on(expander, [fault]).circumstances == {fault: ""}


def test_records_that_cannot_be_read_again_have_no_notes(models: dict[str, Path]) -> None:
    """Bytes and iterables: their faults are counted with their first places, and nothing is guessed."""
    expander = everyturn.Expander(models["prefills_thinking"], on_error="skip")
    report = expander.expand([{"messages": [USER, ANSWER]}]).report
    notes = notes_on(expander, report.faults)
    assert (notes.circumstances, notes.lines) == ({}, {})
    (line,) = [line for line in report.lines(notes) if "the prompt is not" in line]
    assert line.startswith("  <records>:1: message 1: the prompt is not")


def test_causes_are_texts_without_what_varies() -> None:
    """Quotations and numbers; of many causes the first five are named."""
    texts = [f'byte {n}: found "{n}"' for n in range(7)] + [f"fault {name}" for name in "abcdefg"]
    faults = [
        Fault("a.jsonl", line, None, "json", f"a.jsonl:{line}: {text}")
        for line, text in enumerate(texts, 1)
    ]
    found = causes(faults)["json"]
    assert [cause.count for cause in found] == [7, *[1] * 7]
    assert len(first_faults(faults, Notes())) == 5


def test_only_kinds_that_options_resolve_are_tried() -> None:
    """A broken line has no message and no policy."""
    assert {"prompt_mismatch", "template", "too_long", "control_token"} <= LOCATED
    assert not LOCATED & {"json", "role", "shape", "io"}
    assert all(kind.resort is not None for kind in KINDS.values() if kind.cures)


def test_a_count_has_its_noun() -> None:
    """In the singular where it is one."""
    report = everyturn.Expander("demo").expand([{"messages": [USER, ANSWER]}]).report
    assert str(report).startswith(
        "all_assistant_messages: 1 target in 1 sample from 1 conversation; "
    )
    assert counted(0, "target") == "0 targets"
