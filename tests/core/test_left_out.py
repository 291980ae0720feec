"""What a template leaves out of a record is counted by name.

Compared with what changes if the record says something else, over published templates and conversations of every shape.
"""

import copy
import json
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import everyturn
from battery import Case, cases
from everyturn._core import MAX_WARNING_PLACES
from published import write_model
from reference.left_out import Message, pieces_left_out, tools_left_out

#: Without `--whole`, one template of so many is compared.
SAMPLED = 12
#: What is counted of a target, by what the reference calls it.
OF_TARGETS = {
    "text": "own_text_dropped",
    "reasoning": "reasoning_dropped",
    "calls": "tool_calls_dropped",
}


@dataclass(frozen=True)
class Target:
    """A conversation whose last message alone is trained, with what it was expanded to."""

    name: str
    case: Case
    report: everyturn.Report

    @property
    def at(self) -> int:
        """The index of the message that is trained."""
        return len(self.case.messages) - 1


def _targets(expander: everyturn.Expander) -> Iterator[Target]:
    for name, case in cases().items():
        messages = case.messages
        if not messages or not _is_read_as_it_stands(messages):
            continue
        if messages[-1].get("role") != "assistant":
            messages = [*messages, {"role": "assistant", "content": "Zed."}]
        answers = [at for at, message in enumerate(messages) if message.get("role") == "assistant"]
        for at in answers:
            shown = messages[: at + 1]
            try:
                report = expander.expand([_record(case, shown)]).report
            except everyturn.EveryturnError:
                continue
            if "arguments_converted" in report.warnings:
                # Records are adapted to what the template takes, and requests are not.
                shown = [_with_other_arguments(message) for message in shown]
            if report.targets_trained == 1:
                yield Target(
                    f"{name}, message {at}", Case(shown, case.tools, None, case.variables), report
                )


def _record(case: Case, shown: list[Message]) -> dict[str, Any]:
    """Return the record whose last message alone is trained."""
    context = [{**message, "weight": 0} for message in shown[:-1]]
    record: dict[str, Any] = {"messages": [*context, {**shown[-1], "weight": 1}]}
    if case.tools is not None:
        record["tools"] = case.tools
    if case.variables:
        record["chat_template_kwargs"] = case.variables
    return record


def _is_read_as_it_stands(messages: list[Message]) -> bool:
    """Whether records with these messages are shown to templates as requests with them are."""
    return all(
        "function_call" not in message
        and message.get("role") != "function"
        and not isinstance(message.get("content"), list)
        and sum(bool(message.get(key)) for key in ("reasoning_content", "thinking", "reasoning"))
        < 2
        and (message.get("tool_calls") is None or _are_calls(message["tool_calls"]))
        for message in messages
    )


def _are_calls(calls: Any) -> bool:
    return isinstance(calls, list) and all(
        isinstance(call, dict)
        and isinstance(call.get("function", call), dict)
        and call.get("function", call).get("name")
        for call in calls
    )


def _with_other_arguments(message: Message) -> Message:
    """Return the message with arguments of calls as objects where they are JSON text, and the reverse."""
    other = copy.deepcopy(message)
    for call in other.get("tool_calls") or []:
        function = call.get("function", call)
        given = function.get("arguments")
        if isinstance(given, str):
            try:
                read = json.loads(given)
            except ValueError:
                continue
            function["arguments"] = read if isinstance(read, dict) else given
        elif isinstance(given, dict):
            function["arguments"] = json.dumps(given)
    return other


def _found(target: Target) -> dict[str, Any]:
    """What the report says."""
    counted, places = target.report.warnings, target.report.warning_places

    def messages(kind: str) -> tuple[int, list[int | None]]:
        return counted.get(kind, 0), [place.message_index for place in places.get(kind, ())]

    return {
        "target": {what for what, name in OF_TARGETS.items() if name in counted},
        "messages": messages("message_dropped"),
        "parts": messages("message_part_dropped"),
        "tools": "tools_dropped" in counted,
    }


def _listed(messages: Iterable[int]) -> tuple[int, list[int]]:
    """How many there are, and those that a report lists."""
    found = sorted(messages)
    return len(found), found[:MAX_WARNING_PLACES]


def _expected(target: Target, render: Callable[..., str | None]) -> dict[str, Any]:
    """What the reference says."""
    case = target.case

    def prompt(messages: list[Message], tools: list[Any] | None) -> str | None:
        return render(messages, tools, prompting=True, variables=case.variables)

    def turn(messages: list[Message], tools: list[Any] | None) -> str | None:
        return render(messages, tools, prompting=False, variables=case.variables)

    of_target = pieces_left_out(turn, case.messages, case.tools, target.at) - {"everything"}
    if (
        "arguments_emptied" in target.report.warnings
        and "tool_calls_dropped" not in target.report.warnings
    ):
        # The server shows `{}` instead, which has a name of its own.
        of_target.discard("calls")
    shown = case.messages[:-1]
    before = {at: pieces_left_out(prompt, shown, case.tools, at) for at in range(target.at)}
    return {
        "target": of_target,
        "messages": _listed(at for at, pieces in before.items() if "everything" in pieces),
        "parts": _listed(
            at
            for at, pieces in before.items()
            if "everything" not in pieces and pieces - {"reasoning"}
        ),
        "tools": bool(case.tools) and bool(tools_left_out(prompt, shown, case.tools or [])),
    }


@pytest.mark.parametrize("serve", ["vllm", "template"])
def test_what_left_no_byte_is_counted_by_name(
    data: Path, serve: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each part of each message, and each tool, is in the text or in the report; nothing else is in the report."""
    step = 1 if request.config.getoption("--whole") else SAMPLED
    wrong, compared = [], 0
    for path in sorted((data / "templates").glob("*.jinja"))[::step]:
        folder = write_model(tmp_path / path.name, path.read_bytes().decode())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", everyturn.ServingWarning)
                renderer = everyturn.Renderer.from_dir(folder, serve=serve)
        except everyturn.ModelError:
            continue

        def render(
            messages: list[Message],
            tools: list[Any] | None,
            *,
            prompting: bool,
            variables: dict[str, Any],
            renderer: everyturn.Renderer = renderer,
        ) -> str | None:
            try:
                return renderer.render(
                    messages, tools=tools, add_generation_prompt=prompting, **variables
                )
            except everyturn.EveryturnError:
                return None

        expander = everyturn.Expander(
            renderer,
            layout="per_turn",
            on_error="skip",
            prompt_mismatch="skip",
            control_tokens="allow",
        )
        for target in _targets(expander):
            if (
                render(
                    target.case.messages,
                    target.case.tools,
                    prompting=False,
                    variables=target.case.variables,
                )
                is None
            ):
                continue
            compared += 1
            expected, found = _expected(target, render), _found(target)
            if expected != found:
                wrong.append(
                    f"{path.name}, {target.name}\n  expected {expected}\n  found    {found}"
                )
    assert compared > 1000
    assert not wrong, "\n".join([f"{len(wrong)} of {compared}", *wrong[:40]])
