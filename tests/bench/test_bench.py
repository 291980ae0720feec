"""The bench: it compares before it times, finds what is wrong, and writes down everything. No time is asserted."""

import bz2
import dataclasses
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import everyturn
from chats import Record, to_jsonl
from children import child
from everyturn.bench import benchmark, corpus, sweep, synthetic, worker
from everyturn.bench.agreement import ONLY_EVERYTURN, ONLY_TOOL, Agreement, compare
from everyturn.bench.process import Child, ToolUnusableError
from everyturn.bench.tools import Made, Row
from everyturn.bench.tools.registry import BY_HAND, EVERYTURN, PEERS, Spec
from everyturn.cli import main
from everyturn.exceptions import InputError
from everyturn.model_sources import sources_of
from everyturn.renderer import Renderer

QUICK = ("--limit", "4", "--seconds", "0.01")
TURN = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}


class Done(SimpleNamespace):
    """What a command has done."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `everyturn bench`."""

    def bench(*arguments: object) -> Done:
        capsys.readouterr()
        try:
            code: Any = main(["bench", *map(str, arguments)])
        except SystemExit as ended:  # argparse has had the last word
            code = ended.code
        read = capsys.readouterr()
        return Done(code=code, out=read.out, err=read.err)

    return bench


def plan(**changes: Any) -> benchmark.Plan:
    """Return a plan for the demo model without peers."""
    sources = sources_of("demo", now="2026-01-31T12:00:00", serve="template")
    settings: dict[str, Any] = {
        "sources": sources,
        "renderer": Renderer(sources),
        "options": {"layout": "per_turn", "on_error": "skip", "input_format": "messages"},
        "peers": (),
        "threads": (1,),
        "seconds": 0.01,
    }
    return benchmark.Plan(**{**settings, **changes})


# What it says -----------------------------------------------------------------------------


def test_a_run_on_built_in_chats_tells_everything(bench: Command, tmp_path: Path) -> None:
    """The ids agree, the table has a row for each tool and number of threads, the file has the rest."""
    path = tmp_path / "out.json"
    done = bench(*QUICK, "--threads", "1,2", "-o", path)
    assert done.code == 0, done.err
    assert "transformers: 18 of 18 targets agree (100.0 %)" in done.out
    assert "not equal" not in done.out
    assert "round 1 of 5" in done.err
    report = json.loads(path.read_text(encoding="utf-8"))
    assert [(each["tool"], each["threads"]) for each in report["results"]] == [
        (EVERYTURN, 1),
        (EVERYTURN, 2),
        (BY_HAND, 1),
        (BY_HAND, 2),
    ]
    for result in report["results"]:
        assert len(result["rounds"]) == 5
        assert min(result["wall"] for result in result["rounds"]) > 0
        assert result["peak_bytes"] > 10_000_000
        assert result["load_seconds"] > 0
        assert result["is_equal"] is True
        assert result["ratio"]["cpu"] > 0
        assert result["megabytes_per_cpu_second"] > 0
        assert done.out.count(f"│ {result['tool']} ") == 2
    ours = report["results"][0]
    assert ours["ratio"] == {"cpu": 1.0, "wall": 1.0}
    assert set(report["versions"]) >= {"everyturn", "python", "transformers", "tokenizers"}
    assert report["machine"]["cpu"]
    assert report["machine"]["cores"] >= 1
    assert report["command"]
    assert report["model"]["fingerprint"] == Renderer.from_dir("demo", serve="template").fingerprint
    (file,) = report["data"]["files"]
    assert file["name"] == corpus.BUILT_IN
    assert file["bytes"] == report["data"]["bytes"]
    assert len(file["sha256"]) == 64
    assert report["agreement"][BY_HAND]["first_difference"] is None


def test_the_layout_is_checked_too(bench: Command, tmp_path: Path) -> None:
    """Rows that carry several targets agree target by target; a layout that is inexact is not equal."""
    file = tmp_path / "chats.jsonl"
    thinks = {**ANSWER, "reasoning_content": "hm"}
    file.write_bytes(to_jsonl([{"messages": [TURN, thinks, TURN, thinks]}]))
    arguments = ("--data", file, "--peers", "none", *QUICK)
    merged = bench(*arguments, "--layout", "merged")
    assert "everyturn: 2 of 2 targets agree" in merged.out
    whole = bench(*arguments, "--layout", "conversation")
    assert whole.code == 0
    assert (
        "everyturn: 1 of 2 targets agree (50.0 %), 1 trained stretch not of a target" in whole.out
    )
    assert f"first difference: {file}:1, target 0" in whole.out


