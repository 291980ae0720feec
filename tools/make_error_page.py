"""Print docs/errors.md: every kind of error, warning and finding, from the catalogue.

python tools/make_error_page.py > docs/errors.md
"""

import textwrap

from everyturn.catalogue import CHAPTERS
from everyturn.diagnostics.kind import Kind

WIDTH = 140

TITLE = "# Errors, warnings and findings\n"

INTRODUCTION = (
    "Every name that an error, a report, `everyturn check` or `everyturn lint` can show, why it matters and what to "
    "do. `everyturn explain NAME` prints the same. **error**: the record or the target is dropped, or the run ends. "
    "**warning**: nothing is dropped, but something is not trained as it is written, or other tools refuse it. "
    "**note**: nothing needs to be done. Errors without a severity always end the run; the severity of a finding of "
    "`everyturn lint` depends on the template, and is part of the finding. Lines are counted from 1, messages from 0. "
    "`tools/make_error_page.py` makes this page."
)


def page() -> str:
    """Return the page."""
    parts = [TITLE, "\n".join(wrapped(INTRODUCTION)) + "\n"]
    for title, kinds in CHAPTERS.items():
        parts.append(f"## {title}\n")
        parts += map(entry, kinds)
    return "\n".join(parts)


def entry(kind: Kind) -> str:
    """Return what the page says of a kind."""
    severity = "" if kind.severity is None else f" ({kind.severity})"
    lines = [f"### {kind.name}", "", f"**{kind.summary}**{severity}", ""]
    lines += [*wrapped(kind.reason), "", *wrapped(f"*What to do:* {kind.remedy}")]
    if kind.hint is not None:
        lines += ["", *wrapped(f"*Hint:* {kind.hint}")]
    return "\n".join(lines) + "\n"


def wrapped(text: str) -> list[str]:
    """Break a paragraph into lines."""
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)


if __name__ == "__main__":
    print(page(), end="")
