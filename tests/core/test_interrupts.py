"""Rule: Ctrl-C ends every call that takes long within 250 ms, whatever it is busy with."""

import signal
import subprocess
import sys
import time

import pytest

from children import child

#: What a Ctrl-C may take, and what the interpreter and a busy machine may add to it.
INTERRUPT_SECONDS = 0.25
ALLOWANCE_SECONDS = 5.0
SECONDS = 60

#: Each makes what it needs, says that it is ready, and calls what would take minutes.
SLOW = """
import everyturn
# A rendering may take a second, and these take many of them or one of a long input.
WORK = (
    "{% for m in messages %}{% for i in range(900) %}{% for j in range(900) %}{% set x = i * j %}"
    "{% endfor %}{% endfor %}"
)
END = (
    "<|im_start|>{{ m.role }}\\n{{ m.content }}<|im_end|>\\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\\n{% endif %}"
)
TEMPLATE = WORK + END
LONG = "word " * 4_000_000
demo = everyturn.Renderer.from_dir("demo", engine="reference")
chats = [{"role": "user", "content": "x"}] * 60
"""
CALLS = {
    "load": (
        "print('ready', flush=True)\n"
        "for _ in range(500): everyturn.Renderer.from_dir('demo', chat_template=TEMPLATE)"
    ),
    "encode": "print('ready', flush=True)\ndemo.encode(LONG)",
    "decode": "print('ready', flush=True)\nids = [7] * 20_000_000\nfor _ in range(50): demo.decode(ids)",
    "lint": "print('ready', flush=True)\nfor _ in range(500): demo.lint()",
    "render": "print('ready', flush=True)\nfor _ in range(500): demo.render([{'role': 'user', 'content': LONG}])",
    "window": (
        "print('ready', flush=True)\n"
        "everyturn.window([{'role': 'user', 'content': LONG}], renderer=demo, max_prompt_tokens=10)"
    ),
    "expand": (
        "chat = {'messages': [{'role': 'user', 'content': LONG}, {'role': 'assistant', 'content': LONG}]}\n"
        "print('ready', flush=True)\n"
        "everyturn.Expander(demo, max_line_bytes=1 << 30).expand([chat])"
    ),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_ctrl_c_ends_a_call(call: str) -> None:
    """By a KeyboardInterrupt, soon."""
    with child(
        [sys.executable, "-c", SLOW + call], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.5)
        assert process.poll() is None
        began = time.perf_counter()
        process.send_signal(signal.SIGINT)
        process.wait(SECONDS)
        seconds = time.perf_counter() - began
        assert process.stderr is not None
        assert process.stderr.read().splitlines()[-1] == b"KeyboardInterrupt"
    assert seconds < INTERRUPT_SECONDS + ALLOWANCE_SECONDS
