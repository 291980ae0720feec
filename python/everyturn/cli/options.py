"""Flags for the model and for every option of `Expander`, made from the dataclass itself."""

import argparse
import dataclasses
import os
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin

from everyturn.cli.completion import add_file_argument, complete_with, directory
from everyturn.exceptions import OptionsError
from everyturn.expander import OPTION_NAMES, Expander
from everyturn.io.inputs import paths_of, total_bytes
from everyturn.io.json_lines import loads
from everyturn.model_folder import is_template_file
from everyturn.model_sources import (
    CONTENT_FORMAT,
    ENGINE,
    LIMITS,
    SERVE,
    TOKENIZER,
    Sources,
    sources_of,
)
from everyturn.options import TRAIN_ON_ALIASES, ContentFormat, Engine, Serve, TokenizerSource
from everyturn.renderer import Renderer
from everyturn.samples.keep_option import from_flag
from everyturn.wording import flag

PYTHON_WORDS = {"True": True, "False": False, "None": None}
"""Values of template arguments that Python spells otherwise than JSON: as text, all of them would be true."""

LARGE_INPUT = 2 << 20
"""From this many bytes of input on, the fast engine is worth loading before the first text."""


def add_inputs(parser: argparse.ArgumentParser, *, limits_records: bool = True) -> None:
    """Add the names of what is read and, unless the command limits something else, how many records are."""
    add_file_argument(
        parser,
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a file (JSON lines or a JSON list, compressed or not; Parquet, Arrow, CSV), a folder "
        'that datasets saved, a glob, or "-" for stdin',
    )
    if limits_records:
        parser.add_argument("--limit", type=int, metavar="N", help="take the first N records")


_OF_A_MODEL = {
    "chat_template": None,
    "template_kwargs": None,
    "now": None,
    "engine": ENGINE,
    "serve": SERVE,
    "content_format": CONTENT_FORMAT,
    "tokenizer": TOKENIZER,
    "stop_token": None,
    "limits": LIMITS,
}
"""What the flags of a model are where they are not given."""


def refuse_model_flags(parsed: argparse.Namespace) -> None:
    """Refuse flags that say something of a model, where none is given.

    Raises:
        OptionsError: The text names the flag.
    """
    for name, default in _OF_A_MODEL.items():
        if getattr(parsed, name, default) != default:
            raise OptionsError(f"{flag(name)} needs --model")


def add_model_flags(
    parser: argparse.ArgumentParser,
    *,
    required: bool = True,
    serve: Serve = SERVE,
    encodes: bool = True,
) -> None:
    """Add the flags that make a `Renderer`, with a default server of their own where one is given.

    A command that encodes nothing has no flag for the engine.
    """
    model = parser.add_argument_group("model")
    complete_with(
        model.add_argument(
            "--model",
            required=required,
            metavar="DIR",
            help='a model folder, the id of a model in the Hugging Face cache, or "demo", the built-in model',
        ),
        directory,
    )
    _add_template_flags(model)
    if encodes:
        model.add_argument(
            "--engine",
            choices=get_args(Engine),
            default=ENGINE,
            help="what encodes text; the ids are the same (default: %(default)s)",
        )
    _add_server_flags(model, serve)
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
    model.add_argument(
        "--limits",
        type=int,
        default=LIMITS,
        metavar="N",
        help="a factor for the limits on the model's files and on the cost of a rendering (default: %(default)s)",
    )


def _add_template_flags(model: argparse._ArgumentGroup) -> None:
    add_file_argument(
        model, "--chat-template", help="another chat template (.jinja), or a template's name"
    )
    model.add_argument(
        "--template-kwargs",
        metavar="KEY=VALUE",
        action="append",
        help="an argument for the template, e.g. enable_thinking=false; repeat the flag, or give all as a JSON object",
    )
    model.add_argument("--now", metavar="ISO", help="the local time that the template is shown")


def _add_server_flags(model: argparse._ArgumentGroup, serve: Serve) -> None:
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
        help="how the server passes contents to the template: as text or as a list of parts (default: %(default)s)",
    )


