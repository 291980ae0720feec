"""Rule: no template and no tokenizer of a model ends the process, hangs it or takes gigabytes: an error says why."""

import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import everyturn
from everyturn.cli import main

DEMO = Path(everyturn.__file__).parent / "models" / "demo"
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
#: CPU seconds: a rendering may take about one; this leaves room for slow builds.
CEILING = 10
#: The memory that a child may ask for beyond what Python and its libraries map.
ADDRESS_SPACE = 6 << 30


def _again_and_again(operation: str, operands: str = "") -> str:
    loop = "{% for i in range(100000) %}{% for j in range(100000) %}"
    return f"{operands}{loop}{{% set y = {operation} %}}{{% endfor %}}{{% endfor %}}{CHATML}"


TEXT = "{% set u = 'É' * 25000 %}"
HASHED = "{% set ns = namespace(x=(1,)) %}{% for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}"
TEMPLATES = {
    "hash of shared tuples": HASHED + "{{ {ns.x: 1} }}" + CHATML,
    "unique shared tuples": HASHED + "{{ [ns.x, ns.x] | unique | list | length }}" + CHATML,
    "character": _again_and_again("u[20000]", TEXT),
    "rounding": _again_and_again("1e300 | round(300)"),
    "size": _again_and_again("1e300 | filesizeformat"),
    "words": _again_and_again("u | wordcount", TEXT),
    "dates": _again_and_again(f"strftime_now('{'%c' * 22}')"),
    "power": _again_and_again("7 ** 5000"),
    "big sums": _again_and_again("k + 7", "{% set k = 10 ** 4299 %}"),
    "key": _again_and_again("{u: 1}[u]", TEXT),
    "long": "x" * (1 << 20) + CHATML,
    "many items": "{% set x = [" + "1," * 5_000_000 + "] %}" + CHATML,
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_that_works_without_end_is_stopped_at_load(template: str) -> None:
    """By one of the made-up renderings, after which no other one is tried."""
    # In a process of its own: the peak of this one may be that of another test.
    program = (
        "import resource, sys, time, everyturn\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10\n"
        "everyturn.Renderer.from_dir('demo')\n"
        "template = sys.stdin.read()\n"
        "before, memory = time.process_time(), peak()\n"
        "try:\n"
        "    everyturn.Renderer.from_dir('demo', chat_template=template)\n"
        "except everyturn.ModelError as error:\n"
        "    print(time.process_time() - before, peak() - memory, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=template,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    seconds, memory, error = done.stdout.split(" ", 2)
    assert re.search(r"more work|has .* bytes, more than", error)
    assert float(seconds) < CEILING
    assert int(memory) < 200 << 20


def test_limits_can_be_raised(tmp_path: Path) -> None:
    """Of a template, of what a rendering costs, and of a tokenizer; the errors name the option."""
    named = "raise it with the option limits"
    long = "{#" + "x" * (600 << 10) + "#}" + CHATML
    with pytest.raises(everyturn.ModelError, match=named):
        everyturn.Renderer.from_dir("demo", chat_template=long)
    everyturn.Renderer.from_dir("demo", chat_template=long, limits=2)

    loops = "{% for i in range(1000) %}{% for j in range(12000) %}{% endfor %}{% endfor %}"
    worked = "{% if 'work' in m.content %}" + loops + "{% endif %}"
    slow = CHATML.replace("{{ m.content }}", "{{ m.content }}" + worked)
    chat = {
        "messages": [{"role": "user", "content": "work"}, {"role": "assistant", "content": "Yes"}]
    }
    with pytest.raises(everyturn.TemplateError, match=named):
        everyturn.Expander(everyturn.Renderer.from_dir("demo", chat_template=slow)).expand([chat])
    allowed = everyturn.Renderer.from_dir("demo", chat_template=slow, limits=4)
    assert len(everyturn.Expander(allowed).expand([chat])) == 1

    for file in DEMO.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((DEMO / "tokenizer.json").read_text())
    added = {**tokenizer["added_tokens"][-1], "id": 100_000, "content": "x" * 5000}
    tokenizer["added_tokens"].append(added)
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(everyturn.ModelError, match=named):
        everyturn.Renderer.from_dir(tmp_path)
    everyturn.Renderer.from_dir(tmp_path, limits=2)


def test_a_limit_of_every_template_cannot_be_raised() -> None:
    """Its error does not say that it could."""
    ranges = CHATML + "{% for i in range(100001) %}{% endfor %}"
    with pytest.raises(everyturn.ModelError, match="100000 items") as caught:
        everyturn.Renderer.from_dir("demo", chat_template=ranges, limits=1000)
    assert "limits" not in str(caught.value)


def test_a_template_by_itself_has_the_same_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`everyturn lint FILE --limits N`."""
    path = tmp_path / "long.jinja"
    path.write_text("{#" + "x" * (600 << 10) + "#}" + CHATML)
    main(["lint", str(path)])
    assert "raise it with the option limits" in " ".join(capsys.readouterr().out.split())
    main(["lint", str(path), "--limits", "2"])
    assert "limits" not in capsys.readouterr().out


@pytest.mark.parametrize("limits", [0, -1, 1.5, True, 10**6])
def test_limits_are_a_whole_number(limits: Any) -> None:
    """They can be raised, and not be switched off."""
    with pytest.raises(
        everyturn.OptionsError, match="limits must be a whole number from 1 to 1000"
    ):
        everyturn.Renderer.from_dir("demo", limits=limits)


def test_a_record_that_makes_a_template_work_without_end_is_a_fault() -> None:
    """Its other targets are not tried, each of which would take as long."""
    shown = CHATML.replace(
        "{{ m.content }}",
        "{{ m.content }}{% if 'boom' in m.content %}" + _again_and_again("7 ** 5000").removesuffix(CHATML)
        + "{% endif %}",
    )  # fmt: skip
    expander = everyturn.Expander(
        everyturn.Renderer.from_dir("demo", chat_template=shown), on_error="skip"
    )
    turns = [{"role": role, "content": "boom"} for _ in range(20) for role in ("user", "assistant")]
    before = time.process_time()
    report = expander.expand([{"messages": turns}]).report
    assert report.targets_dropped == {"template": 20} or report.records_dropped == {"template": 1}
    assert time.process_time() - before < CEILING


def _model(folder: Path, **parts: Any) -> Path:
    """Write the built-in model with other parts of its tokenizer."""
    folder.mkdir()
    for path in DEMO.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "tokenizer.json").read_text())
    added = parts.pop("added", [])
    config["added_tokens"] += added
    (folder / "tokenizer.json").write_text(json.dumps(config | parts))
    return folder


def _replaced(content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": "a"}, "content": content}


TOKENIZERS: dict[str, tuple[dict[str, Any], str]] = {
    "charsmap": ({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "/////w=="}}, "charsmap"),
    "replaced five times": (
        {"normalizer": {"type": "Sequence", "normalizers": [_replaced("a" * 1000)] * 5}},
        "normalizer can make a text more than 64 times as long",
    ),
    "decoded": ({"decoder": _replaced("a" * 1000)}, "decoder can make"),
    "prepended": ({"normalizer": {"type": "Prepend", "prepend": "a" * 10_000_000}}, "normalizer can make"),
    "id": (
        {
            "added": [
                {"id": (1 << 31) + 7, "content": "<|x|>", "single_word": False, "lstrip": False}
                | {"rstrip": False, "normalized": False, "special": True}
            ]
        },
        "id 2147483655 is far beyond",
    ),
    "regular expression": (
        {
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a" * 10_000_000}}
            | {"behavior": "Isolated", "invert": False}
        },
        "regular expression of more than",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "reason"), TOKENIZERS.values(), ids=TOKENIZERS)
@pytest.mark.parametrize("engine", ["auto", "fast"])
def test_a_tokenizer_out_of_proportion_is_refused(
    parts: dict[str, Any], reason: str, engine: str, tmp_path: Path
) -> None:
    """Before the library reads it, which would end the process: so this is tried in another one."""
    folder = _model(tmp_path / "model", **parts)
    program = (
        "import sys, everyturn\n"
        "try:\n"
        "    everyturn.Renderer.from_dir(sys.argv[1], engine=sys.argv[2])\n"
        "except everyturn.ModelError as error:\n"
        "    sys.exit(str(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), engine],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        # Threads of numpy's libraries map memory for each core.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE)),
    )
    assert done.returncode == 1, done.stderr
    assert reason in done.stderr


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
def test_a_pipe_is_no_file_of_a_model(name: str, tmp_path: Path) -> None:
    """Reading it would never end."""
    folder = _model(tmp_path / "model")
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(everyturn.ModelError, match=f"{name}: is not a file"):
        everyturn.Renderer.from_dir(folder)
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")
    with pytest.raises(everyturn.ModelError, match=f"{name}: is not a file"):
        everyturn.Renderer.from_dir(folder)
