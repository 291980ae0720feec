"""Rule: however many keys records have, reading them takes linear time, and a report of them stays small."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import everyturn
from as_template import template_renderer
from everyturn import Report

MANY = 200_000
"""Comparing each with each takes minutes."""

SECONDS = 15
"""Of work, on a busy machine."""


def keys(count: int = MANY) -> str:
    """So many keys of JSON."""
    return ",".join(f'"k{number}":{number + 1}' for number in range(count))


PLACES: dict[str, Callable[[], str]] = {
    "sharegpt": lambda: (
        f'{{"conversations":[{{"from":"human","value":"Hi",{keys()}}},{{"from":"gpt","value":"Yes"}}]}}'
    ),
    "sharegpt with roles": lambda: (
        f'{{"conversations":[{{"role":"user","content":"Hi"}},{{"role":"assistant",{keys()},"content":"Yes"}}]}}'
    ),
    "message": lambda: (
        f'{{"messages":[{{"role":"user","content":"Hi"}},{{"role":"assistant",{keys()},"content":"Yes"}}]}}'
    ),
    "record": lambda: (
        f'{{{keys()},"messages":[{{"role":"user","content":"Hi"}},{{"role":"assistant","content":"Yes"}}]}}'
    ),
    "alpaca": lambda: f'{{{keys()},"instruction":"Hi","output":"Yes"}}',
    "pair": lambda: f'{{{keys()},"prompt":"Hi","completion":"Yes"}}',
    "pair of lists": lambda: (
        f'{{"prompt":[{{"role":"user","content":"Hi",{keys()}}}],'
        '"completion":[{"role":"assistant","content":"Yes"}]}'
    ),
    "tool arguments": lambda: (
        '{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"","tool_calls":'
        f'[{{"type":"function","function":{{"name":"f","arguments":{{{keys(MANY // 4)}}}}}}}]}}]}}'
    ),
    "tool arguments as text": lambda: json.dumps(
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {
                            "type": "function",
                            "function": {"name": "f", "arguments": f"{{{keys(MANY // 4)}}}"},
                        }
                    ],
                },
            ]
        }
    ),
    "template arguments": lambda: (
        '{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes"}],'
        f'"chat_template_kwargs":{{{keys()}}}}}'
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_many_keys_are_read_in_linear_time(place: str) -> None:
    """In every format, and wherever they stand."""
    line = PLACES[place]().encode()
    expander = everyturn.Expander("demo", num_threads=1)
    start = time.process_time()
    samples = expander.expand(line)
    assert time.process_time() - start < SECONDS
    assert len(samples) == 1


@pytest.mark.parametrize("place", ["sharegpt", "message", "record"])
def test_many_keys_are_checked_in_linear_time(place: str) -> None:
    """What is said of them is bounded."""
    line = PLACES[place]().encode()
    start = time.process_time()
    findings = list(everyturn.check(line, renderer="demo"))
    assert time.process_time() - start < 2 * SECONDS
    assert len(findings) < 500
    texts = [finding.text for finding in findings if finding.kind == "unread_keys"]
    assert bool(texts) == (place != "record")
    if texts:
        assert f"{MANY - 200:,} more keys" in texts[-1]


def test_the_last_of_equal_keys_holds_in_the_place_of_the_first() -> None:
    """As in Python, in each format."""
    template = "{% for m in messages %}{{ m }}<|im_end|>{% endfor %}"
    renderer = template_renderer("demo", chat_template=template)
    said = '"content":"old","mood":1,"name":"a","content":"new","mood":2'
    answer = '{"role":"assistant","content":"Yes"}'
    records = [
        f'{{"messages":[{{"role":"user",{said}}},{answer}]}}',
        f'{{"conversations":[{{"role":"user",{said}}},{answer}]}}',
        f'{{"conversations":[{{"from":"human",{said.replace("content", "value")}}},{answer}]}}',
    ]
    texts = []
    for record in records:
        samples = everyturn.Expander(renderer, prompt_mismatch="skip").expand(record.encode())
        texts.append(renderer.decode(samples.input_ids))
    expected = "{'role': 'user', 'content': 'new', 'mood': 2, 'name': 'a'}"
    assert [text.split("<|im_end|>")[0] for text in texts] == [expected] * 3


def chats_with_keys(count: int) -> bytes:
    """Each chat has its own key, and one that all have."""
    return b"".join(
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": "Hi", "mood": "x"},
                    {"role": "assistant", "content": "Yes", f"x{number:05d}": "x"},
                ]
            }
        ).encode()
        + b"\n"
        for number in range(count)
    )


def test_a_report_names_a_bounded_number_of_keys_and_counts_the_others() -> None:
    """The first in alphabetical order; the text is a screenful."""
    report = everyturn.Expander("demo").expand(chats_with_keys(1000)).report
    assert len(report.unread_keys) == 200
    assert list(report.unread_keys)[:2] == ["mood", "x00000"]
    assert report.unread_keys["mood"] == 1000
    assert sum(report.unread_keys.values()) + report.unread_keys_omitted == 2000
    lines = report.lines()
    assert len(lines) < 30
    assert lines[-1].endswith(", others (981 times)")
    assert Report.from_dict(report.to_dict()) == report


@pytest.mark.parametrize("threads", [1, 3])
def test_the_keys_that_are_named_do_not_depend_on_threads_or_parts(threads: int) -> None:
    """Sums of parts, however they were cut, are the report of the whole."""
    data = chats_with_keys(700)
    whole = everyturn.Expander("demo", num_threads=1).expand(data).report
    expander = everyturn.Expander("demo", num_threads=threads)
    for size in (100, 5_000, 1_000_000):
        total = expander.empty().report
        for part in expander.stream(data, chunk_bytes=size):
            total += part.report
        assert total == whole
    halves = [everyturn.Expander("demo").expand(half).report for half in (data[:0], data)]
    assert halves[0] + halves[1] == halves[1] + halves[0] == whole


def test_a_long_key_is_cut() -> None:
    """Keys that are data may be as long as a line."""
    message = {"role": "assistant", "content": "Yes", "k" * 100_000: "x"}
    chat = {"messages": [{"role": "user", "content": "Hi"}, message]}
    report = everyturn.Expander("demo").expand([chat]).report
    assert report.unread_keys == {"k" * 100 + "…": 1}


def test_many_control_tokens_are_counted_together(tmp_path: Path) -> None:
    """A model may have more of them than a report names."""
    folder = Path(everyturn.__file__).parent / "models" / "demo"
    model = tmp_path / "model"
    model.mkdir()
    for path in folder.iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    config = json.loads((model / "tokenizer.json").read_text())
    made = [f"<|extra_{number:03d}|>" for number in range(300)]
    first = 1 + max(token["id"] for token in config["added_tokens"])
    config["added_tokens"] += [
        {**config["added_tokens"][0], "id": first + number, "content": text}
        for number, text in enumerate(made)
    ]
    (model / "tokenizer.json").write_text(json.dumps(config))
    chat = {
        "messages": [
            {"role": "user", "content": " ".join(made)},
            {"role": "assistant", "content": "Yes"},
        ]
    }
    report = everyturn.Expander(model).expand([chat] * 2).report
    assert len(report.control_tokens) == 200
    assert report.control_tokens_omitted == 200
    assert report.lines()[-1].endswith("<|extra_019|> 2, others 560")
