"""The parity board: a verdict of each kind that is known beforehand, end to end, and scripts that show the same."""

import datetime as dt
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import transformers
import trl
from transformers.utils import chat_template_utils

import everyturn
from chats import answer, to_jsonl, user
from everyturn.bench.benchmark import Plan
from everyturn.bench.job import Job
from everyturn.bench.made import write_made
from everyturn.bench.parity import board, board_corpora, scripts
from everyturn.bench.parity.targets import Target, nearest
from everyturn.bench.parity.verdicts import MEANINGS, Cause, verdict
from everyturn.bench.tools import Row
from everyturn.bench.tools.registry import BOARD, PEERS, Spec
from everyturn.cli import main
from everyturn.model_sources import sources_of
from paths import ROOT

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def parity(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `everyturn bench --parity`."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code: Any = main(["bench", "--parity", *map(str, arguments)])
        except SystemExit as ended:  # argparse has had the last word
            code = ended.code
        read = capsys.readouterr()
        return code, read.out, read.err

    return run


# Verdicts ---------------------------------------------------------------------------------

#: A token is a letter; capitals are two letters in one token.
LETTERS = {**{ord(letter): letter for letter in "abcdefghijkl.<>"}, ord("B"): "bc", ord("F"): "fg"}
TARGET = Target(
    record=0,
    message=3,
    role_of=("user", "assistant", "user", "assistant"),
    prompt=tuple(map(ord, "abcd>")),
    completion=tuple(map(ord, "efg.")),
    wrote=(0, 1, 1, 2, 3),
)


def decode(ids: Sequence[int]) -> str:
    """The text of tokens."""
    return "".join(LETTERS[each] for each in ids)


def row(marked: str) -> Row:
    """A row of tokens; what is in brackets is trained, `-` is a token with another token's label."""
    ids: list[int] = []
    labels: list[int] = []
    trained = False
    for letter in marked:
        if letter in "[]":
            trained = letter == "["
        elif letter == "-":
            labels[-1] = ord("l")
        else:
            ids.append(ord(letter))
            labels.append(ord(letter) if trained else -100)
    return Row(0, ids, labels)


@pytest.mark.parametrize(
    ("rows", "cause", "position"),
    [
        (["abcd>[efg.]"], Cause.EQUAL, None),
        (["a[bc]d>[efg.]hi[j]"], Cause.EQUAL, None),
        (["abcd>efg.h", "abcd>[efg.]"], Cause.EQUAL, None),
        ([], Cause.CUT_OFF, None),
        (["[ab]"], Cause.CUT_OFF, 2),
        (["abcd>[ef]"], Cause.CUT_OFF, 7),
        (["abcd>efg."], Cause.NOT_TRAINED, None),
        (["a[bc]d>efg."], Cause.NOT_TRAINED, 5),
        (["axd>[efg.]".replace("x", "k")], Cause.HISTORY_REWRITTEN, 1),
        (["kbcd>[efg.]"], Cause.CONTEXT_DIFFERS, 0),
        (["abck>[efg.]"], Cause.CONTEXT_DIFFERS, 3),
        (["abcd<[efg.]"], Cause.GENERATION_PROMPT_DIFFERS, 4),
        (["aBd>[efg.]"], Cause.TOKENIZED_DIFFERENTLY, 1),
        (["abcd>[eF.]"], Cause.TOKENIZED_DIFFERENTLY, 6),
        (["abcd>[ek.]"], Cause.ANSWER_REWRITTEN, 6),
        (["abcd>[efg.-]"], Cause.OTHER_LABELS, 8),
        (["abcd>e[fg.]"], Cause.PARTLY_TRAINED, 5),
        (["abcd>[e]f[g.]"], Cause.PARTLY_TRAINED, 6),
        (["abcd>[efg]."], Cause.END_NOT_TRAINED, 8),
        (["abcd>[efg]"], Cause.END_NOT_TRAINED, 8),
        (["abcd[>efg.]"], Cause.EXTRA_BEFORE, 4),
        (["[abcd>efg.h]"], Cause.EXTRA_BEFORE, 0),
        (["abcd>[efg.h]"], Cause.EXTRA_AFTER, 9),
        # Of several rows the one counts in which the answer was meant to be trained.
        (["abcd>efg.h[i]", "abcd>[efg.h]"], Cause.EXTRA_AFTER, 9),
    ],
)
def test_each_cause_is_told_by_the_first_token_that_differs(
    rows: list[str], cause: Cause, position: int | None
) -> None:
    """After the ids of the prompt exactly those of the completion are trained, or the verdict says what is not so."""
    found = verdict(TARGET, [row(each) for each in rows], decode)
    assert (found.cause, found.position) == (cause, position)


def test_the_message_of_a_departure_is_named() -> None:
    """With the text before it and from it on, on both sides."""
    found = verdict(TARGET, [row("akd>[efg.]")], decode)
    assert (found.message, found.expected, found.found) == (1, ("a", "bcd>efg."), ("a", "kd>efg."))
    found = verdict(TARGET, [row("aBd>[efg.]")], decode)
    assert found.found == ("a", "bc·d·>·e·f·g·.")


# Hand-made conversations, end to end -------------------------------------------------------

ANSWER = "Hello, you"

PEER = '''
"""Trains as the first word of a conversation says."""

from everyturn._educational import per_turn
from everyturn.bench.tools import RecordTool
from everyturn.bench.tools.loading import load_tokenizer

class HandMade(RecordTool):
    def __init__(self, job):
        self._tokenizer = load_tokenizer(job)

    def rows(self, record):
        messages = record["messages"]
        what = messages[0]["content"].split()[0]
        if what == "refused":
            raise ValueError("no such chats")
        if what == "history_rewritten":
            messages = [*messages[:1], {**messages[1], "content": "Else"}, *messages[2:]]
        if what == "context_differs":
            messages = [{"role": "system", "content": "Be kind."}, *messages]
        if what == "answer_rewritten":
            messages = [*messages[:-1], {**messages[-1], "content": "Else"}]
        for row in per_turn(self._tokenizer, messages, stop="<|im_end|>"):
            yield self._changed(what, list(row.ids), list(row.labels))

    def _changed(self, what, ids, labels):
        start = next(i for i, label in enumerate(labels) if label != -100)
        newline = self._tokenizer.encode("\\n")
        if what == "not_trained":
            labels = [-100] * len(ids)
        if what == "cut_off":
            ids, labels = ids[: start + 1], labels[: start + 1]
        if what == "generation_prompt_differs":
            ids, labels = ids[: start - 1] + ids[start:], labels[: start - 1] + labels[start:]
        if what == "tokenized_differently":
            spelled = [t for c in "Hello, you" for t in self._tokenizer.encode(c)]
            ids = ids[:start] + spelled + ids[-1:]
            labels = [-100] * start + ids[start:]
        if what == "other_labels":
            labels[start] = 0 if ids[start] else 1
        if what == "partly_trained":
            labels[start] = -100
        if what == "end_of_turn_not_trained":
            labels[-1] = -100
        if what == "extra_before":
            labels[start - 1] = ids[start - 1]
        if what == "extra_after":
            ids, labels = ids + newline, labels + newline
        return ids, labels

def load(job):
    return HandMade(job)
'''


class InProcess:
    """Does what a child does, without the seconds that a process takes to import transformers."""

    is_alive = True
    variant = None

    def __init__(self, job: Job, *, loads: bool = True) -> None:
        assert not loads
        self.job = job

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def load(self, job: Job) -> None:
        """Load a tool."""
        self._tool = importlib.import_module(job.module).load(job)

    def check(self, path: str, out: str) -> None:
        """Write what it makes of a corpus."""
        tool = self._tool
        write_made(Path(out), tool.made(tool.expand(tool.take(path))))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run tools in this process."""
    monkeypatch.setattr(board, "Child", InProcess)
    # Tools stop the clock of templates for good.
    monkeypatch.setattr(chat_template_utils, "datetime", dt.datetime)


@pytest.mark.usefixtures("in_process")
def test_known_verdicts_are_found_in_real_chats(
    parity: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool does to each conversation what its first word says; everyturn does nothing else than inference."""
    (tmp_path / "hand_made.py").write_text(PEER)
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = Spec(module="hand_made", needs=("transformers",), distributions=("transformers",))
    monkeypatch.setitem(PEERS, "transformers-mask", spec)
    causes = [cause.value for cause in MEANINGS]
    chats = [
        {"messages": [user(f"{what} Hi"), answer(ANSWER), user("Bye"), answer(ANSWER)]}
        for what in causes
    ]
    file, out, page = (tmp_path / name for name in ("chats.jsonl", "out.json", "page.md"))
    file.write_bytes(to_jsonl([*chats, {"messages": [answer("I begin")]}]))
    code, shown, _ = parity(
        *("--data", file, "--model", "demo", "--peers", "transformers-mask", "--limit", 99),
        *("-o", out, "--page", page),
    )
    assert code == 0
    made = json.loads(out.read_text(encoding="utf-8"))
    ours, hand_made = made["cells"]
    assert ours["causes"] == {"equal": 2 * len(causes)}
    found = [each["cause"] for each in hand_made["verdicts"]]
    # The first answer has no history that could be rewritten.
    first = {"history_rewritten": "answer_rewritten", "answer_rewritten": "equal"}
    wanted = [cause for what in causes for cause in (first.get(what, what), what)]
    assert found == wanted
    assert hand_made["refusals"] == {"ValueError: no such chats": 2}
    assert made["unknown"] == {"demo/chats": {"ValueError: nothing comes before the answer": 1}}
    text = page.read_text(encoding="utf-8")
    assert "no such chats" in text
    assert "demo: 1 answer not compared: ValueError: nothing comes before the answer" in text
    assert all(f"| `{cause}` | {MEANINGS[Cause(cause)]} |" in text for cause in causes)
    number = found.index("history_rewritten")
    assert f"`demo/chats/transformers-mask/{number}`: `history_rewritten` ({file}:" in text
    assert re.search(r", answer 3, token \d+, message 1\)", text)
    assert "history_rewritten" in shown


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("serve", ["template", "vllm"])
def test_the_truth_of_other_servers_is_the_preset(parity: Run, tmp_path: Path, serve: str) -> None:
    """It is the same where the server changes nothing."""
    out = tmp_path / "out.json"
    code, _, said = parity(
        *("--limit", 2, "--model", "demo", "--peers", "transformers-mask"),
        *("--serve", serve, "-o", out),
    )
    assert code == 0, said
    made = json.loads(out.read_text(encoding="utf-8"))
    assert all(cell["targets"] for cell in made["cells"])


def test_built_in_chats_and_templates_need_nothing_else(parity: Run, tmp_path: Path) -> None:
    """Five templates, three corpora: everyturn is equal in all cells."""
    out = tmp_path / "out.json"
    code, _, said = parity("--limit", 2, "--peers", "none", "-o", out)
    assert code == 0, said
    made = json.loads(out.read_text(encoding="utf-8"))
    assert len({(cell["model"], cell["corpus"]) for cell in made["cells"]}) == 15
    assert all(cell["causes"] == {"equal": cell["targets"]} for cell in made["cells"])


@pytest.mark.usefixtures("in_process")
def test_names_are_shown_as_they_are(parity: Run, tmp_path: Path) -> None:
    """Brackets and colons are no marks of a style, and what steers a terminal does not reach it."""
    path = tmp_path / "[i]a:smile:\x1b.jsonl"
    path.write_bytes(to_jsonl([{"messages": [user("Hi"), answer(ANSWER)]}]))
    code, shown, said = parity(
        *("--data", path, "--models", "[b]m:smile:\x1b=demo", "--peers", "none", "--limit", 1)
    )
    assert code == 0, said
    assert "[i]a:smile:␛: 1" in shown
    assert "[b]m:smile:␛" in shown


# Scripts ----------------------------------------------------------------------------------

SCRIPTS = {
    ("transformers-mask", "demo"): "differs at token {start} of {end}",
    ("transformers-mask", "keeps_reasoning"): "equal",
    ("trl", "keeps_reasoning"): "equal",
    ("trl", "demo"): "ValueError: The chat template is not training-compatible",
    ("trl-default", "demo"): "differs at token {before} of {end}",
    ("trl-prompt-completion", "demo"): "differs at token {end} of {end}",
    ("axolotl", "demo"): "equal",
    ("llama-factory", "demo"): "differs at token {end} of {end}",
}
"""By peer and template what its script says of the last answer of a plain chat."""

RUN_EACH = """
import json, sys
for script in json.load(open(sys.argv[1])):
    try:
        exec(script, {})
    except Exception as error:
        print(type(error).__name__, error, sep=": ")
    print("<end>", flush=True)
"""


def test_scripts_run_tools_as_their_users_do(tmp_path: Path) -> None:
    """By public names alone, with nothing of everyturn, and they say what the board says."""
    chat = {"messages": [user("One?"), answer("Yes, one."), user("Two?"), answer("Two, too.")]}
    written, wanted = [], []
    for (peer, model), says in SCRIPTS.items():
        case = case_of(chat, board_corpora.built_in_templates()[model])
        text = scripts.script(peer, case)
        assert "import everyturn" not in text
        assert "from everyturn" not in text
        assert len(text.splitlines()) <= 15
        written.append(text)
        start = len(case.target.prompt)
        end = start + len(case.target.completion)
        wanted.append(says.format(before=start - 1, start=start, end=end))
    (tmp_path / "scripts.json").write_text(json.dumps(written))
    said = run_apart(["-c", RUN_EACH, "scripts.json"], tmp_path).split("<end>\n")
    for says, begins in zip(said, wanted, strict=False):
        assert re.search(f"^{re.escape(begins)}", says, re.MULTILINE), says


def case_of(chat: Any, template: str | None) -> scripts.Case:
    """The last answer of a chat under the built-in model."""
    sources = sources_of(
        "demo", chat_template=template, serve="template", tokenizer="auto_tokenizer"
    )
    renderer = everyturn.Renderer(sources)
    plan = Plan(sources=sources, renderer=renderer, options={}, peers=(), threads=(1,), seconds=1)
    *_, sample = everyturn.Expander(renderer, layout="per_turn").expand([chat])
    target = Target(
        record=0,
        message=3,
        role_of=("user", "assistant", "user", "assistant"),
        prompt=tuple(sample.input_ids[sample.labels == -100].tolist()),
        completion=tuple(sample.trained_ids.tolist()),
        wrote=(),
    )
    return scripts.Case(plan=plan, record=chat, target=target, variant="chatml")


def run_apart(arguments: list[str], folder: Path) -> str:
    """What a process prints that finds axolotl and LLaMA-Factory; trainers' warnings are not the matter here."""
    path = os.pathsep.join([str(ROOT / "tests" / "integrations" / "with_readers")])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        env=os.environ | {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--reproduce", "demo/plain/trl"), "expected MODEL/CORPUS/TOOL/N"),
        (("--reproduce", "demo/plain/nobody/1"), "nobody: no tool with a script of the board"),
        (("--reproduce", "demo/plain/everyturn/1"), "there are transformers-mask, trl,"),
        (("--reproduce", "big/plain/trl/1"), "big: no model of the board; there are demo,"),
        (("--reproduce", "demo/odd/trl/1"), "odd: no corpus of the board; there are plain,"),
        (("--peers", "tml"), "tml: not a tool of the board"),
        (("--models", "demo", "demo"), "give it a name of its own"),
        (("--models", "demo", "--model", "demo"), "give --model and --chat-template there"),
        (("--data", "not_there.jsonl"), "not_there.jsonl: no such file"),
    ],
)
def test_wrong_use_is_told_before_any_work(
    parity: Run, arguments: tuple[str, ...], said: str
) -> None:
    """Exit 2, and the sentence that helps."""
    code, out, err = parity(*arguments, "--limit", 1)
    assert (code, out) == (2, "")
    assert said in err


