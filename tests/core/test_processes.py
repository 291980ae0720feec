"""Processes and threads: fork, spawn, forkserver, pickles, equal output, and Ctrl-C."""

import concurrent.futures
import contextlib
import hashlib
import multiprocessing
import multiprocessing.connection
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

import everyturn
from chats import to_jsonl
from children import child
from everyturn.options import Layout

T = TypeVar("T")
SECONDS = 60
BAD_LINE = b'{"messages": [{"role": "bot", "content": "x"}]}'

CHATS = [
    {
        "messages": [
            message
            for turn in range(1 + number % 5)
            for message in (
                {"role": "user", "content": f"Question {number}, turn {turn}? " * (turn + 1)},
                {"role": "assistant", "content": f"Answer {number}, turn {turn}. " * (number % 7)},
            )
        ]
    }
    for number in range(200)
]
JSONL = to_jsonl(CHATS)


def digest(expander: everyturn.Expander, jsonl: bytes = JSONL) -> str:
    """A hash over everything that an expansion gives."""
    samples = expander.expand(jsonl)
    hashed = hashlib.sha256()
    for array in ("input_ids", "labels", "offsets", "file", "line", "targets", "target_offsets"):
        hashed.update(getattr(samples, array).tobytes())
    hashed.update("".join(samples.conversation_id).encode())
    hashed.update(repr(samples.report.to_dict()).encode())
    return hashed.hexdigest()


def send_digest(
    sending: multiprocessing.connection.Connection,
    expander: everyturn.Expander,
    jsonl: bytes = JSONL,
) -> None:
    """Send the hash from a child."""
    sending.send(digest(expander, jsonl))


def expand_bad_line(expander: everyturn.Expander) -> None:
    """Raise what a bad line raises."""
    expander.expand(BAD_LINE)


def rendered(renderer: everyturn.Renderer) -> tuple[str, tuple[int, ...], str]:
    """Return all that a renderer shows of itself."""
    text = renderer.render(CHATS[4]["messages"], add_generation_prompt=True)
    return text, tuple(renderer.encode(text).tolist()), renderer.fingerprint


@pytest.fixture(scope="module")
def expander() -> everyturn.Expander:
    """What turns chats into rows here."""
    return everyturn.Expander("demo", num_threads=2)


start_methods = pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())


# --------------------------------------------------------------------------------------------
# Processes
# --------------------------------------------------------------------------------------------


@start_methods
def test_a_child_process_gives_the_same_rows(expander: everyturn.Expander, method: str) -> None:
    """Started in any way, after the parent has worked with its threads, a child can work, too."""
    expected = digest(expander)
    with multiprocessing.get_context(method).Pool(2) as pool:
        tasks = [pool.apply_async(digest, (expander,)) for _ in range(4)]
        assert {task.get(timeout=SECONDS) for task in tasks} == {expected}
    assert digest(expander) == expected


def test_a_child_forked_during_the_first_use_of_literal_can_work(data: Path) -> None:
    """Nothing is made under a lock that the fork would find held."""
    chat = {
        "messages": [
            {"role": "user", "content": "Say <|im_end|> now"},
            {"role": "assistant", "content": "No."},
        ]
    }
    expander = everyturn.Expander(data / "tokenizers" / "qwen3", control_tokens="literal")
    # Whatever else is made at first use.
    expander.expand([CHATS[0]])
    worker = threading.Thread(target=lambda: expander.expand([chat] * 20))
    worker.start()
    try:
        # The first of them is forked before, during or after the first use.
        for _ in range(3):
            sent_by_forked_child(send_digest, expander, to_jsonl([chat]))
    finally:
        worker.join()


def test_a_child_forked_while_threads_work_can_work(expander: everyturn.Expander) -> None:
    """Threads do not survive a fork: the child makes its own, and waits for nobody."""
    expected = digest(expander)
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            digest(expander)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(5):
            context = multiprocessing.get_context("fork")
            receiving, sending = context.Pipe(duplex=False)
            child = context.Process(target=send_digest, args=(sending, expander))
            child.start()
            assert receiving.poll(SECONDS), "the forked child hangs"
            assert receiving.recv() == expected
            child.join(SECONDS)
            assert child.exitcode == 0
    finally:
        done.set()
        worker.join(SECONDS)


