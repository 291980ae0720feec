"""What `everyturn verify` compares, and what it says; the servers here are made up of a renderer."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import everyturn
from chats import answer, call, chat_of, result, to_jsonl, user
from doc_blocks import blocks_of
from everyturn.cli import main
from everyturn.verification.result import Verification
from fake_server import FakeServer, Reply, models
from paths import DEMO, EXAMPLE_CHATS, ROOT

#: Renders reasoning of earlier turns, which the demo model's template leaves out.
KEEPS_REASONING = (
    (DEMO / "chat_template.jinja")
    .read_text(encoding="utf-8")
    .replace("loop.index0 > last.user and (reasoning", "(reasoning")
)
THOUGHT = {
    "messages": [user("a"), answer("b", reasoning_content="c"), user("d"), answer("e")],
}


@contextmanager
def served(renderer: everyturn.Renderer, owner: str = "vllm") -> Iterator[FakeServer]:
    """A server that answers what a renderer makes of requests."""

    def render(body: Any) -> Reply:
        try:
            text = renderer.render(
                body["messages"],
                tools=body.get("tools"),
                add_generation_prompt=True,
                **body.get("chat_template_kwargs", {}),
            )
        except everyturn.EveryturnError as error:
            return Reply({"error": {"message": str(error)}}, 400)
        return Reply({"token_ids": renderer.encode(text).tolist()})

    replies: dict[str, Any] = {
        "/v1/models": models(owner),
        "/version": Reply({"version": "0.33.0"}),
        "/v1/chat/completions/render": render,
    }
    with FakeServer(replies).running() as fake:
        yield fake


def verified(
    source: Any, renderer: everyturn.Renderer, *, limit: int = 50, **options: Any
) -> Verification:
    """Compare the demo model's prompts with a server's."""
    suggest = options.pop("suggest", False)
    with served(renderer) as fake:
        expander = everyturn.Expander("demo", **options)
        return everyturn.verify(expander, source, server=fake.url, limit=limit, suggest=suggest)


DEMO_RENDERER = everyturn.Renderer.from_dir("demo")


def test_a_server_with_the_same_template_is_equal() -> None:
    """Every prompt of the examples."""
    found = verified(EXAMPLE_CHATS.read_bytes(), DEMO_RENDERER)
    assert found.is_equal
    assert (
        found.compared
        == found.equal
        == len(everyturn.Expander("demo", layout="per_turn").expand(EXAMPLE_CHATS))
    )
    assert found.lines() == [str(found)]
    assert str(found) == (
        f"29 of 29 prompts equal: vLLM 0.33.0 at {found.server.url} (/v1/chat/completions/render), "
        "prompts as vLLM 0.33.0"
    )


def test_the_message_in_which_prompts_part_is_named() -> None:
    """With the index of the token, and both texts around it."""
    other = everyturn.Renderer.from_dir("demo", chat_template=KEEPS_REASONING)
    found = verified(to_jsonl([THOUGHT]), other)
    (difference,) = found.differences
    assert (found.compared, found.equal, found.is_equal) == (2, 1, False)
    assert (difference.line, difference.target, difference.message) == (1, 3, 1)
    assert difference.where == "message 1 (assistant)"
    assert difference.ours.startswith("b<|im_end|>")
    assert difference.theirs.startswith("<think>\nc\n</think>")
    assert difference.before.endswith("<|im_start|>assistant\n")
    lines = difference.lines()
    assert lines[0] == (
        f"<bytes>:1: the prompt of message 3 differs at token {difference.token}, in message 1 (assistant)"
    )
    assert len(lines) == 4
    assert not difference.is_same_text


def test_the_token_is_the_first_of_the_sample_that_is_not_the_servers() -> None:
    """In the ids of the very sample."""
    other = everyturn.Renderer.from_dir("demo", chat_template=KEEPS_REASONING)
    (difference,) = verified(to_jsonl([THOUGHT]), other).differences
    sample = everyturn.Expander("demo", layout="per_turn").expand([THOUGHT])[1]
    token = difference.token
    assert token is not None
    assert sample.input_ids[token : token + 3].tolist() == list(difference.our_ids[:3])


def test_what_the_page_shows_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a server with the same template, and of one that shows earlier reasoning."""
    page = blocks_of(ROOT / "docs" / "serving.md")
    shown = [block.text for block in page if block.kind == "console"]
    other = everyturn.Renderer.from_dir("demo", chat_template=KEEPS_REASONING)
    monkeypatch.chdir(EXAMPLE_CHATS.parent)
    for renderer, text in zip([DEMO_RENDERER, other], shown, strict=True):
        command, _, said = text.partition("\n")
        with served(renderer) as fake:
            words = command.replace("http://127.0.0.1:8000", fake.url).split()[2:]
            main(words)
            printed = capsys.readouterr()
            assert printed.out + printed.err == said.replace("http://127.0.0.1:8000", fake.url)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (
            ("<|im_start|>user\\n", "<|im_start|>user "),
            "the template's text before message 0 (user)",
        ),
        (("{{- '<|im_start|>system\\n' -}}", ""), "the template's text before the tools"),
        (("(tool | tojson)", "(tool.function | tojson)"), "the tools"),
        (("\\n<tool_response>\\n", "\\n"), "the template's text before message 2 (tool)"),
        (
            ("if add_generation_prompt", "if false"),
            "the template's text after the last message",
        ),
    ],
    ids=["header", "before tools", "tools", "result", "generation prompt"],
)
def test_what_no_message_wrote_is_named_by_its_place(change: tuple[str, str], where: str) -> None:
    """The template's text by what follows it."""
    template = (DEMO / "chat_template.jinja").read_text(encoding="utf-8")
    assert change[0] in template
    messages = [user("a"), call("f", arguments={}), result("r"), answer("b")]
    record: Any = {"messages": messages}
    if "tool" in where and "message" not in where:
        record["tools"] = [{"type": "function", "function": {"name": "f"}}]
    other = _Other(template.replace(*change))
    found = verified(to_jsonl([record]), other)  # type: ignore[arg-type]
    assert found.differences[-1].where == where


