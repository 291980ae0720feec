"""Which server answers, and how it is asked for the ids that it would feed its model.

In: a client, and bodies of requests for chat completions. Out: the name and version of the server, and for each body a
list of ids or the server's refusal. The routes of each server are tried in the order of their exactness; the first one
that it has is kept.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from everyturn.exceptions import ServerError
from everyturn.options import Serve

if TYPE_CHECKING:
    from everyturn.verification.client import Answer, Client

Json: TypeAlias = Any
Body: TypeAlias = Mapping[str, Json]

ABSENT = frozenset({403, 404, 405, 501})
"""What a server answers at a route that it does not have, or that is switched off."""
FIRST_OF_SERVER = 500
BUSY = 429


@dataclasses.dataclass(frozen=True, slots=True)
class ServerInfo:
    """The server that was asked.

    Attributes:
        url: Its address.
        name: ``vLLM``, ``SGLang`` or ``llama.cpp``.
        version: As it says itself; None where it does not.
        route: The path by which it gave the ids.
        limits: What that route does otherwise than a chat completion; None: nothing.
    """

    url: str
    name: str
    version: str | None
    route: str
    limits: str | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name} {self.version}"


class Refusal(Exception):  # noqa: N818 - it is an answer, which is compared
    """The server refuses a request, with its reason."""


class RouteAbsent(Exception):  # noqa: N818 - the next one is tried
    """The server does not have a route."""


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """A way to the ids of a prompt; ``ids`` raises `Refusal` or `RouteAbsent`."""

    path: str
    ids: Callable[["Client", Body], list[int]]
    limits: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class KnownServer:
    """A server that is known.

    Attributes:
        name: As it is called.
        serve: The preset of its prompts.
        owner: What it says of its models in ``owned_by``.
        versions: Where it says its version: paths and keys.
        proof: A key that only its answer at the first of those has, where models are not listed.
        routes: The most exact first.
        remedy: What to do where it has none of them.
    """

    name: str
    serve: Serve
    owner: str
    versions: tuple[tuple[str, str], ...]
    proof: str
    routes: tuple[Route, ...]
    remedy: str


class Server:
    """A server that shows the ids of prompts.

    Raises:
        ServerError: It does not answer, or is none that is known.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client
        self.known, self._version = _recognised(client)
        self._routes = list(self.known.routes)

    @property
    def info(self) -> ServerInfo:
        """What is known of it."""
        route = self._routes[0]
        return ServerInfo(
            self._client.url, self.known.name, self._version, route.path, route.limits
        )

    def prompt_ids(self, body: Body) -> list[int]:
        """Return the ids that the server would feed for this request.

        Raises:
            Refusal: It refuses the request.
            ServerError: It fails, or has no route that shows ids.
        """
        while (ids := self._ids_by(self._routes[0], body)) is None and len(self._routes) > 1:
            del self._routes[0]
        if ids is not None:
            return ids
        tried = ", ".join(route.path for route in self.known.routes)
        raise ServerError(
            f"{self._client.url}: this {self.known.name} shows no ids of prompts at {tried}: {self.known.remedy}"
        )

    def _ids_by(self, route: Route, body: Body) -> list[int] | None:
        """Return the ids; None where the server does not have the route."""
        try:
            return route.ids(self._client, body)
        except RouteAbsent:
            return None


def _recognised(client: "Client") -> tuple[KnownServer, str | None]:
    """Find out which server it is, and its version."""
    owner = _owner(client.get("/v1/models"))
    for known in KNOWN_SERVERS:
        if owner == known.owner:
            return known, _version(client, known)
    for known in KNOWN_SERVERS:
        found = client.get(known.versions[0][0]).json
        if isinstance(found, dict) and known.proof in found:
            return known, _version(client, known)
    seen = "" if owner is None else f" (its models are owned by {owner!r})"
    raise ServerError(
        f"{client.url}: not a server that is known here{seen}: vLLM, SGLang and llama.cpp show the ids of a prompt; "
        "transformers serve and TensorRT-LLM have no route that does"
    )


def _owner(answer: "Answer") -> str | None:
    models = answer.json.get("data") if isinstance(answer.json, dict) else None
    first = models[0] if isinstance(models, list) and models else None
    owner = first.get("owned_by") if isinstance(first, dict) else None
    return owner if isinstance(owner, str) else None