WRONG_PEER = """
from everyturn.bench.tools.transformers_by_hand import ByHand

class Wrong(ByHand):
    def _through_stop(self, completion):
        return completion

def load(job):
    return Wrong(job)
"""


def test_a_wrong_peer_is_found_and_still_timed(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that trains the newline after the stop token: exit 1, the first difference, no ratio."""
    (tmp_path / "wrong_peer.py").write_text(WRONG_PEER)
    monkeypatch.syspath_prepend(str(tmp_path))
    wrong = Spec(module="wrong_peer", needs=("transformers",), distributions=("transformers",))
    monkeypatch.setitem(PEERS, BY_HAND, wrong)
    file = tmp_path / "chats.jsonl"
    file.write_bytes(b"no JSON\n" + to_jsonl([{"messages": [TURN, ANSWER]}]))
    done = bench("--data", file, *QUICK)
    assert done.code == 1
    assert "skipped 1 record: not JSON" in done.err
    assert "transformers: 0 of 1 target agree (0.0 %), 1 trained stretch not" in done.out
    assert f"first difference: {file}:2, target 0, token" in done.out
    assert ONLY_TOOL in done.out
    assert "Hello<|im_end|>' | ''.." in done.out
    assert r"Hello<|im_end|>' | '\n'.." in done.out
    row = next(line for line in done.out.splitlines() if line.startswith("│ transformers"))
    assert row.count("not equal") == 2


RUDE_PEERS = {
    "unusable": "def load(job): raise Unusable('gone \\x1b[2J')",
    "refusing": """
class Refusing(ByHand):
    def _turns(self, number, record):
        raise ValueError("no \\x1b[2J")

def load(job):
    return Refusing(job)
""",
}


@pytest.mark.parametrize("kind", RUDE_PEERS)
def test_the_words_of_a_peer_steer_no_terminal(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whether it does not load or refuses records."""
    head = (
        "from everyturn.bench.tools import Unusable\n"
        "from everyturn.bench.tools.transformers_by_hand import ByHand\n"
    )
    (tmp_path / "rude_peer.py").write_text(head + RUDE_PEERS[kind])
    monkeypatch.syspath_prepend(str(tmp_path))
    rude = Spec(module="rude_peer", needs=("transformers",), distributions=("transformers",))
    monkeypatch.setitem(PEERS, BY_HAND, rude)
    done = bench(*QUICK)
    assert "␛[2J" in done.out + done.err
    assert "\x1b" not in done.out + done.err


TOKENIZERS_APART = """
from tokenizers import Tokenizer as Library


class Tokenizer:
    @staticmethod
    def from_file(path):
        found = Tokenizer()
        found.library = Library.from_file(str(path))
        return found

    def encode_batch(self, texts, *, add_special_tokens, padding, truncation):
        assert padding is truncation is None
        return self.library.encode_batch(texts, add_special_tokens=add_special_tokens)
"""


def test_a_peer_with_a_package_apart_takes_it_from_there(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not among the packages of the environment: where it is missing the error says what puts it there."""
    peer = PEERS["transformers-1.0"]
    assert peer.apart is not None
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    refused = bench("--peers", "transformers-1.0", *QUICK)
    assert refused.code == 2
    assert f"pip install --no-deps --target {peer.apart.folder} tokenizers==" in refused.err
    package = peer.apart.folder / "tokenizers"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(TOKENIZERS_APART)
    assert peer.is_installed
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.prefix = {str(tmp_path)!r}")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "out.json"
    done = bench("--peers", "transformers,transformers-1.0", *QUICK, "-o", path)
    assert done.code == 0, done.err
    assert "transformers-1.0: 18 of 18 targets agree (100.0 %)" in done.out
    versions = json.loads(path.read_text(encoding="utf-8"))["versions"]
    assert versions["tokenizers 1"] == peer.apart.release
    assert versions["tokenizers"] != peer.apart.release


def test_only_what_all_can_do_is_timed(bench: Command, tmp_path: Path) -> None:
    """A record that everyturn finds faulty, or a peer cannot render, costs nobody time."""
    file, path = tmp_path / "chats.jsonl", tmp_path / "out.json"
    good, faulty = {"messages": [TURN, ANSWER]}, {"messages": [ANSWER]}
    file.write_bytes(to_jsonl([good, faulty, good]))
    done = bench("--data", file, "-o", path, *QUICK)
    assert done.code == 0
    assert "2 of 3 records compared, 1 faulty to everyturn" in done.out
    assert "the 2 conversations of 3 that all tools can do" in done.out
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["timed_conversations"] == 2
    assert report["timed_bytes"] == 2 * len(to_jsonl([good]))


def test_a_peer_that_has_no_way_with_the_model_is_left_out(bench: Command) -> None:
    """The demo template has no generation blocks."""
    done = bench("--peers", "transformers-mask", *QUICK)
    assert done.code == 0
    assert "skipped: transformers-mask: the chat template has no {% generation %}" in done.out


def test_the_help_names_every_peer(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that the registry knows."""
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    shown = "".join(capsys.readouterr().out.split())
    assert [name for name in PEERS if f"{name}," not in shown] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--peers", "nobody"), "nobody: unknown; there are transformers, transformers-1.0"),
        (("--peers", "gone"), "gone is not installed; pip install gone-and-lost"),
        (("--data", "not_there.jsonl"), "not_there.jsonl: no such file"),
        (("--plot", "out.gif"), "must end in .png or .svg"),
        (("-o", "no/such/folder.json"), "no such folder"),
        (("--up-to", "3"), "name one with --sweep"),
        (("--sweep", "turns", "--data", "x.jsonl"), "leave --data out"),
        (("--threads", "0"), "expected a whole number of at least 1, not '0'"),
        (("--threads", "1,two"), "expected a whole number of at least 1, not 'two'"),
        (("--limit", "x"), "expected a whole number of at least 1, not 'x'"),
        (("--model", "no/such/model"), "no/such/model"),
    ],
)
def test_wrong_use_is_told_before_any_work(
    bench: Command, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    """Exit 2, and the sentence that helps."""
    gone = Spec(module="gone", needs=("gone_and_lost",), distributions=("gone-and-lost",))
    monkeypatch.setitem(PEERS, "gone", gone)
    done = bench(*arguments)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_matplotlib_is_named_where_it_is_missing(
    bench: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A picture needs it, and the error says how to get it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    done = bench("--plot", tmp_path / "out.png")
    assert done.code == 2
    assert "pip install matplotlib" in done.err


def test_records_that_nobody_can_do_end_the_run(bench: Command, tmp_path: Path) -> None:
    """Data failed: exit 1."""
    file = tmp_path / "chats.jsonl"
    file.write_bytes(to_jsonl([{"messages": [{"role": "nobody", "content": "Hi"}]}]))
    done = bench("--data", file, *QUICK)
    assert done.code == 1
    assert "everyturn can expand none of the records" in done.err


# Comparing --------------------------------------------------------------------------------

CORPUS = corpus.of_records([{"messages": [TURN, ANSWER]}] * 2, "chats.jsonl")


def row(ids: Sequence[int], trained: Sequence[int], record: int = 0) -> Row:
    """Return a row in which the given positions are trained."""
    labels = [token if index in trained else -100 for index, token in enumerate(ids)]
    return Row(record, list(ids), labels)


EXPECTED = Made([row([1, 2, 3], [2]), row([1, 2, 3, 4, 5, 6], [4, 5])])


def agreement(*rows: Row, failures: dict[int, str] | None = None) -> Agreement:
    """Compare rows with two targets of one record."""
    made = Made(list(rows), failures or {})
    return compare(EXPECTED, made, CORPUS, lambda ids: " ".join(map(str, ids)))


def test_targets_agree_in_any_arrangement_of_rows() -> None:
    """Two rows, or one that carries both targets."""
    for rows in (EXPECTED.rows, [row([1, 2, 3, 4, 5, 6], [2, 4, 5])]):
        found = agreement(*rows)
        assert found.is_equal
        assert (found.targets, found.equal_targets, found.extra) == (2, 2, 0)


@pytest.mark.parametrize(
    ("rows", "equal", "target", "position", "what"),
    [
        ([row([1, 2, 3, 4, 5, 6, 7], [2, 4, 5, 6])], 1, 1, 6, ONLY_TOOL),
        ([row([1, 2, 3, 4, 5, 6], [1, 2, 4, 5])], 1, 0, 1, ONLY_TOOL),
        ([row([1, 2, 3, 4, 5, 6], [2, 5])], 1, 1, 4, ONLY_EVERYTURN),
        ([row([1, 2, 3, 4, 5, 6], [2, 4])], 1, 1, 5, ONLY_EVERYTURN),
        ([row([1, 2, 3, 4, 5, 6], [2])], 1, 1, 4, ONLY_EVERYTURN),
        ([row([1, 2, 3, 4, 9, 6], [2, 4, 5])], 1, 1, 4, "other ids"),
        ([row([1, 2, 3], [2])], 1, 1, 3, "its sample ends here"),
        ([], 0, 0, 0, "it made no sample"),
        ([*EXPECTED.rows, row([1, 2, 3], [0])], 2, None, 0, ONLY_TOOL),
        ([*EXPECTED.rows, EXPECTED.rows[0]], 2, None, None, None),
        ([EXPECTED.rows[0], Row(0, [1, 2, 3, 4, 5, 6], [-100] * 4 + [5, 7])], 1, 1, 4, "labels"),
    ],
)
def test_the_first_difference_is_found(
    rows: list[Row], equal: int, target: int | None, position: int | None, what: str | None
) -> None:
    """Where, which target, and what; a target that is trained twice is one too many."""
    found = agreement(*rows)
    assert found.equal_targets == equal
    assert not found.is_equal
    first = found.first_difference
    assert first is not None
    assert first.location == "chats.jsonl:1"
    assert first.target == target
    if what is not None:
        assert first.position == position
        assert first.what.startswith(what)


def test_what_only_one_can_do_is_counted_and_not_compared() -> None:
    """A record that the tool refuses is neither a difference nor an agreement."""
    found = agreement(failures={0: "ValueError: no"})
    assert found.compared == 1
    assert (found.not_by_tool, found.why_not, found.targets) == (1, "ValueError: no", 0)
    assert found.first_difference is None


# Records ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_files_are_read_with_their_places(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """Blank lines count as lines, unusable ones are counted by reason, the limit ends the reading."""
    chat: Record = {"messages": [TURN, {**ANSWER, "weight": 0}]}
    lines = b"\n[1]\n{\n" + to_jsonl([chat, {"prompt": "Hi"}, chat, chat])
    file = tmp_path / "chats"
    file.write_bytes(pack(lines))
    found = corpus.read([str(file)], 2)
    assert [found.location(record) for record in (0, 1)] == [f"{file}:4", f"{file}:6"]
    assert found.left_out == {"no list of messages": 2, "not JSON": 1}
    assert json.loads(found.lines[0]) == {"messages": [TURN, ANSWER]}
    assert found.files[0].bytes == file.stat().st_size
    with pytest.raises(InputError, match="no record with messages"):
        corpus.read([str(file)], 0)


def test_records_come_in_the_form_that_transformers_takes() -> None:
    """Arguments as objects, text parts joined, nothing that is null; what is so already stays as it is."""
    call = {"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    record = {
        "tools": "[]",
        "messages": [
            {"role": "user", "content": parts},
            {"role": "assistant", "content": None, "tool_calls": [call]},
        ],
    }
    changed = json.loads(corpus.usable_line(json.dumps(record).encode()))
    assert changed["tools"] == []
    assert changed["messages"][0]["content"] == "one\ntwo"
    assert changed["messages"][1]["content"] == ""
    assert changed["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"a": 1}
    plain = b'{"messages":  [{"role": "user", "content": "1e2"}]}'
    assert corpus.usable_line(plain) == plain


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "content that is not"),
        ({"messages": [TURN], "tools": "{"}, "tools that are not JSON"),
        ({"messages": [{"role": "user", "content": "\ud800", "weight": 1}]}, "a lone surrogate"),
        ({"messages": "Hi"}, "no list of messages"),
        ([], "no list of messages"),
    ],
)
def test_what_not_every_tool_could_be_given_is_left_out(record: Any, why: str) -> None:
    """With the reason that is counted."""
    with pytest.raises(corpus.LeftOutError, match=why):
        corpus.usable_line(json.dumps(record).encode())