class _Other:
    """Renders by a template that ends no turn as a model's has to."""

    def __init__(self, source: str) -> None:
        self._template = everyturn._core.Template(source)  # noqa: SLF001 - a template without a model

    def render(
        self, messages: Any, *, tools: Any, add_generation_prompt: bool, **kwargs: Any
    ) -> str:
        for message in messages:
            for each in message.get("tool_calls", []):
                each["function"]["arguments"] = json.loads(each["function"]["arguments"])
        tools = tools and [
            {
                "type": "function",
                "function": {"description": None, "parameters": None} | tool["function"],
            }
            for tool in tools
        ]
        return self._template.apply(
            messages, tools=tools, add_generation_prompt=add_generation_prompt, variables=kwargs
        )

    def encode(self, text: str) -> Any:
        return DEMO_RENDERER.encode(text)


def test_a_refusal_is_a_difference_with_its_reason() -> None:
    """A chat that is trained and cannot be served."""
    template = "{{ raise_exception('no chats today') }}"
    found = verified(to_jsonl([chat_of("a", "b")]), _Other(template))  # type: ignore[arg-type]
    (difference,) = found.differences
    assert difference.refusal is not None
    assert difference.lines() == [
        f"<bytes>:1: the prompt of message 1 is refused: {difference.refusal}"
    ]
    assert "no chats today" in difference.refusal
    assert found.to_dict()["differences"][0]["refusal"] == difference.refusal


def test_equal_texts_with_other_ids_are_said_to_be_a_matter_of_tokenizers() -> None:
    """A text in single characters has other ids, and is the same text."""

    class Characters(_Other):
        def encode(self, text: str) -> Any:
            parts = re.findall(r"(?s)<\|.*?\|>|.", text)
            return np.concatenate([DEMO_RENDERER.encode(part) for part in parts])

    template = (DEMO / "chat_template.jinja").read_text(encoding="utf-8")
    found = verified(to_jsonl([chat_of("hello there", "b")]), Characters(template))  # type: ignore[arg-type]
    (difference,) = found.differences
    assert difference.is_same_text
    assert difference.lines()[-1] == "  the texts are equal: the server's tokenizer is another one"


# --------------------------------------------------------------------------------------------
# Which prompts are compared
# --------------------------------------------------------------------------------------------


