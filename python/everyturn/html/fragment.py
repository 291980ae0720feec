"""What a terminal shows, as a piece of a page.

In: lines and tables as `rich` prints them. Out: HTML for a notebook, escaped, with its styles in it: nothing is loaded,
nothing runs, and text without a colour of its own has that of the page, light or dark.
"""

import io
from collections.abc import Iterable

from rich.console import Console, RenderableType

COLUMNS = 100
FORMAT = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:1.3;'
    "font-family:Menlo,Consolas,'DejaVu Sans Mono',monospace\">{code}</pre>"
)


def fragment(shown: Iterable[RenderableType]) -> str:
    """Return lines and tables as HTML.

    >>> from rich.text import Text
    >>> "1 &lt; 2" in fragment([Text("1 < 2")])
    True
    """
    console = Console(
        width=COLUMNS,
        record=True,
        file=io.StringIO(),
        force_terminal=True,
        force_jupyter=False,
        color_system="standard",
        no_color=False,
        highlight=False,
    )
    for each in shown:
        console.print(each, soft_wrap=True, markup=False)
    return console.export_html(inline_styles=True, code_format=FORMAT)
