"""Compares the engine with transformers over a folder of templates and prints docs/templates.md.

Usage: python tools/compare_templates.py [FOLDER] > docs/templates.md

Every template meets every conversation of tests/support/battery.py, with and without the generation prompt. The same
cells are a test (tests/template/test_templates.py); this prints them.
"""

import collections
import os
import sys
import warnings
from pathlib import Path

import jinja2
import tokenizers
import transformers

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import battery  # noqa: E402 - found beside the tests
import template_reference as sides  # noqa: E402

EQUAL, BOTH, OURS, THEIRS, DIFFERENT = (
    "equal",
    "both raise",
    "only everyturn raises",
    "only transformers raises",
    "different",
)
KINDS = (EQUAL, BOTH, OURS, THEIRS, DIFFERENT)


def kind(expected: sides.Answer, found: sides.Answer) -> str:
    """What a cell is."""
    if isinstance(expected, str) and isinstance(found, str):
        return EQUAL if expected == found else DIFFERENT
    if isinstance(expected, str):
        return OURS
    return THEIRS if isinstance(found, str) else BOTH


def main() -> None:
    """Print the page."""
    warnings.simplefilter("ignore")
    data = os.environ.get("EVERYTURN_DATA", str(ROOT.parent / "shared" / "data"))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(data) / "templates"
    cases = battery.cases()
    rows: dict[str, collections.Counter[str]] = {}
    with sides.stopped_clock():
        for path in sorted(folder.glob("*.jinja")):
            source = path.read_text(encoding="utf-8")
            engine = sides.Engine(source)
            counts = rows[path.stem] = collections.Counter()
            for case in cases.values():
                for prompting in (False, True):
                    expected = sides.reference_apply(source, case, prompting=prompting)
                    counts[kind(expected, engine.apply(case, prompting=prompting))] += 1
    total = sum(rows.values(), collections.Counter[str]())
    versions = (
        f"transformers {transformers.__version__} "
        f"(jinja2 {jinja2.__version__}, tokenizers {tokenizers.__version__})"
    )
    print(f"""# Templates tested

Made by `make templates`: {len(rows)} published chat templates x {len(cases)} conversations x generation
prompt off and on, rendered by everyturn and by {versions}.
A cell is one rendering. Where both raise, the template refuses the conversation, such as one with a system
message. The templates belong to their publishers and are not part of this project.

| | cells |
|---|---|""")
    for name in KINDS:
        print(f"| {name} | {total[name]:,} |")
    print("\n| template | " + " | ".join(KINDS) + " |")
    print("|---|" + "---|" * len(KINDS))
    for template, counts in rows.items():
        print(f"| {template} | " + " | ".join(str(counts[name]) for name in KINDS) + " |")


if __name__ == "__main__":
    main()