def places(records: int, turns: int, limit: int) -> list[tuple[int, int]]:
    """Return line and target of each prompt that a server is asked for."""
    conversations = [
        chat_of(*(f"{record} {turn}" for turn in range(2 * turns))) for record in range(records)
    ]
    with served(DEMO_RENDERER) as fake:
        everyturn.verify(
            everyturn.Expander("demo"), to_jsonl(conversations), server=fake.url, limit=limit
        )
    shown = [asked.body["messages"] for asked in fake.asked if asked.method == "POST"]
    return [(int(messages[0]["content"].split()[0]) + 1, len(messages)) for messages in shown]


def test_prompts_are_spread_over_the_input() -> None:
    """Records evenly, and one target of each, further back from record to record."""
    assert places(records=100, turns=3, limit=4) == [(1, 5), (25, 3), (49, 1), (73, 5)]


def test_all_are_compared_where_there_are_fewer() -> None:
    """Each once."""
    assert sorted(places(records=3, turns=2, limit=50)) == [
        (record, target) for record in (1, 2, 3) for target in (1, 3)
    ]


def test_several_targets_of_a_record_are_spread_over_it() -> None:
    """Where there are fewer records than prompts."""
    chosen = places(records=2, turns=10, limit=4)
    assert [record for record, _ in chosen] == [1, 1, 2, 2]
    assert len(set(chosen)) == 4
    assert chosen == places(records=2, turns=10, limit=4)


def test_what_has_no_prompt_is_counted_and_the_rest_compared() -> None:
    """By the kind of the fault."""
    lines = [b"{", *to_jsonl([{"messages": [answer("a"), user("b"), answer("c")]}]).splitlines()]
    found = verified(b"\n".join(lines), DEMO_RENDERER)
    assert (found.compared, found.is_equal) == (1, True)
    assert found.lost == {"json": 1, "empty_prompt": 1}
    assert "note: without a prompt, so not compared: empty_prompt 1, json 1" in found.lines()


def test_nothing_compared_is_not_equal() -> None:
    """It is said, too."""
    found = verified(to_jsonl([{"messages": [user("a")]}]), DEMO_RENDERER, suggest=True)
    assert (found.compared, found.equal, found.is_equal, found.suggestions) == (0, 0, False, ())
    assert found.matching is None
    assert "note: nothing was compared: the input has no targets with a prompt" in found.lines()


@pytest.mark.parametrize(
    "options",
    [
        {"layout": "conversation"},
        {"train_on": "all_tokens"},
        {"overflow": "truncate_prompt"},
    ],
    ids=str,
)
def test_samples_without_prompts_of_a_server_cannot_be_verified(options: Any) -> None:
    """Nothing is asked then."""
    expander = everyturn.Expander("demo", **options)
    with pytest.raises(everyturn.OptionsError, match="no server is sent such prompts"):
        everyturn.verify(expander, b"", server="http://127.0.0.1:9")


@pytest.mark.parametrize("limit", [0, -1, True, 1.5])
def test_a_limit_is_a_whole_number(limit: Any) -> None:
    """Of at least one."""
    with pytest.raises(everyturn.OptionsError, match="limit must be"):
        everyturn.verify(everyturn.Expander("demo"), b"", server="http://a", limit=limit)


# --------------------------------------------------------------------------------------------
# Suggestions and notes
# --------------------------------------------------------------------------------------------

WITH_TOOLS = {
    "messages": [user("a"), answer("b")],
    "tools": [{"type": "function", "function": {"name": "f"}}],
}


def test_the_preset_whose_prompts_are_the_servers_is_suggested() -> None:
    """With the flags that choose it; that the server is another one is said."""
    renderer = everyturn.Renderer.from_dir("demo", serve="sglang")
    found = verified(to_jsonl([WITH_TOOLS]), renderer, suggest=True)
    assert found.matching is not None
    assert found.matching.flags == "--serve sglang"
    assert "use: --serve sglang" in found.lines()
    assert {each.serve for each in found.suggestions} == {
        "vllm",
        "sglang",
        "transformers",
        "llama.cpp",
        "template",
    }
    assert found.to_dict()["suggested"] == "--serve sglang"


def test_each_question_is_asked_once() -> None:
    """Presets ask for most prompts in the same words."""
    with served(DEMO_RENDERER) as fake:
        found = everyturn.verify(
            everyturn.Expander("demo"),
            to_jsonl([chat_of("a", "b")]),
            server=fake.url,
            suggest=True,
        )
    assert len(found.suggestions) > 4
    assert len([asked for asked in fake.asked if asked.method == "POST"]) == 1


