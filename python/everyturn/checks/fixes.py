"""Corrections of a record, each with exactly one right answer.

In: the bytes of a record. Out: the bytes of the corrected record, and what was changed. What is corrected, and how,
is defined with each rule; what is ambiguous is left as it is. A record of which nothing is changed keeps its
bytes; any other is rewritten in the style of the old one, with numbers of the same value.
"""

import json
from collections.abc import Collection
from typing import Any

from everyturn.checks.finding import Remark
from everyturn.checks.records import lists_of_messages
from everyturn.checks.rules import FIXES


def fixed(text: bytes, format: str, ignored: Collection[str] = ()) -> tuple[bytes, list[Remark]]:  # noqa: A002
    r"""Correct a record; what is ignored is not corrected.

    >>> fixed(b'{"messages": [{"role": "human", "content": "Hi"}]}', "messages")[0]
    b'{"messages": [{"role": "user", "content": "Hi"}]}'
    """
    try:
        before = text.decode()
        data = json.loads(before, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text, []
    if not isinstance(data, dict):
        return text, []
    entries = [
        (first + i, item)
        for first, items in lists_of_messages(data, format)
        for i, item in enumerate(items)
        if isinstance(item, dict)
    ]
    remarks = [
        remark
        for kind, fix in FIXES.items()
        if kind not in ignored
        for remark in fix(data, entries, format)
    ]
    return (json.dumps(data, **_style(before)).encode(), remarks) if remarks else (text, [])


def _refuse(name: str) -> None:
    raise ValueError(name)


def _style(text: str) -> dict[str, Any]:
    """Find how a record was written, so that another is written so."""
    data = json.loads(text)
    styles: list[dict[str, Any]] = [
        {"ensure_ascii": ascii_only, "separators": separators}
        for ascii_only in (False, True)
        for separators in ((", ", ": "), (",", ":"))
    ]
    same = (style for style in styles if json.dumps(data, **style) == text.strip())
    return next(same, styles[0])
