"""``everyturn lint``: what a chat template does to training."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from everyturn.cli.completion import add_file_argument
from everyturn.cli.console import EXIT_DATA, EXIT_DONE
from everyturn.cli.options import add_model_flags, kwargs_from, sources_from
from everyturn.control_characters import lines_shown
from everyturn.exceptions import OptionsError
from everyturn.lint.report import TemplateReport
from everyturn.model_folder import read_template
from everyturn.model_sources import TOKENIZER

EXAMPLES = """\
examples:
  everyturn lint --model path/to/model
  everyturn lint --model path/to/model --template-kwargs enable_thinking=false
  everyturn lint chat_template.jinja --json

exit codes: 0 fine, 1 training would be wrong by default, 2 wrong use
"""

COLOURS = {"error:": "bold red", "warning:": "yellow", "note:": "cyan", "try": "green"}


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="report what a chat template does to training",
        description="Tell what a chat template does to training, by rendering made-up conversations.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_file_argument(
        parser,
        "template",
        nargs="?",
        metavar="TEMPLATE",
        help='a template file (.jinja) without a model; "-" for stdin; a folder is read as a model',
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    add_model_flags(parser, required=False, encodes=False)


def run(parsed: argparse.Namespace) -> int:
    """Look, and say what was found."""
    report = _report(parsed)
    if parsed.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False))  # noqa: T201
    else:
        _show(report.lines())
    return EXIT_DONE if report.is_fine else EXIT_DATA


def _report(parsed: argparse.Namespace) -> TemplateReport:
    given: str | None = parsed.template
    if given is not None and Path(given).is_dir() and parsed.model is None:
        given, parsed.model = None, given
    if given is None:
        if parsed.model is None:
            raise OptionsError("name a model with --model, or a template file")
        sources = sources_from(parsed, model=parsed.model, chat_template=parsed.chat_template)
        return TemplateReport.from_json(sources.lint())
    if parsed.model is not None or parsed.chat_template is not None:
        raise OptionsError(
            f"{given}: this is a template; with a model, give it with --chat-template"
        )
    if parsed.tokenizer != TOKENIZER:
        raise OptionsError("--tokenizer needs --model")
    return TemplateReport.of_template(
        _from_stdin() if given == "-" else read_template(given, limits=parsed.limits),
        template_kwargs=kwargs_from(parsed),
        now=parsed.now,
        serve=parsed.serve,
        content_format=parsed.content_format,
        stop_token=parsed.stop_token,
        limits=parsed.limits,
    )


def _from_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise OptionsError("-: not UTF-8") from error


def _show(lines: list[str]) -> None:
    lines = [lines_shown(line) for line in lines]
    if not sys.stdout.isatty():
        print("\n".join(lines))  # noqa: T201
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for line in lines:
        text = Text(line)
        first, _, _ = line.partition(" ")
        if style := COLOURS.get(first):
            text.stylize(style, 0, len(first))
        console.print(text, soft_wrap=True)
