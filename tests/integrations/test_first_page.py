"""What the README says of other trainers, by their own code."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trl

import everyturn
from chats import answer, user
from paths import ROOT
from readers import isolation

README = (ROOT / "README.md").read_text(encoding="utf-8")
CHAT = {
    "messages": [
        user("Q1?"),
        answer("A1", reasoning_content="THINK1"),
        user("Q2?"),
        answer("A2", reasoning_content="THINK2"),
    ]
}
#: By tool: the start of its row, and whether it trains users' text, trains the first reasoning, and shows it to the
#: second answer.
TOOLS = {
    "trl": ("TRL 1.16.0, default", True, False, False),
    "trl_assistant_only": ("TRL 1.16.0, `assistant_only_loss=True`", False, True, True),
    "axolotl": ("axolotl 0.21.0, `chat_template`", False, False, False),
    "llama_factory": ("LLaMA-Factory 0.9.5, `qwen3`", False, True, True),
}


def read(tool: str, tokenizer: Path, folder: Path) -> Any:
    """What a tool makes of the chat."""
    if not isolation.FOLDER.is_dir():
        pytest.fail(f"{isolation.FOLDER} is absent: run tools/get_readers.py", pytrace=False)
    result = folder / "answer.json"
    paths = [os.fspath(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "readers.read_chat", tool, os.fspath(tokenizer)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [*command, json.dumps(CHAT), os.fspath(result)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(result.read_text(encoding="utf-8"))


@pytest.mark.parametrize("tool", TOOLS)
def test_a_row_says_what_the_tool_trains(
    tool: str, tokenizer_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    """Of two answers with reasoning, with Qwen3."""
    begins, trains_users, trains_reasoning, shows_reasoning = TOOLS[tool]
    (row,) = (line for line in README.splitlines() if line.startswith(f"| {begins} |"))
    _, _, first, second, _ = row.split("|")
    assert ("users' text" in first) == trains_users
    assert ("without its reasoning" in first) == (not trains_reasoning)
    assert ("the first reasoning, which no server sends" in second) == shows_reasoning
    found = read(tool, tokenizer_folder("qwen3"), tmp_path)
    before_second, _, _ = found["text"].partition("THINK2")
    assert ("Q1?" in found["trained"]) == trains_users
    assert ("THINK1" in found["trained"]) == trains_reasoning
    assert ("THINK1" in before_second) == shows_reasoning
    assert "A1" in found["trained"]


def test_the_last_row_is_ours(tokenizer_folder: Callable[[str], Path]) -> None:
    """Both answers with their reasoning, the second after a prompt without the first's."""
    samples = everyturn.Expander(tokenizer_folder("qwen3")).expand([CHAT])
    renderer = samples.renderer
    assert renderer is not None
    trained = [renderer.decode(sample.trained_ids) for sample in samples]
    assert trained == [f"<think>\nTHINK{n}\n</think>\n\nA{n}<|im_end|>" for n in (1, 2)]
    assert "THINK1" not in renderer.decode(samples[1].input_ids)


def test_versions_are_those_that_are_run() -> None:
    """By the list of what tests install."""
    wanted = Path(__file__).parent / "readers" / "requirements.txt"
    pinned = dict(re.findall(r"^(\w+)==(.+)$", wanted.read_text(encoding="utf-8"), re.MULTILINE))
    assert f"TRL {trl.__version__}" in README
    assert f"axolotl {pinned['axolotl']}" in README
    assert f"LLaMA-Factory {pinned['llamafactory']}" in README
