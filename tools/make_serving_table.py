"""Print docs/serving.md with its table of rules made anew from the presets.

python tools/make_serving_table.py > docs/serving.md
"""

from pathlib import Path

from everyturn import _core

PAGE = Path(__file__).parent.parent / "docs" / "serving.md"
START = "<!-- The table is made by tools/make_serving_table.py. -->\n"
END = "<!-- End of the table. -->\n"


def page(text: str) -> str:
    """Return the page with the table of this version."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return before + START + table() + END + after


def table() -> str:
    """Return the rules field by field, a column for each server."""
    servers = sorted(_core.SERVERS, key=str.lower, reverse=True)
    rows = [[name, *facts] for name, facts in _facts(servers)]
    lines = [["", *servers], ["---"] * (len(servers) + 1), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _facts(servers: list[str]) -> list[tuple[str, list[str]]]:
    columns = [dict(_core.SERVERS[server]) for server in servers]
    return [(name, [column[name] for column in columns]) for name in columns[0]]


if __name__ == "__main__":
    print(page(PAGE.read_text(encoding="utf-8")), end="")