@pytest.mark.parametrize("program", ["fork_beside_threads.py", "fork_and_drop.py"])
def test_no_child_of_many_hangs(pytestconfig: pytest.Config, program: str) -> None:
    """Whenever it is forked: 150 times, 3,000 with `--whole`. Allocators that take locks fail here now and then."""
    count = 3_000 if pytestconfig.getoption("--whole") else 150
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            Path(__file__).parents[1] / "data" / program,
            str(count),
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout.strip() == "0"


def sent_by_forked_child(target: Callable[..., None], *arguments: Any) -> Any:
    """Return what a forked child sends."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    forked = context.Process(target=target, args=(sending, *arguments))
    forked.start()
    try:
        assert receiving.poll(SECONDS), "the forked child hangs"
        return receiving.recv()
    finally:
        forked.kill()
        forked.join(SECONDS)


def private_megabytes() -> int:
    """The memory of this process that no other one shares."""
    sizes = Path("/proc/self/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) for line in sizes if line.startswith("Private_")) // 1024


def expand_and_send_memory(
    sending: multiprocessing.connection.Connection, expander: everyturn.Expander
) -> None:
    """Send a child's own memory after it has worked."""
    expander.expand(JSONL)
    sending.send(private_megabytes())


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells it")
def test_a_forked_child_shares_the_model(data: Path) -> None:
    """A worker takes no memory for a tokenizer and engines that its parent has loaded."""
    model = everyturn.Renderer.from_dir(
        data / "tokenizers" / "qwen3", engine="fast", serve="template"
    )
    expander = everyturn.Expander(model, num_threads=1)
    expander.expand(JSONL)
    own = private_megabytes()
    assert sent_by_forked_child(expand_and_send_memory, expander) < own / 4


def test_a_child_forked_while_the_fast_engine_is_loaded_loads_its_own(data: Path) -> None:
    """The thread that loads it is not in the child, which must not wait for it."""
    model = everyturn.Renderer.from_dir(data / "tokenizers" / "llama-2", serve="template")
    expander = everyturn.Expander(model, num_threads=2, on_error="skip")
    text = "".join(f"word{i} " for i in range(20_000))
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": text}]
    jsonl = to_jsonl([{"messages": chat}] * 40)
    working = threading.Thread(target=digest, args=(expander, jsonl))
    working.start()
    sent = {sent_by_forked_child(send_digest, expander, jsonl) for _ in range(3)}
    working.join()
    assert sent == {digest(expander, jsonl)}


@start_methods
def test_an_error_in_a_child_reaches_the_parent_whole(
    expander: everyturn.Expander, method: str
) -> None:
    """An exception crosses to another process with its class, text and location."""
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        task = pool.submit(expand_bad_line, expander)
        with pytest.raises(everyturn.ConversationError, match='"bot"') as caught:
            task.result(timeout=SECONDS)
    assert (caught.value.line, caught.value.message_index) == (1, 0)


# --------------------------------------------------------------------------------------------
# Threads
# --------------------------------------------------------------------------------------------


def test_threads_share_an_expander(expander: everyturn.Expander) -> None:
    """Python threads that use one expander at the same time each get the whole result."""
    expected = digest(expander)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        tasks = [pool.submit(digest, expander) for _ in range(16)]
        assert {task.result(timeout=SECONDS) for task in tasks} == {expected}


def test_threads_share_a_renderer() -> None:
    """Rendering and encoding keep nothing between two calls."""
    renderer = everyturn.Renderer.from_dir("demo")
    expected = rendered(renderer)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        tasks = [pool.submit(rendered, renderer) for _ in range(200)]
        assert {task.result(timeout=SECONDS) for task in tasks} == {expected}


@pytest.mark.parametrize("layout", ["per_turn", "merged", "conversation"])
def test_the_number_of_threads_changes_nothing(layout: Layout) -> None:
    """One, two and eight threads give the same bytes."""
    digests = {
        digest(everyturn.Expander("demo", layout=layout, num_threads=threads))
        for threads in (1, 2, 8, None)
    }
    assert len(digests) == 1


