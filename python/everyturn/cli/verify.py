"""``everyturn verify``: prompts compared with those of a running server."""

import argparse
import json
import os
from typing import Any

from everyturn.cli.console import EXIT_DATA, EXIT_DONE, say, show
from everyturn.cli.options import add_expander_flags, add_inputs, add_model_flags, expander_from
from everyturn.expander import OPTION_NAMES
from everyturn.verification import TIMEOUT
from everyturn.verification.verifier import LIMIT, verify

API_KEY = "EVERYTURN_API_KEY"
"""The environment variable that holds the server's API key: command lines can be read by others."""

WITHOUT_FLAGS = frozenset(
    {
        *("layout", "normalize", "deduplicate", "keep", "provenance", "keep_texts"),
        *("on_error", "num_threads"),
    }
)
"""Options that change no prompt."""

EXAMPLES = f"""\
examples:
  everyturn verify chats.jsonl --model path/to/model --server http://127.0.0.1:8000
  everyturn verify chats.jsonl --model path/to/model --server http://127.0.0.1:30000 --serve sglang --limit 200
  everyturn verify chats.jsonl --model path/to/model --server http://127.0.0.1:8000 --suggest

The server is vLLM, SGLang or llama.cpp. Records are chosen evenly spaced over the input, and targets evenly spaced over
each: the same input and limit give the same prompts. A server that asks for a key gets that of the environment
variable {API_KEY}. Nothing is sent to another host.

exit codes: 0 all prompts are equal, 1 one differs, none could be compared or the server does not answer, 2 wrong use
"""


def add_parser(commands: Any, name: str) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        name,
        help="compare prompts with those of a running server",
        description="Compare the prompts of samples, id for id, with those that a running server makes of the same "
        "chats.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_inputs(parser, limits_records=False)
    parser.add_argument(
        "--server", required=True, metavar="URL", help="the server, http://HOST:PORT"
    )
    parser.add_argument(
        "--limit",
        type=int,
        default=LIMIT,
        metavar="N",
        help="compare at most N prompts (default: %(default)s)",
    )
    parser.add_argument(
        "--suggest",
        action="store_true",
        help="try every preset and content format, and report which match the server",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=TIMEOUT,
        metavar="SECONDS",
        help="how long an answer may take (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    add_model_flags(parser)
    add_expander_flags(parser, names=[name for name in OPTION_NAMES if name not in WITHOUT_FLAGS])


def run(parsed: argparse.Namespace) -> int:
    """Compare, and say what was found."""
    found = verify(
        expander_from(parsed),
        parsed.inputs,
        server=parsed.server,
        limit=parsed.limit,
        suggest=parsed.suggest,
        timeout=parsed.timeout,
        api_key=os.environ.get(API_KEY) or None,
    )
    if parsed.json:
        print(json.dumps(found.to_dict(), ensure_ascii=False))  # noqa: T201
    else:
        show("\n".join(found.lines()))
        if found.differences and not parsed.suggest:
            say("hint: --suggest tries every preset and content format")
    return EXIT_DONE if found.is_equal else EXIT_DATA
