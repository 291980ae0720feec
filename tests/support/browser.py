"""A headless Chromium, driven through its debugging pipe: no more than pages under test need.

In: a page's address, scripts, keys. Out: values, pictures, and what the page loaded or complained about. Needs the
program alone (Debian: ``apt-get install chromium-headless-shell``).
"""

import base64
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
HOW_TO_INSTALL = "Debian: apt-get install --no-install-recommends chromium-headless-shell"
READ_BYTES = 1 << 16


def program() -> str | None:
    """Return the browser of this machine."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Browser:
    """One page in its own browser."""

    def __init__(self, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        found = program()
        if found is None:
            raise FileNotFoundError(f"no Chromium; {HOW_TO_INSTALL}")
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        # The pipe is at descriptors 3 and 4. Without its sandbox it runs as root, too: it opens our own files only.
        command = [found, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        command += [
            "--disable-dev-shm-usage",
            f"--user-data-dir={self._profile.name}",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", f"exec {shlex.join(command)} 3<&{to_read} 4>&{to_write}"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def __enter__(self) -> "Browser":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        self._process.wait(timeout=30)
        self._profile.cleanup()

    def open(self, path: Path) -> None:
        """Open a file and wait until it is there."""
        self._call("Page.navigate", url=path.absolute().as_uri())
        self._wait(lambda event: event["method"] == "Page.loadEventFired")

    def run(self, script: str) -> Any:
        """Return what an expression is on the page."""
        done = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(str(done["exceptionDetails"]))
        return done["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key with a name, as ``ArrowRight`` or ``Tab``."""
        code = {
            "Tab": 9,
            "Enter": 13,
            "End": 35,
            "Home": 36,
            "ArrowLeft": 37,
            "ArrowUp": 38,
            "ArrowRight": 39,
        }
        for kind in ("keyDown", "keyUp"):
            number = code.get(key, 40)
            self._call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=number
            )

    def point(self, x: float, y: float) -> None:
        """Move the pointer there, over what is painted there, and wait until the page has heard of it."""
        # What lies under the pointer is found by the last frame, and that can be older than the script that scrolled.
        self.paint()
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.paint()

    def paint(self) -> None:
        """Wait until a frame with everything so far is painted."""
        frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))"
        self._call("Runtime.evaluate", expression=frames, awaitPromise=True)

    def resize(self, width: int, height: int) -> None:
        """Give the page another size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)

    def picture(self, path: Path) -> None:
        """Write what is on the screen as PNG."""
        path.write_bytes(
            base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])
        )

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        call: dict[str, Any] = {"id": number, "method": method, "params": arguments}
        if self._session is not None:
            call["sessionId"] = self._session
        os.write(self._out, json.dumps(call).encode() + b"\0")
        answer = self._wait(lambda message: message.get("id") == number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            message = self._next()
            self._note(message)
            if ("method" in message or "id" in message) and wanted({"method": None, **message}):
                return message

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._in, READ_BYTES)
            if not data:
                raise RuntimeError(f"the browser ended with {self._process.wait()}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        what = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(what["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(what["exceptionDetails"]))
            case "Log.entryAdded":
                self.complaints.append(what["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(what["args"]))