def add_expander_flags(
    parser: argparse.ArgumentParser,
    *,
    names: Sequence[str] = OPTION_NAMES,
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """Add a flag for each of the named options, with their own defaults where none is given here."""
    group = parser.add_argument_group("expansion")
    types = typing.get_type_hints(Expander)
    for field in dataclasses.fields(Expander):
        if field.name not in names:
            continue
        type_ = types[field.name]
        default = (defaults or {}).get(field.name, field.default)
        arguments: dict[str, Any] = {"default": default, "help": field.metadata["summary"]}
        if type_ is bool:
            arguments["action"] = "store_true"
            group.add_argument(flag(field.name), **arguments)
            continue
        if default is not None and default != ():
            arguments["help"] += " (default: %(default)s)"
        if field.name == "keep":
            arguments |= {"type": _kept, "metavar": "KEY[:TYPE],..", "action": Merged}
        elif field.name in ("map", "roles"):
            arguments |= {"type": _names, "metavar": "NAME=OTHER,..", "action": Merged}
        elif get_origin(type_) is typing.Literal:
            aliases = TRAIN_ON_ALIASES if field.name == "train_on" else {}
            arguments |= {
                "choices": [*get_args(type_), *aliases],
                "metavar": "|".join(get_args(type_)),
            }
        else:
            arguments |= {"type": int, "metavar": "N"}
        group.add_argument(flag(field.name), **arguments)


class Merged(argparse.Action):
    """A flag whose names add up where it is given more than once; of what is said of one name, the last holds."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - given by argparse
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,  # noqa: ARG002 - likewise
    ) -> None:
        """Add what the flag names to what it named before."""
        before = getattr(namespace, self.dest)
        if before is not self.default:
            values = before | values if isinstance(values, dict) else f"{before},{values}"
        setattr(namespace, self.dest, values)


def _kept(text: str) -> dict[str, str | None]:
    try:
        return from_flag(text)
    except OptionsError as error:
        # argparse says of other errors only that there is one.
        raise argparse.ArgumentTypeError(str(error)) from error


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
    is_file = template is not None and is_template_file(template)
    return [*names, *([template] if is_file else [])]


def renderer_from(parsed: argparse.Namespace) -> Renderer:
    """Load the model that the flags name, for the inputs that they name."""
    sources = sources_from(parsed, model=parsed.model, chat_template=parsed.chat_template)
    return Renderer(dataclasses.replace(sources, needs_fast_engine=_is_large(parsed)))


def sources_from(parsed: argparse.Namespace, *, model: str, chat_template: str | None) -> Sources:
    """Gather what the flags say of a model, and of a template of its own."""
    return sources_of(
        model,
        chat_template=chat_template,
        template_kwargs=kwargs_from(parsed),
        now=parsed.now,
        engine=getattr(parsed, "engine", ENGINE),
        serve=parsed.serve,
        content_format=parsed.content_format,
        tokenizer=parsed.tokenizer,
        stop_token=parsed.stop_token,
        limits=parsed.limits,
    )


def _is_large(parsed: argparse.Namespace) -> bool:
    """Whether a command reads so much that the fast engine will be needed, and has a second thread to load it."""
    if getattr(parsed, "limit", None) is not None:
        return False
    threads = getattr(parsed, "num_threads", None) or os.cpu_count() or 1
    size = total_bytes(paths_of(getattr(parsed, "inputs", [])))
    return threads > 1 and size is not None and size >= LARGE_INPUT


def expander_from(parsed: argparse.Namespace) -> Expander:
    """Build the expander that the flags describe; options without a flag have their defaults."""
    given = {name: getattr(parsed, name) for name in OPTION_NAMES if hasattr(parsed, name)}
    return Expander(renderer_from(parsed), **given)


def kwargs_from(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments for the template that the flags give, each as KEY=VALUE or all of them as JSON."""
    kwargs: dict[str, Any] = {}
    for text in parsed.template_kwargs or ():
        kwargs |= _json_object(text) if text.lstrip().startswith("{") else _argument(text)
    return kwargs


def _json_object(text: str) -> dict[str, Any]:
    try:
        kwargs: dict[str, Any] = loads(text)
    except ValueError as error:
        raise OptionsError(f"--template-kwargs: not JSON: {error}") from error
    return kwargs


def _argument(text: str) -> dict[str, Any]:
    """Read ``KEY=VALUE``: the value is JSON, a word of Python, or else text."""
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals):
        raise OptionsError(
            f"--template-kwargs: expected KEY=VALUE or a JSON object, not {text!r}; "
            """for instance enable_thinking=false, or '{"enable_thinking": false}'"""
        )
    if value in PYTHON_WORDS:
        return {name: PYTHON_WORDS[value]}
    try:
        return {name: loads(value)}
    except ValueError:
        return {name: value}