def _version(client: "Client", known: KnownServer) -> str | None:
    for path, key in known.versions:
        found = client.get(path).json
        version = found.get(key) if isinstance(found, dict) else None
        if isinstance(version, str):
            return version
    return None


def _value(client: "Client", path: str, body: Body) -> dict[str, Json]:
    """Post a body; the answer is an object, or there is none."""
    answer = client.post(path, body)
    if answer.is_ok:
        if isinstance(answer.json, dict):
            return answer.json
        raise ServerError(
            f"{client.url}{path}: the answer is not a JSON object: {answer.text[:80]!r}"
        )
    if answer.status in ABSENT:
        raise RouteAbsent
    if answer.status >= FIRST_OF_SERVER or answer.status == BUSY:
        raise ServerError(f"{client.url}{path}: the server fails: {answer.reason()}")
    raise Refusal(answer.reason())


def _ids(found: Mapping[str, Json], key: str, client: "Client", path: str) -> list[int]:
    ids = found.get(key)
    if isinstance(ids, list) and all(type(token) is int for token in ids):
        return ids
    raise ServerError(
        f"{client.url}{path}: the answer has no list of ids {key!r}: this version of the server answers in another way "
        "than those that are known"
    )


def _value_of_vllm(client: "Client", path: str, body: Body) -> dict[str, Json]:
    """Without a parser of calls vLLM takes tools only where none is to be called; they stay in the prompt."""
    try:
        return _value(client, path, body)
    except Refusal as refusal:
        if "tools" not in body:
            raise
        try:
            return _value(client, path, {**body, "tool_choice": "none"})
        except Refusal:
            raise refusal from None


def _by_render(client: "Client", body: Body) -> list[int]:
    path = "/v1/chat/completions/render"
    return _ids(_value_of_vllm(client, path, body), "token_ids", client, path)


def _by_one_token(client: "Client", body: Body) -> list[int]:
    path = "/v1/chat/completions"
    asked = {**body, "max_tokens": 1, "stream": False, "return_token_ids": True}
    found = _value_of_vllm(client, path, asked)
    if found.get("prompt_token_ids") is None:
        raise RouteAbsent
    return _ids(found, "prompt_token_ids", client, path)


def _by_tokenize(client: "Client", body: Body) -> list[int]:
    return _ids(_value(client, "/tokenize", body), "tokens", client, "/tokenize")


def _by_sglang(client: "Client", body: Body) -> list[int]:
    return _ids(_value(client, "/v1/tokenize", body), "tokens", client, "/v1/tokenize")


def _by_template(client: "Client", body: Body) -> list[int]:
    prompt = _value(client, "/apply-template", body).get("prompt")
    if not isinstance(prompt, str):
        raise ServerError(f"{client.url}/apply-template: the answer has no text 'prompt'")
    # As it encodes the prompt of a chat completion.
    asked = {"content": prompt, "add_special": True, "parse_special": True}
    return _ids(_value(client, "/tokenize", asked), "tokens", client, "/tokenize")


KNOWN_SERVERS = (
    KnownServer(
        name="llama.cpp",
        serve="llama.cpp",
        owner="llamacpp",
        versions=(("/props", "build_info"),),
        proof="default_generation_settings",
        routes=(Route("/apply-template", _by_template),),
        remedy="use a version that has both routes",
    ),
    KnownServer(
        name="SGLang",
        serve="sglang",
        owner="sglang",
        versions=(("/server_info", "version"), ("/get_server_info", "version")),
        proof="internal_states",
        routes=(Route("/v1/tokenize", _by_sglang),),
        remedy="use a version whose /v1/tokenize takes messages",
    ),
    KnownServer(
        name="vLLM",
        serve="vllm",
        owner="vllm",
        versions=(("/version", "version"),),
        proof="version",
        routes=(
            Route("/v1/chat/completions/render", _by_render),
            Route("/v1/chat/completions", _by_one_token),
            Route(
                "/tokenize",
                _by_tokenize,
                "it is not the route of chats: it reads no reasoning_effort and no documents, and reasoning only under "
                "the name reasoning; start the server with --enable-scale-out for the exact ids",
            ),
        ),
        remedy="start it with --enable-scale-out, or run `vllm launch render MODEL`",
    ),
)
"""The servers that are known; the least telling proof last."""
