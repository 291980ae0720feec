"""Rule: what data, templates and names of files hold never steers the terminal that it is shown on."""

import json
from pathlib import Path

import pytest

from everyturn.cli import main

EVIL = "\x1b[31mred\x07\u202e\x9b"
STEERING = ("\x1b", "\x07", "\u202e", "\x9b")
RAISES = (
    "{% for m in messages %}{% if m.content == 'boom' %}{{ raise_exception('"
    + EVIL
    + "' ~ m.content) }}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _chat(said: object, **keys: object) -> str:
    messages = [{"role": "user", "content": said}, {"role": "assistant", "content": "Fine."}]
    return json.dumps({"messages": messages, **keys}) + "\n"


@pytest.fixture
def evil(tmp_path: Path) -> dict[str, str]:
    """Files whose names, or contents, hold what steers a terminal."""
    name = tmp_path / f"{EVIL}.jsonl"
    name.write_text(_chat("x") + _chat(None) + _chat(EVIL, **{EVIL: 1}), encoding="utf-8")
    boom = tmp_path / "boom.jsonl"
    boom.write_text(_chat("boom"), encoding="utf-8")
    template, worse = tmp_path / "t.jinja", tmp_path / f"{EVIL}.jinja"
    template.write_text(RAISES, encoding="utf-8")
    worse.write_text("{{ raise_exception('" + EVIL + "') }}", encoding="utf-8")
    return {"name": str(name), "boom": str(boom), "t": str(template), "worse": str(worse)}


COMMANDS = [
    "expand name --model demo --on-error skip -o out",
    "expand name --model demo -o out",
    "expand boom --model demo --chat-template t --on-error skip -o out",
    "expand boom --model demo --chat-template worse -o out",
    "check name",
    "check name --model demo",
    "check boom --model demo --chat-template t",
    "stats name --model demo",
    "inspect name --model demo",
    "inspect boom --model demo --chat-template t",
    "lint t",
    "lint worse",
    "lint missing",
    "bench --data name --limit 3 --seconds 0.01 --peers none",
    "bench --data name --limit 3 --parity --model demo --peers none",
    "expand missing --model demo -o out",
    "expand boom --model missing -o out",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_steers_the_terminal(
    command: str, evil: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither on stdout nor on stderr; JSON lines have escapes of their own."""
    files = {**evil, "out": str(tmp_path / "out.jsonl"), "missing": str(tmp_path / f"no{EVIL}")}
    main([files.get(word, word) for word in command.split()])
    said = capsys.readouterr()
    for char in STEERING:
        assert char not in said.err
        assert char not in said.out
    assert said.out or said.err
