"""`check` finds what an expansion would refuse and count, at the same locations."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import everyturn
from checked_chats import (
    ANSWER,
    LINES,
    USER,
    call,
    calling,
    chat,
    found,
    kinds,
    result,
    said,
    without,
)
from everyturn import _core

SHAPE_ERRORS = {
    *("line_too_long", "json", "json_utf8", "json_surrogate", "json_number", "json_depth"),
    *("not_an_object", "unknown_format", "shape", "role", "tools", "weight", "template_kwargs"),
}


"""Kinds for which a record is refused before it is expanded."""


# --------------------------------------------------------------------------------------------
# Against the expansion
# --------------------------------------------------------------------------------------------


def are_lines(source: bytes, **options: Any) -> bool:
    """Whether it is anything but one broken document, which ends a run."""
    return all(finding.kind != "json_document" for finding in found(source, **options))


def shape_faults(source: Any, **options: Any) -> list[tuple[int, int | None, str, str]]:
    """Return the first shape fault of each line, by `Expander`."""
    report = everyturn.Expander("demo", on_error="skip", **options).expand(source).report
    return [
        (fault.line, fault.message_index, fault.kind, fault.text)
        for fault in report.faults
        if fault.kind in SHAPE_ERRORS
    ]


@given(
    st.lists(LINES, max_size=6),
    st.sampled_from(["auto", "messages", "sharegpt", "alpaca", "prompt_completion"]),
)
def test_check_has_an_error_exactly_where_expand_drops_a_record_for_its_shape(
    lines: list[bytes], input_format: Any
) -> None:
    """The same lines, and among the errors of a line the very one that expand names."""
    source = b"\n".join(lines)
    options: dict[str, Any] = {"input_format": input_format, "max_line_bytes": 350}
    assume(are_lines(source, **options))
    expected = shape_faults(source, **options)
    findings = found(source, **options)
    assert {f.line for f in findings if f.kind in SHAPE_ERRORS} == {line for line, *_ in expected}
    named = {(f.line, f.message_index, f.kind) for f in findings}
    assert {fault[:3] for fault in expected} <= named
    texts = {(f.line, f.text) for f in findings}
    for line, _, _, text in expected:
        assert any(text.endswith(said) for number, said in texts if number == line)


@given(st.lists(LINES, max_size=6))
def test_with_a_model_the_faults_are_those_of_the_expansion(lines: list[bytes]) -> None:
    """Every fault that on_error="skip" names is a finding at its location; what more there is has a shape."""
    source = b"\n".join(lines)
    assume(are_lines(source))
    report = everyturn.Expander("demo", on_error="skip").expand(source).report
    errors = {
        (f.line, f.message_index, f.kind)
        for f in found(source, renderer="demo")
        if f.kind in _core.ERROR_KINDS
    }
    named = {(fault.line, fault.message_index, fault.kind) for fault in report.faults}
    assert named <= errors
    assert {kind for *_, kind in errors - named} <= SHAPE_ERRORS


TOLD = (
    chat(USER, {**ANSWER, "reasoning_content": "Because."}),
    chat(USER, said("a<|im_end|>b")),
    chat(USER, said("")),
    chat({**USER, "weight": 1}, ANSWER),
    chat({"role": "user", "content": [{"type": "text", "text": "a"}]}, ANSWER),
    chat(USER, calling(call()), result(), ANSWER),
    chat(USER, calling(call(arguments={"a": 1})), result(), ANSWER),
    chat(USER, without(calling(call()), "content"), result(), ANSWER),
    chat(USER, {**ANSWER, "weight": 0}),
    chat(ANSWER),
    chat(USER, ANSWER, USER, ANSWER),
)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("demo", {}),
        ("chatml", {}),
        ("drops_reasoning", {}),
        ("parts", {}),
        ("string_arguments", {}),
        ("strict_alternation", {}),
        ("prefills_thinking", {"prompt_mismatch": "splice"}),
        ("prefills_thinking", {"prompt_mismatch": "common_prefix"}),
        ("prefills_thinking", {"prompt_mismatch": "error"}),
        ("demo", {"max_length": 12}),
        ("demo", {"control_tokens": "reject"}),
        ("demo", {"train_on": "all_tokens"}),
        ("demo", {"layout": "conversation"}),
    ],
)
def test_what_an_expansion_counts_is_found_at_its_line(
    models: dict[str, Path], model: str, options: dict[str, Any]
) -> None:
    """Line by line: warnings, control tokens, unread keys, dropped records and faults of the report."""
    renderer = everyturn.Renderer.from_dir(models.get(model, model))
    for line in TOLD:
        report = everyturn.Expander(renderer, on_error="skip", **options).expand(line).report
        named = kinds(line, renderer=renderer, **options)
        expected = {*report.warnings, *(fault.kind for fault in report.faults)}
        expected |= {"unread_keys"} if report.unread_keys else set()
        expected |= {"no_target"} & set(report.records_dropped)
        # What does not depend on one record.
        expected -= {"stop_not_in_generation_config"}
        assert expected <= named
        about_expansion = {*_core.WARNINGS, *_core.ERROR_KINDS, "no_target", "unread_keys"}
        # Rules name what looks like a token of any model, and answers that are empty before the template.
        assert named & about_expansion - {"control_tokens", "empty_targets"} <= expected


def test_all_shared_chats_are_checked_as_they_are_expanded(data: Path) -> None:
    """No internal error, and errors of shape at the locations that expand reports."""
    for path in sorted((data / "chats").glob("*.jsonl*")):
        findings = found(path)
        assert "internal" not in {finding.kind for finding in findings}
        places = {(f.line, f.message_index, f.kind) for f in findings if f.kind in SHAPE_ERRORS}
        assert {fault[:3] for fault in shape_faults(path)} <= places
        assert {line for line, *_ in places} == {line for line, *_ in shape_faults(path)}