def test_made_up_chats_are_the_same_each_time() -> None:
    """And all of them can be expanded."""
    chats = list(synthetic.mixed_chats(30))
    assert chats == list(synthetic.mixed_chats(30))
    assert chats != list(synthetic.mixed_chats(30, seed=1))
    report = everyturn.Expander("demo").expand(chats).report
    assert report.records_kept == 30
    keys = {key for chat in chats for message in chat["messages"] for key in message}
    assert keys == {"role", "content", "reasoning_content", "tool_calls"}


def test_even_chats_have_turns_of_one_size() -> None:
    """So that only the number of turns makes a difference."""
    (chat,) = synthetic.even_chats(1, 3)
    assert [message["role"] for message in chat["messages"]] == ["user", "assistant"] * 3
    assert [len(message["content"].split()) for message in chat["messages"]] == [20, 60] * 3


# Sweeps -----------------------------------------------------------------------------------


def test_a_sweep_of_turns_has_a_step_for_each_doubling(bench: Command, tmp_path: Path) -> None:
    """With the growth from step to step, and the agreement of each tool."""
    path = tmp_path / "out.json"
    done = bench("--sweep", "turns", "--up-to", "3", "--seconds", "0.01", "-o", path)
    assert done.code == 0, done.err
    assert "cost of a conversation, by its turns; layout per_turn" in done.out
    series = json.loads(path.read_text(encoding="utf-8"))["sweep"]["series"]
    assert [(each["tool"], each["is_equal"]) for each in series] == [
        (EVERYTURN, True),
        (BY_HAND, True),
    ]
    for each in series:
        assert [point["amount"] for point in each["points"]] == [1, 2, 3]
        assert [point["conversations"] for point in each["points"]] == [200, 100, 66]
        assert each["points"][0]["growth"] is None
        assert all(point["growth"] > 0 for point in each["points"][1:])


