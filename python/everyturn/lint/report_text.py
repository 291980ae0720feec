"""The words of a report on a template.

In: the report. Out: lines of text. What is found, the core says.
"""

import json
import textwrap
from typing import TYPE_CHECKING, Any

from everyturn.wording import counted, flag, shortened

if TYPE_CHECKING:
    from everyturn.lint.report import StopToken, TemplateReport

WIDTH = 80
"""The most columns of a line."""

SHOWN = 300
"""The characters that are shown of what a template says where no system message is given."""

ARGUMENTS = {
    "object": "object",
    "text": "JSON text",
    "either": "object or JSON text",
    None: "not rendered",
}
"""How arguments of calls must be given, in words."""

OWNERS = {
    "turn": "of the turn",
    "next_header": "the next header",
    "stop_token": "appended by stop_token",
}


def report_lines(report: "TemplateReport") -> list[str]:
    """Return the report as text, each line of at most `WIDTH` columns."""
    lines = [_headline(report)]
    if report.compiles:
        lines += ["", *_facts(report), "", *_probes(report)]
    if report.findings:
        lines.append("")
    for finding in report.findings:
        lines += _wrapped(f"{finding.severity}: ", f"{finding.text} [{finding.kind}]", indent=2)
    if report.recommendation:
        lines.append("")
    for advice in report.recommendation:
        setting = f"try {_flag(advice.option, advice.value)}: "
        lines += _wrapped("", setting + advice.text, indent=2)
    return lines


def _headline(report: "TemplateReport") -> str:
    counts = {
        severity: sum(finding.severity == severity for finding in report.findings)
        for severity in ("error", "warning", "note")
    }
    said = [counted(n, what) for what, n in counts.items() if n]
    verdict = "fine by default"
    if counts["error"]:
        verdict = "training would be wrong by default"
    elif counts["warning"]:
        verdict = "usable with the defaults"
    return f"{verdict}: {', '.join(said) or 'nothing to say'}"


def _facts(report: "TemplateReport") -> list[str]:
    facts = _server_facts(report)
    stops = [
        ("stop of tool calls" if stop.of == "tool_calls" else "stop token", _stop_text(stop))
        for stop in report.stop_tokens
    ]
    if len(stops) == 2 and stops[0][1] == stops[1][1]:  # noqa: PLR2004 - one line says both
        stops.pop()
    facts += stops or [("stop token", "none")]
    if begin := report.begin_token:
        tokenizer = "adds it, too, where it may" if begin.added else "adds none"
        facts.append(
            (
                "begin token",
                f"{begin.text}, written {begin.written}x; the tokenizer {tokenizer}",
            )
        )
    facts += [
        ("read", ", ".join(report.keys_read) or "none of the optional keys"),
        ("ignored", ", ".join(report.keys_ignored) or "nothing"),
        ("tool arguments", ARGUMENTS[report.tool_arguments]),
    ]
    if report.thinking_flags:
        flags = ", ".join(f"{name} ({kind})" for name, kind in report.thinking_flags.items())
        facts.append(("thinking flags", flags))
    if report.default_system is not None:
        facts.append(
            (
                "default system",
                json.dumps(shortened(report.default_system, SHOWN), ensure_ascii=False),
            )
        )
    if blocks := report.generation_blocks.count:
        equal = {
            True: "marks what is trained",
            False: "; ".join(report.generation_blocks.differs),
        }
        said = equal.get(bool(report.generation_blocks.equals_rule), "")
        said = "not comparable" if report.generation_blocks.equals_rule is None else said
        facts.append(("generation blocks", f"{blocks}: {said}"))
    return [line for name, text in facts for line in _wrapped(f"{name:<20}", text)]


def _server_facts(report: "TemplateReport") -> list[tuple[str, str]]:
    contents = {"string": "as texts", "openai": "as lists of parts"}
    server = "none: the template as it stands"
    if report.content_format is not None:
        server = f"{report.server}, contents {contents[report.content_format]}"
    others = [f"{serve} ({', '.join(chats)})" for serve, chats in report.prompts_differ.items()]
    return [
        ("prompts of", server),
        ("other prompts", ", ".join(others) or "none: every value of serve gives the same"),
    ]


def _probes(report: "TemplateReport") -> list[str]:
    lines = [
        f"{'conversation':<24}{'prompt is prefix':<20}{'history rewritten':<22}{'samples':>12}"
    ]
    says = {True: "yes", False: "NO", None: "refused"}
    for name, is_prefix in report.prompt_is_prefix.items():
        why = report.history_rewritten.get(name, "-")
        rows = report.rows.get(name)
        shown = "-" if rows is None else str(rows)
        lines.append(f"{name:<24}{says[is_prefix]:<20}{why:<22}{shown:>12}")
    return lines


def _stop_text(stop: "StopToken") -> str:
    number = "" if stop.id is None else f" ({stop.id})"
    owner = OWNERS[stop.owner]
    after = f", then {json.dumps(stop.trailing, ensure_ascii=False)}" if stop.trailing else ""
    return f"{stop.text}{number}, {owner}{after}"


def _flag(option: str, value: Any) -> str:
    shown = value if isinstance(value, str) else f"'{json.dumps(value)}'"
    return f"{flag(option)} {shown}"


def _wrapped(label: str, text: str, indent: int | None = None) -> list[str]:
    after = " " * (len(label) if indent is None else indent)
    return textwrap.wrap(
        label + text,
        WIDTH,
        subsequent_indent=after,
        break_on_hyphens=False,
        replace_whitespace=True,
        drop_whitespace=True,
    )
