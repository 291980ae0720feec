"""Flags for the model and for every option of `Expander`, made from the dataclass itself."""

import argparse
import dataclasses
import json
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from everyturn import _core
from everyturn.cli.completion import complete_with, directory, file
from everyturn.exceptions import OptionsError, system_words
from everyturn.expander import OPTION_NAMES, Expander
from everyturn.model_sources import CONTENT_FORMAT, ENGINE, SERVE, TOKENIZER
from everyturn.options import TRAIN_ON_ALIASES, ContentFormat, Engine, Serve, TokenizerSource
from everyturn.renderer import Renderer
from everyturn.samples.kept_types import from_flag


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the names of what is read, and how much of it."""
    complete_with(
        parser.add_argument(
            "inputs",
            nargs="+",
            metavar="INPUT",
            help="a file (JSON lines or a JSON list, compressed or not; Parquet, Arrow, CSV), a folder "
            'that datasets saved, a glob, or "-" for stdin',
        ),
        file,
    )
    parser.add_argument("--limit", type=int, metavar="N", help="take the first N records")


def add_model_flags(
    parser: argparse.ArgumentParser, *, required: bool = True, serve: Serve = SERVE
) -> None:
    """Add the flags that make a `Renderer`, with a default server of their own where one is given."""
    model = parser.add_argument_group("model")
    complete_with(
        model.add_argument(
            "--model", required=required, metavar="DIR", help='a model folder, or "demo"'
        ),
        directory,
    )
    complete_with(
        model.add_argument(
            "--chat-template",
            metavar="FILE",
            help="another chat template (.jinja), or a template's name",
        ),
        file,
    )
    model.add_argument(
        "--template-kwargs",
        metavar="JSON",
        help="""arguments for it, e.g. '{"enable_thinking": false}'""",
    )
    model.add_argument("--now", metavar="ISO", help="the local time that the template is shown")
    model.add_argument(
        "--engine",
        choices=get_args(Engine),
        default=ENGINE,
        help="what encodes text; the ids are the same (default: %(default)s)",
    )
    model.add_argument(
        "--serve",
        choices=get_args(Serve),
        default=serve,
        help="the server whose prompts are made (default: %(default)s)",
    )
    model.add_argument(
        "--content-format",
        choices=get_args(ContentFormat),
        default=CONTENT_FORMAT,
        help="how it gives contents to the template (default: %(default)s)",
    )
    model.add_argument(
        "--tokenizer",
        choices=get_args(TokenizerSource),
        default=TOKENIZER,
        help="tokenizer.json as it stands, or as transformers loads it (default: %(default)s)",
    )
    model.add_argument(
        "--stop-token",
        metavar="TOKEN",
        help='for a template that ends no turn: a control token to append, or "eos"',
    )


def add_expander_flags(
    parser: argparse.ArgumentParser,
    *,
    names: Sequence[str] = OPTION_NAMES,
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """Add a flag for each of the named options, with their own defaults where none is given here."""
    group = parser.add_argument_group("options")
    types = typing.get_type_hints(Expander)
    for field in dataclasses.fields(Expander):
        if field.name not in names:
            continue
        kind = types[field.name]
        default = (defaults or {}).get(field.name, field.default)
        arguments: dict[str, Any] = {"default": default, "help": field.metadata["summary"]}
        if kind is bool:
            arguments["action"] = "store_true"
            group.add_argument("--" + field.name.replace("_", "-"), **arguments)
            continue
        if default is not None and default != ():
            arguments["help"] += " (default: %(default)s)"
        if field.name == "keep":
            arguments |= {"type": from_flag, "metavar": "KEY[:TYPE],.."}
        elif field.name in ("map", "roles"):
            arguments |= {"type": _names, "metavar": "NAME=OTHER,.."}
        elif get_origin(kind) is typing.Literal:
            aliases = TRAIN_ON_ALIASES if field.name == "train_on" else {}
            arguments |= {
                "choices": [*get_args(kind), *aliases],
                "metavar": "|".join(get_args(kind)),
            }
        else:
            arguments |= {"type": int, "metavar": "N"}
        group.add_argument("--" + field.name.replace("_", "-"), **arguments)


def _names(text: str) -> dict[str, str]:
    """Names for other names: ``messages=dialog,role=speaker``."""
    pairs = [entry.partition("=") for entry in text.split(",") if entry.strip()]
    if not pairs or any(
        not (name.strip() and equals and other.strip()) for name, equals, other in pairs
    ):
        raise argparse.ArgumentTypeError(f"expected NAME=OTHER,.., not {text!r}")
    return {name.strip(): other.strip() for name, _, other in pairs}


def read_by(parsed: argparse.Namespace, names: Iterable[str]) -> list[str]:
    """The files that a command reads: its inputs of these names, and the template where it is a file."""
    template = parsed.chat_template
    return [*names, *([template] if template is not None and _is_file(template) else [])]


def renderer_from(parsed: argparse.Namespace) -> Renderer:
    """Load the model that the flags name."""
    return Renderer.from_dir(
        parsed.model,
        chat_template=template_from(parsed),
        template_kwargs=kwargs_from(parsed),
        now=parsed.now,
        engine=parsed.engine,
        serve=parsed.serve,
        content_format=parsed.content_format,
        tokenizer=parsed.tokenizer,
        stop_token=parsed.stop_token,
    )


def expander_from(parsed: argparse.Namespace) -> Expander:
    """Build the expander that the flags describe; options without a flag have their defaults."""
    given = {name: getattr(parsed, name) for name in OPTION_NAMES if hasattr(parsed, name)}
    return Expander(renderer_from(parsed), **given)


def template_from(parsed: argparse.Namespace) -> str | None:
    """Return the text or the name of the template that the flags name."""
    text: str | None = parsed.chat_template
    if text is None or not _is_file(text):
        return text
    try:
        # Text of a file has line feeds only, as transformers reads it.
        return template_bytes(Path(text)).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise OptionsError(f"--chat-template: {text}: {system_words(error)}") from error
    except UnicodeDecodeError as error:
        raise OptionsError(f"--chat-template: {text}: not UTF-8") from error


def template_bytes(path: Path) -> bytes:
    """Read a template, or so much of what may have no end that the core says it is too long."""
    with path.open("rb") as file:
        return file.read(_core.MAX_TEMPLATE_BYTES + 1)


def _is_file(template: str) -> bool:
    """Whether a template is given by its file, not by its name."""
    return template.endswith(".jinja") or Path(template).is_file()


def kwargs_from(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments for the template that the flags give."""
    text: str | None = parsed.template_kwargs
    try:
        kwargs = json.loads(text or "{}")
    except ValueError as error:
        raise OptionsError(f"--template-kwargs: not JSON: {error}") from error
    if not isinstance(kwargs, dict):
        raise OptionsError(f"--template-kwargs: expected an object, found {text}")
    return kwargs
