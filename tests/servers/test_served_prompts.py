"""A preset's prompts are those of the server that it names, of every published template, by the server's own code."""

import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import everyturn
import server_code
from paths import DEMO, find_data
from published import write_model
from served_chats import bodies, served_chats
from served_words import ServedChat
from server_code import Served
from template_reference import SPECIAL_TOKENS, Refusal, difference

#: Without `--whole`, one template of so many is compared.
SAMPLED = 12
#: Templates are taken in this many groups, so that processes can share them.
GROUPS = 4
#: What follows the name of a chat that is posted as `Renderer.request` writes it, and not as it stands.
AS_ASKED = ", as asked"

#: What `Renderer.request` writes otherwise than it stands in the record, where the server makes another prompt of it.
MENDED = {
    "vllm": {"reasoning thinking": "vLLM reads no reasoning under that name"},
    "sglang": {
        "call none": "SGLang keeps an empty list of calls",
        "reasoning": "SGLang reads no reasoning under that name",
        "reasoning beside calls alone": "likewise",
        "reasoning thinking": "likewise",
    },
    "transformers": {
        "call none": "transformers serve empties the content beside a list of calls, however short it is",
        "tools none": "transformers serve hands an empty list of tools to the template",
    },
}
#: Chats whose prompt is not the server's, and why.
EXCEPTIONS = {"arguments lone surrogate": "half a character is refused wherever it stands"}
#: Where loading fails because a server gives a template contents that it does not show, the choice that trains what
#: the server sends all the same.
AS_IT_SENDS = re.compile(
    r'content_format="(\w+)" to train (?:what this server sends by itself|that)'
)
#: Those of single servers.
EXCEPTIONS_OF: dict[str, dict[str, str]] = {
    "vllm": {},
    "sglang": {
        "tool wrong schema": "SGLang checks parameters by JSON Schema, which is not done here"
    },
    "transformers": {},
}


def load(folder: Path, server: str, content_format: str = "auto") -> everyturn.Renderer:
    """Load a model with the preset of a server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", everyturn.ServingWarning)
        return everyturn.Renderer.from_dir(
            folder,
            serve=server,  # type: ignore[arg-type]
            content_format=content_format,  # type: ignore[arg-type]
            now=server_code.NOW,
        )


def load_if_possible(
    folder: Path, server: str, content_format: str = "auto"
) -> everyturn.Renderer | None:
    """Load a model; None if its template cannot be loaded without a preset either, which is tested elsewhere."""
    try:
        return load(folder, server, content_format)
    except everyturn.ModelError as error:
        if content_format == "auto" and (chosen := AS_IT_SENDS.search(str(error))):
            return load(folder, server, chosen[1])
        try:
            load(folder, "template")
        except everyturn.ModelError:
            return None
        raise


def rendered(renderer: everyturn.Renderer, chat: ServedChat) -> str | Refusal:
    """Return the prompt of the next answer, or what is said against the chat."""
    try:
        return renderer.render(
            chat.messages, tools=chat.tools, add_generation_prompt=True, **chat.variables or {}
        )
    except everyturn.InternalError:
        raise
    except everyturn.EveryturnError as error:
        return Refusal(str(error))


def as_asked(server: str) -> dict[str, Any]:
    """Return the bodies that `Renderer.request` makes of chats, where they are others than those posted."""
    renderer = load(DEMO, server)
    found = {}
    for name, chat in served_chats().items():
        try:
            body = renderer.request(chat.messages, tools=chat.tools, **chat.variables or {})
        except everyturn.EveryturnError:
            continue
        if body != chat.body():
            found[name + AS_ASKED] = body
    return found


@pytest.mark.usefixtures("data", "servers_code")
@pytest.mark.parametrize("group", range(GROUPS))
@pytest.mark.parametrize("server", server_code.PATHS)
def test_prompts_are_those_of_the_server(
    server: str, group: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every chat with every template: the same text, or a refusal on both sides.

    What is compared with is the server's answer to the request that `Renderer.request` makes of the chat; it is the
    answer to the chat as it stands, but for those that the server refuses, and those of `MENDED`.
    """
    sources = _sources(whole=request.config.getoption("--whole"), group=group)
    compare(server, _models(sources), tmp_path)