@pytest.mark.parametrize("records", [None, CORPUS])
def test_a_sweep_of_sizes_streams_files(records: corpus.Corpus | None) -> None:
    """Each size in its own process, which has its own peak."""
    found = sweep.size(plan(), 0.01, lambda _: None, records)
    ((point,),) = (series.points for series in found.series)
    assert point.amount == 0.01
    assert point.conversations > 1
    assert point.peak_bytes is not None
    assert point.peak_bytes > 10_000_000


def test_growth_is_told_for_a_doubling() -> None:
    """Also where a step is less than one: a cost with the square of the turns has the growth 4."""
    assert sweep.steps(200) == [1, 2, 4, 8, 16, 32, 64, 128, 200]
    before = sweep.Point(
        amount=128, conversations=1, wall=1, cpu=128**2, peak_bytes=None, growth=None
    )
    assert sweep._growth(before, 200, 200**2) == pytest.approx(4)  # noqa: SLF001


# Processes --------------------------------------------------------------------------------


def test_a_child_that_dies_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library may end the process; the parent continues."""
    (tmp_path / "dying_peer.py").write_text(
        "import os, sys\nprint('out of luck', file=sys.stderr, flush=True)\nos._exit(3)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    jobs = plan().jobs()
    job = dataclasses.replace(jobs[EVERYTURN], tool="dying", module="dying_peer")
    with pytest.raises(ToolUnusableError, match=r"dying: its process ended \(3\): out of luck"):
        Child(job).__enter__()


def test_what_a_library_prints_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words on stdout while a tool loads do not reach the pipe that answers go through."""
    (tmp_path / "loud_peer.py").write_text(
        "from everyturn.bench.tools.everyturn_itself import load\nprint('hello, I am loud')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with Child(dataclasses.replace(plan().jobs()[EVERYTURN], module="loud_peer")) as child:
        assert (child.peak_bytes() or 0) > 10_000_000


def test_memory_that_the_system_does_not_tell_is_unknown(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows, which has no module for it either; everything else is told."""
    with monkeypatch.context() as patched:
        patched.setattr(worker, "STATUS", tmp_path / "nowhere")
        assert (worker.peak_bytes() or 0) > 10_000_000
        patched.setitem(sys.modules, "resource", None)
        assert worker.peak_bytes() is None
    monkeypatch.setattr(Child, "peak_bytes", lambda _: None)
    for what in (["--limit", "2"], ["--sweep", "size", "--up-to", "1"]):
        done = bench(*what, "--seconds", "0.01", "--peers", "none")
        assert done.code == 0, done.err
        assert "unknown" in done.out


def test_peers_are_optional() -> None:
    """The command line works without any of them, and without what Windows lacks."""
    code = (
        "import sys\n"
        "for name in ('transformers', 'tokenizers', 'torch', 'trl', 'matplotlib', 'resource'):\n"
        "    sys.modules[name] = None\n"
        "from everyturn.cli import main\n"
        "sys.exit(main(['bench', '--limit', '2', '--seconds', '0.01', '--peers', 'none']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "│ everyturn" in done.stdout


def test_ctrl_c_ends_the_run_and_its_children() -> None:
    """Exit 130, and no process is left behind."""
    command = [sys.executable, "-m", "everyturn", "bench", "--peers", "none", "--seconds", "600"]
    with child(
        [*command, "--limit", "2"], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("round 1"):
                break
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(30) == 130
    # The group has no member left: all were ended and waited for.
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)