def test_the_first_error_is_the_one_raised_for_any_number_of_threads() -> None:
    """Of several bad lines the first is named, though threads meet them in any order."""
    lines = JSONL.splitlines()
    for place in (150, 40, 90):
        lines[place] = BAD_LINE
    for threads in (1, 2, 8):
        bad = everyturn.Expander("demo", num_threads=threads)
        for _ in range(5):
            with pytest.raises(everyturn.ConversationError) as caught:
                bad.expand(b"\n".join(lines))
            assert caught.value.line == 41


def test_other_threads_run_while_rows_are_made(expander: everyturn.Expander) -> None:
    """The interpreter is free while rows are made: a second thread keeps counting."""
    ticks = 0
    done = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    jsonl = JSONL * 50
    counter.start()
    before = ticks
    expander.expand(jsonl)
    counted = ticks - before
    done.set()
    counter.join(SECONDS)
    # A thread that could not run would count at most once, before the call has taken the interpreter.
    assert counted >= 5


# --------------------------------------------------------------------------------------------
# Pickles
# --------------------------------------------------------------------------------------------

PICKLE_BYTES = 10_000


def repickled(value: T) -> T:
    """Return what arrives in another process."""
    copy: T = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own pickle
    return copy


def test_a_renderer_pickles_as_its_sources() -> None:
    """A pickle names what to load and is small; what it loads renders and encodes alike."""
    renderer = everyturn.Renderer.from_dir("demo", template_kwargs={"enable_thinking": False})
    assert len(pickle.dumps(renderer)) < PICKLE_BYTES
    assert rendered(repickled(renderer)) == rendered(renderer)


def test_a_renderer_with_a_template_of_its_own_pickles_with_it(models: dict[str, Path]) -> None:
    """The template text that was given, the clock and the keyword arguments come along."""
    source = (models["dated"] / "chat_template.jinja").read_text(encoding="utf-8")
    renderer = everyturn.Renderer.from_dir(
        models["chatml"], chat_template=source, now="2021-02-03T04:05:06"
    )
    copy = repickled(renderer)
    assert rendered(copy) == rendered(renderer)
    assert "03 February 2021" in rendered(copy)[0]


def test_an_expander_pickles_with_its_options() -> None:
    """A copy has every option, and gives the same bytes."""
    expander = everyturn.Expander(
        "demo", layout="per_turn", train_on="last_assistant_turn", on_error="skip", num_threads=1
    )
    assert len(pickle.dumps(expander)) < PICKLE_BYTES
    jsonl = JSONL + BAD_LINE
    assert digest(repickled(expander), jsonl) == digest(expander, jsonl)


EXCEPTIONS = (
    "EveryturnError",
    "JsonlError",
    "ConversationError",
    "TemplateError",
    "TokenizerError",
    "SampleError",
    "ModelError",
)


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_survive_a_pickle(name: str) -> None:
    """Every class is made from one text, is a ValueError, and is the same after a pickle."""
    kind: type[everyturn.EveryturnError] = getattr(everyturn, name)
    assert issubclass(kind, everyturn.EveryturnError)
    assert issubclass(kind, ValueError)
    copy = repickled(kind("what went wrong"))
    assert type(copy) is kind
    assert str(copy) == "what went wrong"
    for attribute in ("file", "line", "message_index", "kind"):
        assert getattr(copy, attribute) == getattr(kind("what went wrong"), attribute)


def test_a_raised_exception_keeps_its_place_in_a_pickle(expander: everyturn.Expander) -> None:
    """File, line, message and kind come along."""
    with pytest.raises(everyturn.ConversationError) as caught:
        expander.expand(BAD_LINE)
    copy = repickled(caught.value)
    assert str(copy) == str(caught.value)
    for attribute in ("file", "line", "message_index", "kind"):
        assert getattr(copy, attribute) == getattr(caught.value, attribute)
    assert copy.kind


