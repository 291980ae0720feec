"""`everyturn verify` over the loopback against vLLM's own render server, and bodies read by SGLang's own classes."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import everyturn
import server_code
from chats import answer, to_jsonl, user
from everyturn.cli import main
from everyturn.verification import servers
from everyturn.verification.client import Client
from paths import DEMO, EXAMPLE_CHATS
from served_chats import served_chats

#: Real chats with reasoning, with tools, and in other scripts.
CHATS = ("nemo_gym_rollouts", "tau_bench_gpt4o_airline", "mt_bench_ja_zh_ru")
#: Keeps the reasoning of earlier turns.
WRONG = (
    (DEMO / "chat_template.jinja")
    .read_text(encoding="utf-8")
    .replace("loop.index0 > last.user and (reasoning", "(reasoning")
)


@pytest.fixture(scope="module")
def demo(servers_code: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001
    """The URL of vLLM's render server over the demo model."""
    folder = server_code.servable(DEMO, tmp_path_factory.mktemp("served") / "demo")
    with server_code.render_server(folder) as url:
        yield url


def battery() -> bytes:
    """The chats that are compared with servers' code, each before an answer; what is refused is left out."""
    renderer = everyturn.Renderer.from_dir("demo")
    reader = everyturn.Expander(renderer, non_finite="read")
    records = []
    for chat in served_chats().values():
        record: dict[str, Any] = {"messages": [*chat.messages, answer("x")]}
        record |= {"tools": chat.tools} if chat.tools else {}
        record |= {"chat_template_kwargs": chat.variables} if chat.variables else {}
        try:
            renderer.render(chat.messages, tools=chat.tools, **chat.variables or {})
            reader.expand([record])
        except everyturn.EveryturnError:
            continue
        records.append(record)
    return to_jsonl(records)


def test_every_prompt_of_the_examples_is_the_servers(
    demo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line."""
    assert main(["verify", str(EXAMPLE_CHATS), "--model", "demo", "--server", demo]) == 0
    assert capsys.readouterr().out == (
        f"29 of 29 prompts equal: vLLM 0.33.0 at {demo} (/v1/chat/completions/render), prompts as vLLM 0.33.0\n"
    )


@pytest.mark.parametrize(
    "options",
    [{}, {"history_turns": 1}, {"thinking": "match"}, {"max_prompt_tokens": 400}],
    ids=str,
)
def test_prompts_that_options_alter_are_the_servers(demo: str, options: Any) -> None:
    """The body asks for the same window, and for the same thinking."""
    expander = everyturn.Expander("demo", **options)
    found = everyturn.verify(expander, EXAMPLE_CHATS, server=demo)
    assert found.is_equal, "\n".join(found.lines())


def test_prompts_of_odd_chats_are_the_servers(demo: str) -> None:
    """Every chat of the battery that a record can hold."""
    expander = everyturn.Expander("demo", non_finite="read")
    found = everyturn.verify(expander, battery(), server=demo, limit=1000)
    assert found.compared > 100
    assert found.is_equal, "\n".join(found.lines())


def test_the_preset_of_another_server_is_found_out(demo: str) -> None:
    """And the right one suggested."""
    renderer = everyturn.Renderer.from_dir("demo", serve="sglang")
    found = everyturn.verify(everyturn.Expander(renderer), EXAMPLE_CHATS, server=demo, suggest=True)
    assert not found.is_equal
    assert "the tools" in {difference.where for difference in found.differences}
    assert found.matching is not None
    assert found.matching.flags == "--serve vllm"


def test_the_route_that_tokenizes_gives_the_same_ids(demo: str) -> None:
    """Where a server has no other; what it leaves out is said."""
    server = servers.Server(Client(demo))
    server._routes = [route for route in server.known.routes if route.path == "/tokenize"]  # noqa: SLF001
    assert server.info.limits is not None
    rendering = servers.Server(Client(demo))
    renderer = everyturn.Renderer.from_dir("demo")
    for line in EXAMPLE_CHATS.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        body = renderer.request(record["messages"][:-1], tools=record.get("tools"))
        assert server.prompt_ids(body) == rendering.prompt_ids(body)


def test_a_server_with_another_template_is_found_out(
    servers_code: None,  # noqa: ARG001
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 1, and the message in which prompts part."""
    folder = server_code.servable(DEMO, tmp_path / "demo")
    wrong, chats = tmp_path / "wrong.jinja", tmp_path / "chats.jsonl"
    wrong.write_text(WRONG, encoding="utf-8")
    messages = [user("a"), answer("b", reasoning_content="c"), user("d"), answer("e")]
    chats.write_bytes(to_jsonl([{"messages": messages}]))
    with server_code.render_server(folder, "--chat-template", str(wrong)) as url:
        arguments = ["verify", str(chats), "--model", "demo", "--server", url]
        assert main([*arguments, "--suggest"]) == 1
        out = capsys.readouterr().out
        assert f"{chats}:1: the prompt of message 3 differs at token" in out
        assert "in message 1 (assistant)" in out
        assert "no preset makes all of the server's prompts" in out
        assert main([*arguments, "--chat-template", str(wrong)]) == 0


@pytest.mark.usefixtures("servers_code")
@pytest.mark.parametrize("name", ["qwen3", "llama-3.1"])
def test_prompts_of_real_models_are_the_servers(
    data: Path, tokenizer_folder: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    """Real tokenizers and templates, real chats."""
    folder = server_code.servable(tokenizer_folder(name), tmp_path / name)
    expander = everyturn.Expander(folder, prompt_mismatch="match_thinking")
    with server_code.render_server(folder) as url:
        for chats in CHATS:
            source = data / "chats" / f"{chats}.jsonl.gz"
            found = everyturn.verify(expander, source, server=url, limit=8)
            assert found.is_equal, "\n".join([chats, *found.lines()])


#: Reads bodies as SGLang's route /v1/tokenize does, and prints the bodies of the chats that it makes of them.
READ_BY_SGLANG = """
import json, sys
from servers.drivers.stand_ins import stand_in_for
stand_in_for("IPython")
from sglang.srt.entrypoints.openai.protocol import ChatCompletionRequest, TokenizeRequest
for line in sys.stdin:
    body = json.loads(line)
    chat = TokenizeRequest.model_validate(body).to_chat_completion_request()
    own = ChatCompletionRequest.model_validate(body)
    fields = ("messages", "tools", "chat_template_kwargs", "reasoning_effort")
    print(json.dumps([getattr(chat, f) == getattr(own, f) for f in fields]))
"""


@pytest.mark.usefixtures("servers_code")
def test_sglang_reads_a_body_to_tokenize_as_that_of_a_chat() -> None:
    """Its own request classes, in a process of their own; the server itself does not run without a GPU."""
    renderer = everyturn.Renderer.from_dir("demo", serve="sglang")
    bodies = [
        renderer.request(record["messages"][:-1], tools=record.get("tools"), enable_thinking=False)
        for record in map(json.loads, EXAMPLE_CHATS.read_text(encoding="utf-8").splitlines())
    ]
    done = subprocess.run(
        [sys.executable, "-c", READ_BY_SGLANG],
        env=server_code.environment("sglang"),
        input="\n".join(map(json.dumps, bodies)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    same = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert same == [[True] * 4] * len(bodies)
