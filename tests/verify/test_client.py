"""What the client does with what servers answer, or do not; the servers here are made up."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

import everyturn
from everyturn.verification.client import Client
from fake_server import FakeServer, Reply


@pytest.fixture
def elsewhere() -> Iterator[FakeServer]:
    """Another host, which is to be asked nothing."""
    with FakeServer({}).running() as server:
        yield server
        assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "localhost:8000",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "http://",
        "http://:8000",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://[::1",
        "http://127.0.0.1/a?b=c",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\u00e9",
        "http://name:word@127.0.0.1",
    ],
)
def test_what_is_not_the_url_of_a_server_is_wrong_use(url: str) -> None:
    """Nothing is asked then."""
    with pytest.raises(everyturn.OptionsError, match="server: "):
        Client(url)


def test_a_password_in_a_url_is_not_shown() -> None:
    """An error is read by others."""
    with pytest.raises(everyturn.OptionsError) as caught:
        Client("http://name:secret@127.0.0.1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_timeout_is_a_number_of_seconds(seconds: float) -> None:
    """More than none, and an end to it."""
    with pytest.raises(everyturn.OptionsError, match="timeout"):
        Client("http://127.0.0.1", timeout=seconds)


@pytest.mark.parametrize("key", ["a\nb", "a\r\nHost: b", "\u00e9"])
def test_a_key_that_would_make_another_header_is_refused(key: str) -> None:
    """Before it is sent, and without showing it."""
    with pytest.raises(everyturn.OptionsError, match="the API key holds") as caught:
        Client("http://127.0.0.1", api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1", "http://127.0.0.1:80"),
        ("https://[::1]/", "https://[::1]:443"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/behind/v1/", "http://127.0.0.1:8000/behind"),
    ],
)
def test_the_url_of_an_api_is_that_of_its_server(url: str, shown: str) -> None:
    """What clients are given ends with /v1; routes follow before it."""
    assert Client(url).url == shown


def test_json_is_posted_below_the_path_with_the_key() -> None:
    """And nothing of the environment is."""
    with FakeServer({"/behind/a": Reply({"b": 1})}).running() as server:
        answer = Client(f"{server.url}/behind", api_key="key").post("/a", {"c": "\u00e9"})
    (asked,) = server.asked
    assert (answer.status, answer.json, answer.is_ok) == (200, {"b": 1}, True)
    assert (asked.method, asked.path, asked.body) == ("POST", "/behind/a", {"c": "\u00e9"})
    assert asked.headers["authorization"] == "Bearer key"
    assert asked.headers["content-type"] == "application/json"


def test_no_proxy_of_the_environment_is_asked(
    elsewhere: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request goes to the server itself."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, elsewhere.url)
    with FakeServer({"/a": Reply({})}).running() as server:
        assert Client(server.url).get("/a").is_ok


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(elsewhere: FakeServer, status: int) -> None:
    """Chats would be sent to a host that nobody named."""
    reply = Reply({}, status, {"Location": f"{elsewhere.url}/a"})
    with (
        FakeServer({"/a": reply}).running() as server,
        pytest.raises(everyturn.ServerError, match=r"redirect to .* not followed"),
    ):
        Client(server.url).post("/a", {"messages": []})


def test_a_refused_connection_says_so() -> None:
    """With the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(everyturn.ServerError, match="/a: the connection is refused") as caught:
        Client(url).get("/a")
    assert caught.value.kind == "server"
    assert url in str(caught.value)


def test_an_unknown_host_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system says it, whatever network this machine is on."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(everyturn.ServerError, match="the host is not known"):
        Client("http://nobody.invalid").get("/a")


def test_a_server_that_does_not_answer_is_not_waited_for() -> None:
    """Longer than was asked for."""
    replies: dict[str, Reply] = {}
    server = FakeServer(replies)
    replies["/a"] = server.never  # type: ignore[assignment]
    with (
        server.running(),
        pytest.raises(everyturn.ServerError, match=r"no answer within 0\.2 seconds"),
    ):
        Client(server.url, timeout=0.2).get("/a")


def test_an_answer_that_drips_is_not_waited_for_either() -> None:
    """Each byte comes in time, and all of them do not."""
    with (
        _listening(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", drip=b" ") as url,
        pytest.raises(everyturn.ServerError, match=r"no answer within 0\.3 seconds"),
    ):
        Client(url, timeout=0.3).get("/a")


@pytest.mark.parametrize(
    "data",
    [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"],
    ids=["nothing", "not HTTP", "cut off"],
)
def test_what_is_not_an_answer_of_http_says_so(data: bytes) -> None:
    """Or is one that is cut off."""
    with (
        _listening(data) as url,
        pytest.raises(everyturn.ServerError, match=r"not an answer of HTTP|connection failed"),
    ):
        Client(url, timeout=5).get("/a")


def test_a_server_without_tls_is_named_with_http() -> None:
    """TLS meets plain text."""
    with (
        FakeServer({}).running() as server,
        pytest.raises(everyturn.ServerError, match=r"no secure connection.*named with http://"),
    ):
        Client(server.url.replace("http:", "https:"), timeout=5).get("/a")


def test_a_server_that_wants_a_key_says_so() -> None:
    """Without the key that it did not take."""
    with (
        FakeServer({"/a": Reply({}, 401)}).running() as server,
        pytest.raises(everyturn.ServerError, match="asks for an API key") as caught,
    ):
        Client(server.url, api_key="secret").get("/a")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": {"message": "too long"}}, "too long (HTTP 400)"),
        ({"message": "too long", "code": 7}, "too long (HTTP 400)"),
        ({"detail": [{"loc": "a"}]}, '[{"loc": "a"}] (HTTP 400)'),
        (b"too\nlong", "too long (HTTP 400)"),
        (b"", "no reason given (HTTP 400)"),
        (b"x" * 1000, "x" * 300 + "\u2026 (HTTP 400)"),
        (b"[" * 100_000, "[" * 300 + "\u2026 (HTTP 400)"),
    ],
)
def test_a_reason_is_the_servers_own_words(body: object, reason: str) -> None:
    """Wherever it puts them, and however long they are."""
    with FakeServer({"/a": Reply(body, 400)}).running() as server:
        answer = Client(server.url).get("/a")
    assert answer.reason() == reason
    assert not answer.is_ok


class _listening:  # noqa: N801 - a context
    """A socket that answers one connection with these bytes, and then with some more every 50 ms."""

    def __init__(self, data: bytes, drip: bytes = b"") -> None:
        self._data, self._drip = data, drip
        self._ended = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(self._data)
            with contextlib.suppress(OSError):
                while self._drip and not self._ended.wait(0.05):
                    connection.sendall(self._drip)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()