def test_samples_survive_a_pickle(expander: everyturn.Expander) -> None:
    """Rows can be handed to another process."""
    samples = expander.expand(JSONL)
    copy = repickled(samples)
    assert copy.input_ids.tolist() == samples.input_ids.tolist()
    assert copy.report.to_dict() == samples.report.to_dict()


# --------------------------------------------------------------------------------------------
# Ctrl-C
# --------------------------------------------------------------------------------------------

#: What a Ctrl-C may take (signals are looked for every 100 ms), and what the interpreter and a
#: busy machine may add to it. The work itself would take many times as long.
INTERRUPT_SECONDS = 0.25
ALLOWANCE_SECONDS = 5.0


def everyturn_command() -> list[str]:
    """The installed command, or the module where the command is not installed."""
    found = shutil.which("everyturn", path=str(Path(sys.executable).parent))
    return [found] if found else [sys.executable, "-m", "everyturn"]


def started(
    *arguments: str, **options: Any
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Start `everyturn expand` with the built-in model."""
    return child(
        [*everyturn_command(), "expand", *arguments, "--model", "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def interrupt(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Send Ctrl-C; demand an exit code of 130, soon, and no file left behind."""
    assert process.poll() is None, process.communicate()
    began = time.perf_counter()
    process.send_signal(signal.SIGINT)
    # Not `communicate`: it would close the standard input, and with that end the command's work.
    process.wait(timeout=SECONDS)
    seconds = time.perf_counter() - began
    _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert seconds < INTERRUPT_SECONDS + ALLOWANCE_SECONDS
    assert b"Traceback" not in errors
    assert list(folder.iterdir()) == []


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the command never began to read"
        time.sleep(0.01)


class Feeder:
    """Writes chats to the standard input of a process, up to a number of bytes."""

    def __init__(self, process: subprocess.Popen[bytes], most: float) -> None:
        assert process.stdin is not None
        self.pipe = process.stdin
        self.most = most
        self.written = 0
        self.thread = threading.Thread(target=self.feed, daemon=True)
        self.thread.start()

    def feed(self) -> None:
        """Write until enough is written or nobody reads."""
        try:
            while self.written < self.most:
                os.write(self.pipe.fileno(), JSONL)
                self.written += len(JSONL)
        except (OSError, ValueError):
            return  # the process has ended, and nobody reads


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_ctrl_c_while_rows_are_made_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    """Interrupted at work, the command exits with 130 soon, and no output file is there."""
    folder = tmp_path / "out"
    folder.mkdir()
    with started("-", "-o", str(folder / f"rows.{suffix}"), stdin=subprocess.PIPE) as process:
        feeder = Feeder(process, most=float("inf"))
        # More than a pipe holds has been taken: the command is reading.
        wait_for(lambda: feeder.written > 4_000_000)
        interrupt(process, folder)
        feeder.thread.join(SECONDS)


def test_ctrl_c_while_waiting_for_input_leaves_nothing(tmp_path: Path) -> None:
    """Interrupted while nothing comes in, the command exits with 130 just as soon."""
    folder = tmp_path / "out"
    folder.mkdir()
    with started("-", "-o", str(folder / "rows.parquet"), stdin=subprocess.PIPE) as process:
        feeder = Feeder(process, most=1_000_000)
        wait_for(lambda: feeder.written >= feeder.most)
        time.sleep(0.5)
        interrupt(process, folder)


def test_ctrl_c_over_files_leaves_nothing(tmp_path: Path) -> None:
    """Interrupted in the middle of many files, the command exits with 130 and leaves none."""
    folder, chats = tmp_path / "out", tmp_path / "chats"
    folder.mkdir()
    chats.mkdir()
    (chats / "0.jsonl").write_bytes(JSONL * (20_000_000 // len(JSONL)))
    for number in range(1, 200):
        (chats / f"{number}.jsonl").symlink_to(chats / "0.jsonl")
    with started(str(chats / "*.jsonl"), "-o", str(folder / "rows.parquet")) as process:
        # A temporary file: rows are being written, and there are many times as many to come.
        wait_for(lambda: any(folder.iterdir()))
        interrupt(process, folder)
