"""A server on the loopback that answers what a test tells it to, and keeps what it was asked.

It proves what a client does with answers; what a real server answers it cannot prove: `tests/servers` does.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

Json = Any


class Reply(NamedTuple):
    """What is answered at a path: JSON, or bytes as they stand."""

    body: Json | bytes
    status: int = 200
    headers: Mapping[str, str] = {}


class Asked(NamedTuple):
    """What was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Json


Answerer = Callable[[Json], Reply]


class FakeServer:
    """Where it listens, and what it was asked."""

    def __init__(self, replies: Mapping[str, Reply | Answerer]) -> None:
        self.asked: list[Asked] = []
        self.released = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _reply(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                headers = {name.lower(): value for name, value in self.headers.items()}
                fake.asked.append(Asked(self.command, self.path, headers, body))
                found = replies.get(self.path, Reply({"error": {"message": "Not Found"}}, 404))
                reply = found(body) if callable(found) else found
                data = (
                    reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                )
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(data)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _reply  # noqa: N815 - as the library asks for

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Say nothing: clients that do not wait are tested."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def never(self, _: Json) -> Reply:
        """Answer when the test is over."""
        self.released.wait(30)
        return Reply({})

    @contextmanager
    def running(self) -> Iterator["FakeServer"]:
        """Answer while the context lasts."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def models(owner: str) -> Reply:
    """The list of models of a server that says who it is."""
    return Reply({"object": "list", "data": [{"id": "demo", "owned_by": owner}]})
