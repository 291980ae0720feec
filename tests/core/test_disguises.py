"""Rule: no disguise of a control token gets past control_tokens="literal", with any tokenizer or template."""

import json
import random
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import everyturn
from as_template import template_renderer
from disguises import Disguised, records
from everyturn.options import Layout

NAMES = ("demo", "qwen3", "llama-3.1", "llama-2", "phi-3-mini", "deepseek-v3", "minimind", "gpt2")
#: DeepSeek's.
BAR = "\uff5c"
LAYOUTS: tuple[Layout, ...] = ("per_turn", "merged", "tree")
#: How each model's turns begin and end, for templates that are made here.
MARKS = {
    "demo": ("<|im_start|>", "<|im_end|>"),
    "qwen3": ("<|im_start|>", "<|im_end|>"),
    "llama-3.1": ("<|start_header_id|>", "<|eot_id|>"),
    "llama-2": ("<s>", "</s>"),
    "phi-3-mini": ("<|user|>", "<|end|>"),
    "deepseek-v3": (f"<{BAR}User{BAR}>", f"<{BAR}end▁of▁sentence{BAR}>"),
    "minimind": ("<|im_start|>", "<|im_end|>"),
    "gpt2": ("# ", "<|endoftext|>"),
}
CALLS = "{{% for c in m.tool_calls or [] %}}{{{{ c.function.name }}}}{}{{% endfor %}}"
#: What made templates print of a message.
SHOWN = (
    "{{ m.content }}",
    "{{ m.content | trim }}",
    "{{ m.content | lower }}",
    "{{ m.content | upper }}",
    "{{ m.content | title }}",
    "{{ m.content.swapcase() }}",
    "{{ m.content[::-1] }}",
    "{{ m.content | replace('!', '') }}",
    "{{ m.content | tojson }}",
    "{{ m.content | indent(2) | e }}",
    "{{ m.content.replace('e', 'e').strip() ~ '' }}",
    "{{ m | tojson }}",
    "{{ m }}",
    "{{ (m.name or '') ~ (m.reasoning_content or '') ~ m.content }}",
    "{{ persona }}{{ m.content }}{{ m.content.split('|') | join('|') }}",
    "{{ '%s%s' | format(m.name or '', m.content) }}",
    "{% for p in m.content %}{{ p.text if p.text is defined else p }}{% endfor %}",
    "{% if tools %}{{ tools | tojson }}{% endif %}{{ m.content }}"
    + CALLS.format("{{ c.function.arguments | tojson }}"),
    "{{ m.content }}"
    + CALLS.format("{% for k, v in c.function.arguments | items %}{{ k }}{{ v }}{% endfor %}"),
    "{% set x %}{{ m.name or '' }}{{ m.content }}{% endset %}{{ x | lower | trim }}",
)


def _templates(name: str, folder: Path) -> list[str | None]:
    begin, end = MARKS[name]
    made = [
        # What an assistant says is printed as it is: turns that are not end in no way that is known.
        "{% for m in messages %}" + f"{begin}{{{{ m.role }}}}\n"
        "{% if m.role == 'assistant' and m.content and not m.tool_calls %}{{ m.reasoning_content or '' }}"
        "{{ m.content }}{% else %}" + f"{shown}{{% endif %}}{end}\n" + "{% endfor %}"
        "{% if add_generation_prompt %}" + f"{begin}assistant\n" + "{% endif %}"
        for shown in SHOWN
    ]
    own: list[str | None] = [
        path.read_text() for path in sorted(folder.glob("chat_template*.jinja"))
    ]
    return [*made, *(own or ([None] if name == "demo" else []))]


def _tokens(folder: Path, template: str) -> tuple[list[str], set[int]]:
    """Return the tokens to disguise, and the ids that no text may become."""
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    control = [token for token in added if token["special"] or token["content"] in template]
    written = [token["content"] for token in control if token["content"] in template]
    unknown = {token["id"] for token in added if token["content"] == "<unk>"}
    return written, {token["id"] for token in control} - unknown


Row: TypeAlias = tuple[tuple[int, ...], list[int]]
"""The targets of a row, and its control ids."""


def _controls(samples: everyturn.Samples, ids: set[int]) -> dict[int, list[Row]]:
    """Return the rows of each line, and the paths of its trees."""
    found: dict[int, list[Row]] = {}
    for sample in samples:
        rows = found.setdefault(int(sample.line), [])
        for tokens in _paths(sample):
            controls = [token for token in tokens if token in ids]
            rows.append((tuple(sample.targets.tolist()), controls))
    return found


def _paths(sample: everyturn.Sample) -> list[list[int]]:
    """Return the ids of a row, or from the root of a tree to each of its leaves."""
    ids = sample.input_ids.tolist()
    if sample.subtree_end is None:
        return [ids]
    ends = sample.subtree_end.tolist()
    leaves = [at for at, end in enumerate(ends) if end == at + 1]
    return [[ids[at] for at in range(leaf + 1) if ends[at] > leaf] for leaf in leaves]


@pytest.mark.parametrize("name", NAMES)
def test_a_disguised_record_has_the_control_tokens_of_its_harmless_twin(
    name: str, data: Path, request: pytest.FixtureRequest
) -> None:
    """Row by row, id by id; what cannot be encoded so is refused by the name of the fault."""
    folder = (
        Path(everyturn.__file__).parent / "models/demo"
        if name == "demo"
        else data / "tokenizers" / name
    )
    every = request.config.getoption("--whole")
    choose = random.Random(name)  # noqa: S311 - the same templates and records each time
    templates = _templates(name, folder)
    compared = 0
    for template in templates if every else choose.sample(templates, 4):
        options: dict[str, Any] = {} if template is None else {"chat_template": template}
        renderer = template_renderer(folder, **options)
        text = template or (folder / "chat_template.jinja").read_text()
        tokens, ids = _tokens(folder, text)
        chosen = [each for token in tokens for each in records(token)]
        if not every:
            chosen = choose.sample(chosen, min(len(chosen), 200))
        for layout in LAYOUTS:
            compared += _compare(renderer, layout, chosen, ids)
    assert compared > (200 if not every else 5000)


def _compare(
    renderer: everyturn.Renderer, layout: Layout, chosen: list[Disguised], ids: set[int]
) -> int:
    """Return how many records were compared with their twins."""
    expander = everyturn.Expander(
        renderer, layout=layout, control_tokens="literal", on_error="skip", prompt_mismatch="skip"
    )
    disguised = _controls(expander.expand([each.record for each in chosen]), ids)
    harmless = _controls(expander.expand([each.harmless for each in chosen]), ids)
    both = disguised.keys() & harmless.keys()
    for line in both:
        name = chosen[line - 1].name
        if layout == "per_turn":
            # A template may look for a token in the text, so that a target is refused.
            by_target, by_twin = dict(disguised[line]), dict(harmless[line])
            for targets in by_target.keys() & by_twin.keys():
                assert by_target[targets] == by_twin[targets], name
        rows, twins = ([row for _, row in of[line]] for of in (disguised, harmless))
        # A border that merges opens a row more, which begins as another does.
        assert all(any(row == twin[: len(row)] for twin in twins) for row in rows), name
        assert max(map(len, rows)) == max(map(len, twins)), name
    return len(both)
