"""Sections to a page.

In: sections with their data. Out: the text of one HTML file, with a policy that lets nothing run or load but the page's
own style and script, which are named by their hashes.
"""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from everyturn import _core

HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a page.

    Attributes:
        name: What its script registers as.
        title: Its heading.
        template: Jinja source; it sees ``context``.
        style: A style sheet.
        script: A script; see `everyturn.html`.
        context: What the template sees.
        data: What the script gets: plain JSON types.
    """

    name: str
    title: str
    template: str
    style: str
    script: str
    context: Mapping[str, Any]
    data: Any

    @classmethod
    def from_folder(
        cls, folder: Path, name: str, *, title: str, data: Any, context: Mapping[str, Any]
    ) -> "Section":
        """Take template, style and script from the files of that name."""
        files = [f"{name}.html.jinja", f"{name}.css", f"{name}.js"]
        template, style, script = ((folder / file).read_text(encoding="utf-8") for file in files)
        return cls(
            name=name,
            title=title,
            template=template,
            style=style,
            script=script,
            context=context,
            data=data,
        )


def page(title: str, sections: Sequence[Section]) -> str:
    """Return the page."""
    environment = _environment()
    style = _joined("shell.css", [section.style for section in sections])
    script = (
        _joined("shell.js", [section.script for section in sections]) + "\neveryturn.start();\n"
    )
    return environment.from_string((HERE / "shell.html.jinja").read_text(encoding="utf-8")).render(
        title=title,
        version=_core.__version__,
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704 - the package's own file
        script=Markup(script),  # noqa: S704 - likewise
        sections=[
            {
                "name": section.name,
                "title": section.title,
                "data": section.data,
                "body": Markup(  # noqa: S704 - rendered with escaping
                    environment.from_string(section.template).render(section.context)
                ),
            }
            for section in sections
        ],
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # The filter escapes what would end a script element; letters of all languages stay as they are.
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    return environment


def _joined(file: str, parts: Sequence[str]) -> str:
    text = "\n".join([(HERE / file).read_text(encoding="utf-8"), *parts])
    if "</" in text or "<!--" in text:
        raise ValueError("a style sheet or a script of the package would end its element")
    return text


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