def test_what_belongs_to_the_board_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A page of a comparison of speed would be something else."""
    assert main(["bench", "--page", "page.md"]) == 2
    assert "--page belongs to the board: add --parity" in capsys.readouterr().err
    for flags in (["--sweep", "turns"], ["--stages"], ["--plot", "a.png"], ["--up-to", "9"]):
        assert main(["bench", "--parity", *flags]) == 2
        assert f"{flags[0]} belongs to a comparison of speed" in capsys.readouterr().err


@pytest.mark.usefixtures("in_process")
def test_a_tool_that_is_not_installed_is_a_line(
    parity: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it; the board is made without it."""
    gone = Spec(module="gone", needs=("gone_and_lost",), distributions=("gone-and-lost",))
    for name in BOARD:
        monkeypatch.setitem(PEERS, name, gone)
    page = tmp_path / "page.md"
    code, out, _ = parity("--limit", 1, "--model", "demo", "--page", page)
    assert code == 0
    assert "trl: not installed; pip install gone-and-lost" in out
    assert "| trl | not installed; pip install gone-and-lost |" in page.read_text(encoding="utf-8")


def test_a_template_s_tokens_belong_to_the_message_that_they_close_or_open() -> None:
    """The first after a message's text to that message, the others to the next one, at last to the target."""
    wrote = [-1, -1, 0, 0, -1, -1, 1, -1, -1, -1]
    assert nearest(wrote, 3) == [0, 0, 0, 0, 0, 1, 1, 1, 3, 3]


