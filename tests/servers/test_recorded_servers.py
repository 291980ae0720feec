"""What is recorded of the servers is what their own code gives, in process and over HTTP."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import server_code
from paths import DEMO
from served_chats import bodies

Json = Any


def test_what_is_recorded_is_of_the_pinned_versions() -> None:
    """A file is of a version that is pinned, and tells of every chat in their order."""
    files = {path.name for path in server_code.RECORDED.iterdir()}
    assert files == {server_code.recorded(server).name for server in server_code.PATHS}
    for server in server_code.PATHS:
        assert [each["chat"] for each in server_code.read_recorded(server)] == list(bodies())


@pytest.mark.usefixtures("servers_code")
@pytest.mark.parametrize("server", server_code.PATHS)
def test_what_is_recorded_is_what_the_servers_code_gives(server: str) -> None:
    """Ids and refusals are those of the pinned version."""
    assert server_code.record(server, DEMO) == server_code.read_recorded(server)


@pytest.mark.usefixtures("servers_code")
def test_what_is_recorded_of_vllm_is_what_its_server_answers(tmp_path: Path) -> None:
    """Over HTTP, a chat has the ids, or the refusal, that its code gives in process."""
    folder = server_code.servable(DEMO, tmp_path / "demo")
    wrong: list[str] = []
    with server_code.render_server(folder) as url:
        for expected in server_code.read_recorded("vllm"):
            # Without a parser of calls the server takes tools in this way alone; they stay in the prompt.
            body = bodies()[expected["chat"]] | {"tool_choice": "none"}
            status, answer = post(f"{url}/v1/chat/completions/render", body)
            found = answer["token_ids"] if status == 200 else status
            if found != expected.get("ids", 400):
                wrong.append(f"{expected['chat']}: expected {expected}, found {status} {answer}")
    assert not wrong, "\n".join(wrong)


def post(url: str, body: Json) -> tuple[int, Json]:
    """Return the status and the answer."""
    assert re.match("http://127.0.0.1:", url)
    request = urllib.request.Request(  # noqa: S310
        url, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return 200, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