@pytest.mark.usefixtures("data", "servers_code")
@pytest.mark.parametrize("content_format", ["string", "openai"])
def test_a_content_format_that_is_asked_for_is_that_of_the_flag(
    content_format: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """With `--chat-template-content-format` on vLLM's command line: likewise."""
    sources = _sources(whole=request.config.getoption("--whole"), group=0)
    models = [model | {"content_format": content_format} for model in _models(sources)]
    compare("vllm", models, tmp_path)


def compare(server: str, models: list[dict[str, Any]], folder: Path) -> None:
    """Compare every chat with the server's code."""
    answers: dict[str, dict[str, Served]] = {}
    for answer in server_code.served(server, models, bodies() | as_asked(server)):
        answers.setdefault(answer.model, {})[answer.chat] = answer
    wrong: list[str] = []
    chats: Counter[str] = Counter()
    compared = 0
    for model in models:
        of_model = answers[model["name"]]
        plain = of_model["plain"]
        written = write_model(folder / model["name"], model["template"])
        try:
            renderer = load_if_possible(written, server, plain.content_format or "auto")
        except everyturn.ModelError:
            if plain.refused or _shows_no_answers(of_model["turns"]):
                continue
            raise
        if renderer is None:
            continue
        for name, chat in served_chats().items():
            if name in EXCEPTIONS | EXCEPTIONS_OF[server]:
                continue
            compared += 1
            found = rendered(renderer, chat)
            as_it_stands = of_model[name]
            answer = of_model.get(name + AS_ASKED, as_it_stands)
            as_well = name in MENDED[server] or _refuses(as_it_stands)
            if not _agree(answer, found) or not (as_well or _agree(as_it_stands, found)):
                chats[name] += 1
                wrong.append(f"{model['name']}, {name}\n{difference(_expected(answer), found)}")
    assert compared
    assert not wrong, "\n".join([f"{len(wrong)} of {compared}: {dict(chats)}", *wrong[:40]])


@pytest.mark.usefixtures("data", "servers_code")
@pytest.mark.parametrize("server", ["vllm", "sglang"])
def test_the_content_format_is_that_of_the_server(server: str, tmp_path: Path) -> None:
    """What a preset takes a template to want is what the server takes it to want."""
    sources = _sources(whole=True)
    plain = {"plain": bodies()["plain"]}
    wrong = []
    for answer in server_code.served(server, _models(sources), plain):
        if answer.refused:
            continue
        folder = write_model(tmp_path / answer.model, sources[answer.model])
        try:
            renderer = load_if_possible(folder, server)
        except everyturn.ModelError as error:
            # Where the server's own choice loses text, loading says what it is, and asks for one by name.
            given = "as lists of parts" if answer.content_format == "openai" else "as text"
            if given not in str(error):
                wrong.append(f"{answer.model}: expected {answer.content_format}, {error}")
            continue
        if renderer is not None and renderer.content_format != answer.content_format:
            found = renderer.content_format
            wrong.append(f"{answer.model}: expected {answer.content_format}, found {found}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("server", server_code.PATHS)
def test_the_demo_model_has_the_recorded_ids(server: str) -> None:
    """Without the server's code, too: the ids that are recorded of its version."""
    renderer = load(DEMO, server)
    mended = {name.removesuffix(AS_ASKED) for name in as_asked(server)}
    wrong = []
    for each in server_code.read_recorded(server):
        name = each["chat"]
        refused_as_it_stands = each.get("refused_by") == "request" and name in mended
        known = EXCEPTIONS | EXCEPTIONS_OF[server] | MENDED[server]
        if name in known or refused_as_it_stands:
            continue
        found = rendered(renderer, served_chats()[name])
        ids = None if isinstance(found, Refusal) else renderer.encode(found).tolist()
        if ids != each.get("ids"):
            wrong.append(f"{name}: {each.get('refused_by')}, {found!r}")
    assert not wrong, "\n".join(wrong)


def _agree(expected: Served, found: str | Refusal) -> bool:
    return expected.prompt == found if isinstance(found, str) else expected.prompt is None


def _shows_no_answers(turns: Served) -> bool:
    """Whether the template fails on an assistant's messages as the server gives them, or leaves out what they say."""
    said = [m["content"] for m in served_chats()["turns"].messages if m["role"] == "assistant"]
    return turns.prompt is None or not all(text in turns.prompt for text in said)


def _refuses(answer: Served) -> bool:
    return answer.refused is not None and answer.refused["by"] == "request"


def _expected(answer: Served) -> str | Refusal:
    return Refusal(str(answer.refused)) if answer.prompt is None else answer.prompt


def _sources(*, whole: bool, group: int | None = None) -> dict[str, str]:
    """The published templates by name: all, or one of so many, and of those a group."""
    data = find_data()
    assert data is not None
    found = sorted((data / "templates").glob("*.jinja"))[:: 1 if whole else SAMPLED]
    chosen = found if group is None else found[group::GROUPS]
    return {path.name: path.read_bytes().decode("utf-8") for path in chosen}


def _models(sources: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "template": source, "special_tokens": SPECIAL_TOKENS}
        for name, source in sources.items()
    ]