def test_samples_are_spread_over_a_file(tmp_path: Path) -> None:
    """Records far apart, the same each time."""
    file = tmp_path / "chats.jsonl"
    file.write_bytes(to_jsonl([{"messages": [user(str(n)), answer("Hi")]} for n in range(100)]))
    lines = [line for _, line in board_corpora.sampled(str(file), 4).origins]
    assert lines == [1, 26, 51, 76]
    assert len(board_corpora.sampled(str(file), 1000).lines) == 100


# Real models ------------------------------------------------------------------------------


def test_qwen3_in_trl_is_what_the_page_says(
    parity: Run, data: Path, tokenizer_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """Its training template keeps what Qwen3's drops of earlier answers: found in MT-bench, shown by a script."""
    out = tmp_path / "out.json"
    template = data / "templates" / "qwen3-0.6b.jinja"
    arguments = (
        *("--data", data / "chats" / "mt_bench_en.jsonl.gz", "--limit", 3),
        *("--engine", "reference"),
        *("--models", f"Qwen3={tokenizer_folder('qwen3')},{template}"),
    )
    code, _, said = parity(*arguments, "--peers", "trl", "-o", out)
    assert code == 0, said
    ours, theirs = json.loads(out.read_text(encoding="utf-8"))["cells"]
    assert ours["causes"] == {"equal": 6}
    assert [each["cause"] for each in theirs["verdicts"]] == [
        "extra_after",
        "history_rewritten",
    ] * 3
    code, script, said = parity(*arguments, "--reproduce", "Qwen3/mt_bench_en/trl/1")
    assert code == 0, said
    shown = run_apart(["-c", script], tmp_path)
    position = theirs["verdicts"][1]["position"]
    assert shown.startswith(f"differs at token {position} ")
    wanted, found = (line for line in shown.splitlines() if line.startswith(("wanted", "found")))
    assert "<think>" in found.partition("<|im_start|>assistant")[2]
    assert "<think>" not in wanted


def test_the_page_is_of_what_tests_are_run_with() -> None:
    """By the versions in its table."""
    page = (ROOT / "docs" / "parity.md").read_text(encoding="utf-8")
    assert f"| transformers | {transformers.__version__} |" in page
    assert f"| trl | {trl.__version__} |" in page
    requirements = ROOT / "tests" / "integrations" / "readers" / "requirements.txt"
    pinned = dict(re.findall(r"^(\w+)==(.+)$", requirements.read_text("utf-8"), re.MULTILINE))
    for name in ("axolotl", "llamafactory"):
        assert f"| {name} | {pinned[name]} |" in page
