"""JSON over HTTP with one host.

In: a URL, and bodies to post to paths below it. Out: the status and the JSON of each answer, or a `ServerError` that
says what went wrong. Nothing is sent to another host: redirects are errors, proxies of the environment are not asked.
"""

import http.client
import json
import socket
import ssl
import time
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from everyturn.exceptions import OptionsError, ServerError
from everyturn.io.json_lines import loads
from everyturn.verification import TIMEOUT
from everyturn.wording import shortened

PORTS = {"http": 80, "https": 443}
MOST_BYTES = 256 << 20
"""The most bytes of an answer: more than the ids of any prompt take."""
PIECE_BYTES = 1 << 16
EXCERPT = 300
"""The most characters of an answer that an error shows."""

UNAUTHORIZED = 401


class Answer(NamedTuple):
    """What a server answers.

    Attributes:
        status: The status of HTTP.
        json: The value that the body holds; None where it is not JSON.
        text: The start of the body.
    """

    status: int
    json: Any
    text: str

    @property
    def is_ok(self) -> bool:
        """Whether the server did what it was asked to."""
        return 200 <= self.status < 300  # noqa: PLR2004 - as HTTP has it

    def reason(self) -> str:
        """The server's own words on what is wrong, and the status."""
        words = _words(self.json) or self.text or "no reason given"
        return f"{_short(words)} (HTTP {self.status})"


class Client:
    """Speaks with one server.

    Args:
        url: ``http://HOST:PORT`` or ``https://..``; a path before the server's own routes may follow.
        timeout: The seconds that an answer may take.
        api_key: Sent as a bearer token, if it is given.

    Raises:
        OptionsError: The URL, the time or the key cannot be used.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT, api_key: str | None = None) -> None:
        parts, self._port = _split(url)
        if not 0 < timeout < float("inf"):
            raise OptionsError(f"timeout must be more than 0 seconds, not {timeout}")
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise OptionsError("the API key holds characters that a header cannot")
        self._is_tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        # Clients of the OpenAI API are given the URL with this.
        self._base = parts.path.rstrip("/").removesuffix("/v1")
        self._timeout = timeout
        self._api_key = api_key
        name = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"{parts.scheme}://{name}:{self._port}{self._base}"

    def get(self, path: str) -> Answer:
        """Ask for what is at this path."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Any) -> Answer:
        """Post JSON to this path."""
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Answer:
        name = f"{method} {self.url}{path}"
        try:
            status, location, data = self._exchange(method, self._base + path, body)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise _failure(error, name, self._timeout) from error
        if 300 <= status < 400:  # noqa: PLR2004 - as HTTP has it
            raise ServerError(
                f"{name}: answers with a redirect to {location or 'nowhere'}, which is not followed: nothing is sent "
                "to another address than the one that was named; name that one if it is the server"
            )
        if status == UNAUTHORIZED:
            raise ServerError(
                f"{name}: the server asks for an API key, or for another one (HTTP 401)"
            )
        text = data[: 4 * EXCERPT].decode(errors="replace").strip()
        return Answer(status, _parsed(data), text)

    def _exchange(
        self, method: str, path: str, body: bytes | None
    ) -> tuple[int, str | None, bytes]:
        headers = {"Accept": "application/json", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._api_key is not None:
            headers["Authorization"] = f"Bearer {self._api_key}"
        deadline = time.monotonic() + self._timeout
        connection = self._connection()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            pieces: list[bytes] = []
            size = 0
            while piece := response.read1(PIECE_BYTES):
                pieces.append(piece)
                size += len(piece)
                if size > MOST_BYTES:
                    raise http.client.HTTPException(f"an answer of more than {MOST_BYTES:,} bytes")
                if time.monotonic() > deadline:
                    raise TimeoutError
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
            return response.status, response.headers.get("Location"), b"".join(pieces)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._is_tls:
            return http.client.HTTPSConnection(
                self._host,
                self._port,
                timeout=self._timeout,
                context=ssl.create_default_context(),
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


def _split(url: str) -> tuple[SplitResult, int]:
    example = "expected http:// or https:// with a host, e.g. http://127.0.0.1:8000"
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise OptionsError(f"server: {url!r}: {error}; {example}") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise OptionsError(f"server: {url!r}: {example}")
    if parts.username is not None or parts.password is not None:
        raise OptionsError("server: the URL has a user name or a password: give an API key instead")
    if parts.query or parts.fragment:
        raise OptionsError(f"server: {url!r}: nothing may follow the path; {example}")
    if not (url.isascii() and parts.path.isprintable() and " " not in parts.path):
        raise OptionsError(f"server: {url!r}: has characters that are not allowed in a URL")
    return parts, PORTS[parts.scheme] if port is None else port


def _failure(error: Exception, name: str, timeout: float) -> ServerError:
    """Say why there is no answer, and what to do."""
    if isinstance(error, TimeoutError):
        return ServerError(
            f"{name}: no answer within {timeout:g} seconds: is it the right address, and is the model loaded? "
            "A longer timeout can be given"
        )
    if isinstance(error, ssl.SSLError):
        text = f"{name}: no secure connection: {error.reason or error}; a server without TLS is named with http://"
        return ServerError(text)
    if isinstance(error, socket.gaierror):
        return ServerError(f"{name}: the host is not known: {error.strerror}")
    if isinstance(error, ConnectionRefusedError):
        return ServerError(
            f"{name}: the connection is refused: does a server run there, at that port?"
        )
    if isinstance(error, http.client.HTTPException | UnicodeError):
        found = str(error) or type(error).__name__
        return ServerError(f"{name}: not an answer of HTTP: {_short(found)}; is https:// meant?")
    assert isinstance(error, OSError)  # noqa: S101 - all that is caught
    return ServerError(f"{name}: the connection failed: {error.strerror or error}")


def _parsed(data: bytes) -> Any:
    try:
        return loads(data)
    except ValueError:
        return None


def _words(value: Any) -> str | None:
    """The text of an error, where servers put it."""
    for key in ("error", "message", "detail"):
        if isinstance(value, dict) and value.get(key):
            return _words(value[key]) or json.dumps(value[key], ensure_ascii=False)
    return value if isinstance(value, str) else None


def _short(text: str) -> str:
    return shortened(" ".join(text.split()), EXCERPT)