def test_no_preset_is_suggested_where_the_template_is_another() -> None:
    """What else it may be is said."""
    other = everyturn.Renderer.from_dir("demo", chat_template=KEEPS_REASONING)
    found = verified(to_jsonl([THOUGHT]), other, suggest=True)
    assert found.matching is None
    assert any(line.startswith("no preset makes all") for line in found.lines())


def test_a_preset_of_another_server_is_noted() -> None:
    """Equal prompts may be so by chance."""
    renderer = everyturn.Renderer.from_dir("demo", serve="template")
    with served(DEMO_RENDERER) as fake:
        found = everyturn.verify(
            everyturn.Expander(renderer), to_jsonl([chat_of("a", "b")]), server=fake.url
        )
    assert found.notes == ("the server is vLLM 0.33.0; its own preset is --serve vllm",)
    assert found.preset == found.serve == "template"


# --------------------------------------------------------------------------------------------
# The command
# --------------------------------------------------------------------------------------------


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    """A file of a conversation."""
    path = tmp_path / "chats.jsonl"
    path.write_bytes(to_jsonl([THOUGHT]))
    return path


def test_equal_prompts_are_exit_code_0(chats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And one line."""
    with served(DEMO_RENDERER) as fake:
        code = main(["verify", str(chats), "--model", "demo", "--server", fake.url])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert out.startswith("2 of 2 prompts equal: vLLM 0.33.0 at ")
    assert len(out.splitlines()) == 1


def test_a_difference_is_exit_code_1(chats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the way to find the preset."""
    other = everyturn.Renderer.from_dir("demo", chat_template=KEEPS_REASONING)
    with served(other) as fake:
        code = main(["verify", str(chats), "--model", "demo", "--server", fake.url])
    out, err = capsys.readouterr()
    assert code == 1
    assert f"{chats}:1: the prompt of message 3 differs at token" in out
    assert "in message 1 (assistant)" in out
    assert err == "hint: --suggest tries every preset and content format\n"


def test_everything_is_printed_as_json(chats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the texts and ids of each difference."""
    other = everyturn.Renderer.from_dir("demo", chat_template=KEEPS_REASONING)
    with served(other) as fake:
        arguments = ["verify", str(chats), "--model", "demo", "--server", fake.url]
        assert main([*arguments, "--json", "--suggest", "--limit", "7"]) == 1
    plain = json.loads(capsys.readouterr().out)
    assert (plain["compared"], plain["equal"], plain["is_equal"]) == (2, 1, False)
    assert plain["differences"][0]["where"] == "message 1 (assistant)"
    assert plain["server"] == {
        "url": fake.url,
        "name": "vLLM",
        "version": "0.33.0",
        "route": "/v1/chat/completions/render",
        "limits": None,
    }
    assert plain["suggestions"]


def test_nothing_compared_is_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file without targets proves nothing."""
    path = tmp_path / "none.jsonl"
    path.write_bytes(b"\n")
    with served(DEMO_RENDERER) as fake:
        assert main(["verify", str(path), "--model", "demo", "--server", fake.url]) == 1
    assert "nothing was compared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--server", "localhost:8000"], 2),
        (["--server", "http://127.0.0.1:9", "--limit", "0"], 2),
        (["--server", "http://127.0.0.1:9", "--timeout", "0"], 2),
        (["--server", "http://127.0.0.1:9", "--overflow", "truncate_prompt"], 2),
        (["--server", "http://127.0.0.1:9"], 1),
    ],
    ids=["URL", "limit", "timeout", "overflow", "nobody there"],
)
def test_wrong_use_is_exit_code_2_and_a_server_that_is_not_there_1(
    chats: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    """The error says which."""
    assert main(["verify", str(chats), "--model", "demo", *arguments]) == code
    assert capsys.readouterr().err.startswith("error: ")


def test_the_key_of_the_environment_is_sent(chats: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one of the command line, which others can read."""
    monkeypatch.setenv("EVERYTURN_API_KEY", "key")
    with served(DEMO_RENDERER) as fake:
        assert main(["verify", str(chats), "--model", "demo", "--server", fake.url]) == 0
    assert {asked.headers["authorization"] for asked in fake.asked} == {"Bearer key"}
