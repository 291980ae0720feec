"""What was being read when the process forked: the child has none of the threads, and must hear of it."""

import multiprocessing
import multiprocessing.connection
from collections.abc import Callable
from typing import Any

import pytest

import everyturn
from chats import to_jsonl
from everyturn import _core
from everyturn.io.inputs import resolve

SECONDS = 30
CHUNK_BYTES = 1000
CHAT = [{"role": "user", "content": "What is read?"}, {"role": "assistant", "content": "x" * 200}]
JSONL = to_jsonl([{"messages": CHAT}] * 60_000)
"""More than the chunks that are read ahead, whatever their size."""

BAD_LINE = b'{"messages": [{"role": "bot", "content": "x"}]}\n'
STREAM_ERROR = (
    "a stream that was opened before a fork cannot be read in the child process: open it there"
)


def expand_steps(expander: everyturn.Expander) -> Callable[[], Any]:
    """Open a stream of samples, and return what takes its next step."""
    chunks = expander.stream(JSONL, chunk_bytes=CHUNK_BYTES)
    return lambda: next(chunks)


def check_steps(_expander: everyturn.Expander) -> Callable[[], Any]:
    """Open a check that has something to find at once and something later."""
    findings = everyturn.check(BAD_LINE + JSONL + BAD_LINE)
    return lambda: next(found for found in findings if found.kind == "role")


def stats_steps(expander: everyturn.Expander) -> Callable[[], Any]:
    """Open a count."""
    inputs, _ = resolve(JSONL)
    return _core.StatsStream([expander._expander], inputs, CHUNK_BYTES, None).advance  # noqa: SLF001


def records_steps(_expander: everyturn.Expander) -> Callable[[], Any]:
    """Open the lines of a source; a step takes as many as one chunk cannot hold."""
    inputs, _ = resolve(JSONL)
    records = _core.Records(
        inputs, input_format="auto", map=None, max_line_bytes=_core.MAX_LINE_BYTES
    )
    return lambda: [next(records) for _ in range(25_000)]


def send_error(sending: multiprocessing.connection.Connection, step: Callable[[], Any]) -> None:
    """Send what a step raises from a child."""
    try:
        step()
    except everyturn.EveryturnError as error:
        sending.send((type(error), error.kind, str(error)))
    else:
        sending.send(None)


def error_in_forked_child(step: Callable[[], Any]) -> object:
    """Take a step in a forked child; return what it raised."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=send_error, args=(sending, step))
    child.start()
    try:
        assert receiving.poll(SECONDS), "the forked child hangs"
        return receiving.recv()
    finally:
        child.kill()
        child.join(SECONDS)


@pytest.mark.parametrize("steps", [expand_steps, check_steps, stats_steps, records_steps])
def test_what_was_opened_before_a_fork_refuses_to_go_on_in_the_child(
    steps: Callable[[everyturn.Expander], Callable[[], Any]],
) -> None:
    """The reader's thread is not in the child: there is an error at once, and the parent continues."""
    expander = everyturn.Expander("demo", num_threads=2)
    step = steps(expander)
    step()
    expected = (everyturn.OptionsError, "options", STREAM_ERROR)
    assert error_in_forked_child(step) == expected
    step()
