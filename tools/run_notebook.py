"""Run a notebook's cells and write what they show into it.

    python tools/run_notebook.py examples/first_look.ipynb
    python tools/run_notebook.py --check examples/first_look.ipynb

In: a notebook of plain Python. Out: the same with the outputs of this run, or with ``--check`` exit code 1 if they
differ. A cell shows what it prints and the value of its last line, as Jupyter does; no kernel is needed.
"""

import argparse
import ast
import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

Cell = dict[str, Any]


def executed(text: str, folder: Path) -> str:
    """Return the notebook with the outputs that its cells have in a folder."""
    notebook = json.loads(text)
    namespace: dict[str, Any] = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    here = Path.cwd()
    os.chdir(folder)
    try:
        for count, cell in enumerate(cells, start=1):
            cell["execution_count"] = count
            cell["outputs"] = _outputs("".join(cell["source"]), count, namespace)
    finally:
        os.chdir(here)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _outputs(source: str, count: int, namespace: dict[str, Any]) -> list[Cell]:
    body = ast.parse(source)
    last = body.body[-1]
    is_shown = isinstance(last, ast.Expr) and not source.rstrip().endswith(";")
    before = ast.Module(body.body[: -1 if is_shown else None], [])
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(before, "cell", "exec"), namespace)  # noqa: S102 - our own notebook
        if isinstance(last, ast.Expr) and is_shown:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)  # noqa: S307 - likewise
    outputs: list[Cell] = []
    if printed.getvalue():
        outputs.append(
            {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
        )
    if value is not None:
        html = getattr(value, "_repr_html_", None)
        data = {"text/html": _lines(html())} if html else {}
        data["text/plain"] = _lines(repr(value))
        outputs.append(
            {
                "data": data,
                "execution_count": count,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return outputs


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail where outputs differ"
    )
    parsed = parser.parse_args()
    before = parsed.notebook.read_text(encoding="utf-8")
    after = executed(before, parsed.notebook.resolve().parent)
    if parsed.check:
        return int(before != after)
    parsed.notebook.write_text(after, encoding="utf-8")
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
