"""The servers' own code, run in processes of their own: what they make of chats, and vLLM's render server.

`tools/get_servers.py` fetches it. `transformers serve` is in the transformers that tests compare with.
"""

import contextlib
import dataclasses
import importlib.metadata
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from paths import TESTS
from served_chats import bodies

Json = Any

VARIABLE = "EVERYTURN_SERVERS"
FOLDER = Path(os.environ.get(VARIABLE) or Path(sys.prefix) / "servers")
HOW_TO_FETCH = f"{FOLDER} is absent or older than what is pinned: run tools/get_servers.py"
SERVERS = TESTS / "servers"
#: What is put on the path of a process that runs a server's code, before what the tests have.
PATHS = {
    "vllm": ("vllm", "shared"),
    "sglang": ("sglang", "shared"),
    "transformers": ("shared",),
}
PINNED = SERVERS / "pinned"
RECORDED = SERVERS / "recorded"
#: What the recorded prompts were rendered at.
NOW = "2026-01-31T12:00:00"
DRIVER_SECONDS = 600
START_SECONDS = 300


def available() -> bool:
    """Whether the servers' code has been fetched."""
    return all((FOLDER / name / ".made").exists() for name in ("shared", "vllm", "sglang"))


def version(server: str) -> str:
    """The version that is compared with."""
    pinned = PINNED / f"{server}.txt"
    if not pinned.exists():
        return importlib.metadata.version(server)
    lines = pinned.read_text(encoding="utf-8").splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{server}=="))


def recorded(server: str) -> Path:
    """The file of what a server's version makes of each chat with the demo model."""
    return RECORDED / f"{server}-{version(server)}.jsonl"


def record(server: str, folder: Path) -> list[dict[str, Json]]:
    """Return what stands in that file, a dict a line: the ids of a chat's prompt, or who refuses it."""
    models = [{"name": "demo", "folder": str(folder)}]
    return [
        {"chat": each.chat, "refused_by": each.refused["by"]}
        if each.refused
        else {"chat": each.chat, "ids": each.ids}
        for each in served(server, models, bodies())
    ]


def read_recorded(server: str) -> list[dict[str, Json]]:
    """Return what has been recorded."""
    lines = recorded(server).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def environment(server: str) -> dict[str, str]:
    """The variables of a process that runs a server's code: it finds it first, and nothing on the network."""
    paths = [TESTS, *(FOLDER / name for name in PATHS[server])]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "HF_HUB_OFFLINE": "1",
        "VLLM_TARGET_DEVICE": "cpu",
        "VLLM_NO_USAGE_STATS": "1",
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Served:
    """What a server makes of a chat: a prompt, or a refusal with its reason."""

    model: str
    chat: str
    content_format: str | None
    messages: list[Json] | None
    tools: list[Json] | None
    variables: dict[str, Json] | None
    prompt: str | None
    ids: list[int] | None
    #: A status of HTTP, who refuses ("request": the server itself, "template", "encoding") and why.
    refused: dict[str, Json] | None


def served(
    server: str, models: Iterable[dict[str, Json]], chats: Mapping[str, Json], *, now: str = NOW
) -> Iterator[Served]:
    """Return what a server makes of each chat, the body of a request, with each model, in that order.

    A model is `{"name": .., "template": source, "special_tokens": {..}}` or `{"name": .., "folder": path}`; its
    `content_format` is "auto" unless it says otherwise.
    """
    lines = [json.dumps({"now": now, "chats": dict(chats)})]
    lines += [json.dumps({"content_format": "auto", **model}) for model in models]
    with tempfile.TemporaryFile() as answers, tempfile.TemporaryFile() as errors:
        finished = subprocess.run(
            [sys.executable, "-m", f"servers.drivers.run_{server}"],
            env=environment(server),
            input="\n".join(lines).encode(),
            stdout=answers,
            stderr=errors,
            timeout=DRIVER_SECONDS,
            check=False,
        )
        if finished.returncode:
            errors.seek(0)
            raise RuntimeError(f"the driver of {server} failed: {errors.read().decode()[-4000:]}")
        answers.seek(0)
        for line in answers:
            yield _read(json.loads(line))


def _read(answer: dict[str, Json]) -> Served:
    absent = dict.fromkeys(field.name for field in dataclasses.fields(Served))
    found: dict[str, Json] = absent | answer
    return Served(**found)


#: What vLLM needs beside tokenizer and template: a configuration, of a kind whose tokenizer is loaded as it stands.
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "max_position_embeddings": 131_072,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_attention_heads": 1,
    "num_hidden_layers": 1,
    "vocab_size": 200_000,
}


def servable(folder: Path, copy: Path) -> Path:
    """Copy a model's tokenizer and template to where a server finds all that it needs."""
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("config.json"))
    (copy / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return copy


@contextlib.contextmanager
def render_server(folder: Path, *options: str) -> Iterator[str]:
    """Run `vllm launch render` over a model; yields its URL on the loopback, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "vllm.entrypoints.cli.main", "launch", "render", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), *options]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command,
            env=environment("vllm"),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        ) as server,
    ):
        try:
            if not _answers(url, server):
                log.seek(0)
                raise RuntimeError(f"vLLM's render server: {log.read().decode()[-4000:]}")
            yield url
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def _answers(url: str, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the server answers; False if it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(f"{url}/health", timeout=5) as answer,  # noqa: S310
        ):
            return bool(answer.status == 200)
        time.sleep(0.3)
    return False
