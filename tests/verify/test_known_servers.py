"""Which server is recognised, and how it is asked; the servers here are made up, after the code of real ones."""

from typing import Any

import pytest

import everyturn
from everyturn.verification.client import Client
from everyturn.verification.servers import Refusal, Server
from fake_server import Asked, FakeServer, Reply, models

BODY = {"messages": [{"role": "user", "content": "Hi"}]}
IDS = [1, 2, 3]

DISABLED = Reply({"error": {"message": "Scale-out endpoints are disabled."}}, 403)
VLLM: dict[str, Any] = {
    "/v1/models": models("vllm"),
    "/version": Reply({"version": "0.33.0"}),
    "/v1/chat/completions/render": Reply({"token_ids": IDS}),
    "/v1/chat/completions": Reply({"choices": [], "prompt_token_ids": IDS}),
    "/tokenize": Reply({"count": 3, "max_model_len": 9, "tokens": IDS}),
}
SGLANG: dict[str, Any] = {
    "/v1/models": models("sglang"),
    "/server_info": Reply({"version": "0.5.23", "internal_states": []}),
    "/v1/tokenize": Reply({"count": 3, "max_model_len": 9, "tokens": IDS}),
}
LLAMA_CPP: dict[str, Any] = {
    "/v1/models": models("llamacpp"),
    "/props": Reply({"build_info": "b6000-0c1e5709", "default_generation_settings": {}}),
    "/apply-template": Reply({"prompt": "<s>Hi"}),
    "/tokenize": Reply({"tokens": IDS}),
}


def ask(replies: dict[str, Any], body: dict[str, Any] = BODY) -> tuple[list[int], str, list[Asked]]:
    """Return ids, what is said of the server, and what it was asked for them."""
    with FakeServer(replies).running() as fake:
        server = Server(Client(fake.url))
        before = len(fake.asked)
        ids = server.prompt_ids(body)
        info = server.info
    return ids, f"{info} {info.route}", fake.asked[before:]


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        (VLLM, "vLLM 0.33.0 /v1/chat/completions/render"),
        (SGLANG, "SGLang 0.5.23 /v1/tokenize"),
        (LLAMA_CPP, "llama.cpp b6000-0c1e5709 /apply-template"),
    ],
    ids=["vLLM", "SGLang", "llama.cpp"],
)
@pytest.mark.parametrize("lists_models", [True, False])
def test_a_server_is_recognised(
    replies: dict[str, Any], expected: str, *, lists_models: bool
) -> None:
    """By who owns its models, or by what it says of itself."""
    kept = {path: reply for path, reply in replies.items() if lists_models or path != "/v1/models"}
    ids, said, _ = ask(kept)
    assert (ids, said) == (IDS, expected)


@pytest.mark.parametrize("owner", ["library", "tensorrt_llm", None])
def test_another_server_is_refused_by_name(owner: str | None) -> None:
    """It shows no ids of prompts."""
    replies = {} if owner is None else {"/v1/models": models(owner)}
    with (
        FakeServer(replies).running() as fake,
        pytest.raises(everyturn.ServerError, match="not a server that is known here") as caught,
    ):
        Server(Client(fake.url))
    assert owner is None or owner in str(caught.value)


@pytest.mark.parametrize("data", [b"<html>", b"[]", b'{"data": 7}', b'{"data": [7]}', b"\xff"])
def test_models_that_are_not_a_list_of_models_are_none(data: bytes) -> None:
    """Whatever else answers there."""
    with (
        FakeServer({"/v1/models": Reply(data), "/version": Reply(data)}).running() as fake,
        pytest.raises(everyturn.ServerError, match="not a server that is known here"),
    ):
        Server(Client(fake.url))


def test_vllm_is_asked_by_the_most_exact_route_that_it_has() -> None:
    """To render, else for one token, else to tokenize, and then with what that leaves out."""
    without = VLLM | {"/v1/chat/completions/render": DISABLED}
    ids, said, asked = ask(without)
    assert (ids, said) == (IDS, "vLLM 0.33.0 /v1/chat/completions")
    assert asked[-1].body == BODY | {"max_tokens": 1, "stream": False, "return_token_ids": True}
    older = without | {"/v1/chat/completions": Reply({"choices": []})}
    with FakeServer(older).running() as fake:
        server = Server(Client(fake.url))
        assert server.prompt_ids(BODY) == server.prompt_ids(BODY) == IDS
        assert server.info.route == "/tokenize"
        assert server.info.limits is not None
        assert "--enable-scale-out" in server.info.limits
    # A route that it does not have is not tried again.
    assert [asked.path for asked in fake.asked[-2:]] == ["/tokenize", "/tokenize"]


def test_tools_are_sent_so_that_vllm_takes_them_without_a_parser() -> None:
    """As a client sends them first; where that is refused, without a choice: they stay in the prompt."""

    def render(body: Any) -> Reply:
        if "tools" in body and body.get("tool_choice") != "none":
            return Reply({"error": {"message": '"auto" tool choice requires ..'}}, 400)
        return Reply({"token_ids": IDS})

    body = BODY | {"tools": [{"type": "function", "function": {"name": "f"}}]}
    _, _, asked = ask(VLLM | {"/v1/chat/completions/render": render}, body)
    assert [each.body for each in asked] == [body, body | {"tool_choice": "none"}]


def test_the_first_refusal_of_tools_is_the_one_that_counts() -> None:
    """The second request was not the client's."""

    def render(body: Any) -> Reply:
        return Reply({"error": {"message": f"choice {body.get('tool_choice')}"}}, 400)

    body = BODY | {"tools": [{}]}
    with pytest.raises(Refusal, match="choice None"):
        ask(VLLM | {"/v1/chat/completions/render": render}, body)


def test_llama_cpp_encodes_what_it_renders_as_for_a_chat() -> None:
    """With its begin token, and control tokens as such."""
    _, _, asked = ask(LLAMA_CPP)
    assert [(each.path, each.body) for each in asked] == [
        ("/apply-template", BODY),
        ("/tokenize", {"content": "<s>Hi", "add_special": True, "parse_special": True}),
    ]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refusal_is_an_answer(status: int) -> None:
    """With the server's reason."""
    reply = Reply({"error": {"message": "unknown role"}}, status)
    with pytest.raises(Refusal, match=rf"unknown role \(HTTP {status}\)"):
        ask(SGLANG | {"/v1/tokenize": reply})


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply({"error": "out of memory"}, 500), r"the server fails: out of memory \(HTTP 500\)"),
        (Reply({}, 429), "the server fails"),
        (Reply(b"<html>"), "the answer is not a JSON object: '<html>'"),
        (Reply([1]), "the answer is not a JSON object"),
        (Reply({"count": 1}), "the answer has no list of ids 'tokens'"),
        (Reply({"tokens": [[1], [2]]}), "the answer has no list of ids"),
        (Reply({"tokens": [True]}), "the answer has no list of ids"),
        (Reply({}, 404), "shows no ids of prompts at /v1/tokenize: use a version whose"),
    ],
)
def test_what_is_no_answer_ends_the_run(reply: Reply, reason: str) -> None:
    """It is said which server failed, and how."""
    with pytest.raises(everyturn.ServerError, match=reason):
        ask(SGLANG | {"/v1/tokenize": reply})


def test_a_template_that_gives_no_text_ends_the_run() -> None:
    """Of llama.cpp."""
    with pytest.raises(everyturn.ServerError, match="no text 'prompt'"):
        ask(LLAMA_CPP | {"/apply-template": Reply({})})
