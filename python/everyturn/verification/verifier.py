"""Prompts of samples compared with those of a running server.

In: an expander, a source and the URL of a server. Out: a `Verification`. Each prompt is asked for as a client asks, by
`Renderer.request`, and the ids that the server would feed are compared with those of the samples.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from typing import get_args

from everyturn.exceptions import ModelError, OptionsError
from everyturn.expander import Expander
from everyturn.io.inputs import Source
from everyturn.io.records import Record
from everyturn.options import ContentFormat, Serve, check_count
from everyturn.renderer import Renderer
from everyturn.verification import TIMEOUT
from everyturn.verification.comparison import Difference, compared, refused
from everyturn.verification.prompts import (
    Prompt,
    chosen_prompts,
    chosen_records,
    per_turn,
    prompts_of,
)
from everyturn.verification.result import Suggestion, Verification
from everyturn.verification.servers import Refusal, Server

LIMIT = 50
"""The most prompts that are compared by default."""


class _Answers:
    """A server whose answers are kept: presets ask for many prompts in the same words."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: dict[str, list[int] | str] = {}

    def difference(self, renderer: Renderer, prompt: Prompt) -> Difference | None:
        """Return where the server's prompt differs; None if it does not."""
        body = json.dumps(prompt.body)
        if body not in self._known:
            try:
                self._known[body] = self._server.prompt_ids(prompt.body)
            except Refusal as refusal:
                self._known[body] = str(refusal)
        answer = self._known[body]
        return (
            refused(prompt, answer)
            if isinstance(answer, str)
            else compared(renderer, prompt, answer)
        )


def verify(
    expander: Expander,
    source: Source,
    *,
    server: str,
    limit: int = LIMIT,
    suggest: bool = False,
    timeout: float = TIMEOUT,
    api_key: str | None = None,
) -> Verification:
    """Compare the prompts of samples with those that a running server makes of the same chats.

    The server is vLLM, SGLang or llama.cpp. For each prompt it is asked for the ids that it would feed its model, as a
    client asks for a chat completion; nothing is sent to another host. The prompts are those of the samples that
    `Expander.expand` gives, of records evenly spaced over the source, and of targets evenly spaced over each of them:
    the same source and limit give the same prompts.

    Args:
        expander: What makes the samples.
        source: As `Expander.expand` takes it.
        server: Its URL, ``http://HOST:PORT``.
        limit: The most prompts that are compared.
        suggest: Try every preset and content format, too.
        timeout: The seconds that an answer may take.
        api_key: Sent to the server as a bearer token.

    Raises:
        OptionsError: An argument cannot be used.
        ServerError: The server does not answer, or is none that is known.
    """
    check_count("limit", limit)
    # It takes a while to import, and `import everyturn` is to be fast.
    from everyturn.verification.client import Client

    expander = per_turn(expander)
    client = Client(server, timeout=timeout, api_key=api_key)
    # What is wrong with the input is said before the server is asked.
    records = chosen_records(expander, source, limit)
    asked = Server(client)
    answers = _Answers(asked)
    lost: Counter[str] = Counter()
    places: list[tuple[Record, int]] = []
    differences: list[Difference] = []
    for prompt in chosen_prompts(expander, records, limit, lost):
        places.append((prompt.record, prompt.target))
        difference = answers.difference(expander.renderer, prompt)
        differences += [] if difference is None else [difference]
    suggestions = _suggestions(expander, asked, answers, places) if suggest and places else ()
    renderer = expander.renderer
    found = Verification(
        server=asked.info,
        preset=renderer.server or "template",
        serve=renderer.serve,
        content_format=renderer._sources.content_format,  # noqa: SLF001
        compared=len(places),
        differences=tuple(differences),
        lost=dict(lost),
        notes=(),
        suggestions=suggestions,
    )
    return dataclasses.replace(found, notes=tuple(_notes(found, asked, renderer)))


def _notes(found: Verification, server: Server, renderer: Renderer) -> Iterator[str]:
    """What may explain a difference, or an equality that is not one."""
    info = found.server
    if found.compared == 0:
        yield "nothing was compared: the input has no targets with a prompt"
    if info.limits is not None:
        yield f"the ids are those of {info.route}: {info.limits}"
    if found.serve != server.known.serve:
        yield f"the server is {info}; its own preset is --serve {server.known.serve}"
    elif found.preset != str(info) and info.version is not None:
        yield f"the preset was checked against {found.preset}, the server is {info}"
    if found.differences and renderer.asks_for_the_date:
        yield f"the template shows the date: prompts are made for {renderer.now}, the server takes its own"


def _suggestions(
    expander: Expander, server: Server, answers: _Answers, places: list[tuple[Record, int]]
) -> tuple[Suggestion, ...]:
    """Count the equal prompts under each preset and content format; the best first."""
    found: list[Suggestion] = []
    seen: set[str] = set()
    for serve in get_args(Serve):
        for content_format in get_args(ContentFormat):
            suggestion = _suggestion(expander, (serve, content_format), answers, places, seen)
            found += [] if suggestion is None else [suggestion]
    own = server.known.serve
    return tuple(
        sorted(found, key=lambda each: (each.fault is not None, -each.equal, each.serve != own))
    )


def _suggestion(
    expander: Expander,
    chosen: tuple[Serve, ContentFormat],
    answers: _Answers,
    places: list[tuple[Record, int]],
    seen: set[str],
) -> Suggestion | None:
    """Try a preset with a content format; None if it is one that has been tried under another name."""
    serve, content_format = chosen
    try:
        renderer = expander.renderer.for_server(serve, content_format=content_format)
        if renderer.fingerprint in seen:
            return None
        other = Expander(renderer, **expander.options())
    except (ModelError, OptionsError) as error:
        return Suggestion(serve=serve, content_format=content_format, equal=0, fault=str(error))
    seen.add(renderer.fingerprint)
    equal = 0
    wanted: dict[Record, set[int]] = {}
    for record, target in places:
        wanted.setdefault(record, set()).add(target)
    for record, targets in wanted.items():
        for prompt in prompts_of(other, record, Counter()):
            if prompt.target in targets:
                equal += answers.difference(renderer, prompt) is None
    return Suggestion(serve=serve, content_format=content_format, equal=equal)
