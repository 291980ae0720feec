"""The reasoning of an answer, under whatever names: one is used, none is lost."""

import json
from pathlib import Path
from typing import Any

import pytest

import everyturn
from as_template import template_renderer
from chats import Record, answer, user

KEYS = ("reasoning_content", "thinking", "reasoning")
#: Templates that write the reasoning which they find under one name.
TEMPLATES = {
    key: (
        "{%- for message in messages -%}<|im_start|>{{ message.role }}\n"
        f"{{%- if message.{key} %}}<think>{{{{ message.{key} }}}}</think>{{% endif -%}}"
        "{{ message.content }}<|im_end|>\n{%- endfor -%}"
        "{%- if add_generation_prompt -%}<|im_start|>assistant\n{%- endif -%}"
    )
    for key in KEYS[:2]
}
CALL = json.dumps({"name": "look", "arguments": {}})


@pytest.fixture(params=TEMPLATES)
def expander(request: pytest.FixtureRequest, models: dict[str, Path]) -> everyturn.Expander:
    """What expands for a template that reads one of the names."""
    return everyturn.Expander(
        template_renderer(models["chatml"], chat_template=TEMPLATES[request.param])
    )


def chat(**keys: Any) -> list[Record]:
    """Return a record whose answer has these keys."""
    return [{"messages": [user("Well?"), answer("So.", **keys)]}]


def trained(expander: everyturn.Expander, records: list[Record]) -> list[str]:
    """Return what is trained."""
    decode = expander.renderer.decode
    return [decode(sample.trained_ids) for sample in expander.expand(records)]


PAIRS = [(one, other) for one in KEYS for other in KEYS if one != other]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_different_texts_are_refused(
    expander: everyturn.Expander, one: str, other: str
) -> None:
    """Which one the model thought cannot be told."""
    records = chat(**{one: "Hm.", other: "Ah."})
    with pytest.raises(
        everyturn.ConversationError, match="are different reasoning; keep one"
    ) as caught:
        expander.expand(records)
    assert (caught.value.kind, caught.value.message_index) == ("shape", 1)
    assert any("different reasoning" in finding.text for finding in everyturn.check(records))


@pytest.mark.parametrize(("one", "other"), PAIRS)
@pytest.mark.parametrize("nothing", ["", " \n", "\x1c", None, [], "Hm."])
def test_what_says_nothing_hides_nothing(
    expander: everyturn.Expander, one: str, other: str, nothing: Any
) -> None:
    """Nor does the same text twice say more than once."""
    expected = trained(expander, chat(reasoning_content="Hm."))
    assert "Hm." in expected[0]
    assert trained(expander, chat(**{one: nothing, other: "Hm."})) == expected


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [["Hm."], {"text": "Hm."}, True, 5])
def test_reasoning_is_text(expander: everyturn.Expander, key: str, value: Any) -> None:
    """Anything else is refused, as a content is."""
    with pytest.raises(
        everyturn.ConversationError, match=f'"{key}" is .*, expected text'
    ) as caught:
        expander.expand(chat(**{key: value}))
    assert caught.value.kind == "shape"


PARTS = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "So."}]
SIGNED = [{**PARTS[0], "signature": "x"}, PARTS[1]]


@pytest.mark.parametrize("parts", [PARTS, SIGNED])
@pytest.mark.parametrize("key", KEYS)
def test_reasoning_in_the_content_is_held_to_the_same(
    expander: everyturn.Expander, key: str, parts: list[Record]
) -> None:
    """A blank key beside it says nothing, the same text is the same, another one is refused."""
    question = user("Well?")
    expected = trained(expander, [{"messages": [question, answer(parts)]}])
    assert "Hm." in expected[0]
    for text in ("", "Hm."):
        record = {"messages": [question, {"role": "assistant", "content": parts, key: text}]}
        assert trained(expander, [record]) == expected
    record = {"messages": [question, {"role": "assistant", "content": parts, key: "Ah."}]}
    with pytest.raises(everyturn.ConversationError, match="reasoning both in"):
        expander.expand([record])


@pytest.mark.parametrize("key", KEYS)
def test_reasoning_before_a_written_call_is_held_to_the_same(
    expander: everyturn.Expander, key: str
) -> None:
    """What stands under a key beside it does not replace it."""

    def record(**keys: Any) -> Record:
        call = {"from": "function_call", "value": f"<think>Hm.</think>{CALL}", **keys}
        return {"conversations": [{"from": "human", "value": "Well?"}, call]}

    expected = trained(expander, [record()])
    assert "Hm." in expected[0]
    assert trained(expander, [record(**{key: ""})]) == expected
    with pytest.raises(everyturn.ConversationError, match="reasoning both in"):
        expander.expand([record(**{key: "Ah."})])


@pytest.mark.parametrize("key", KEYS)
def test_parts_of_a_turn_keep_their_reasoning_together(
    expander: everyturn.Expander, key: str
) -> None:
    """Also where one of them has it under two names."""
    said = {"from": "gpt", "value": "So.", key: "Hm.", "reasoning_content": "Hm."}
    call = {"from": "function_call", "value": CALL, key: "Ah."}
    record = {"conversations": [{"from": "human", "value": "Well?"}, said, call]}
    (text,) = trained(expander, [record])
    assert "Hm.\nAh." in text


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_request_sends_the_reasoning_that_is_rendered(
    one: str, other: str, models: dict[str, Path]
) -> None:
    """Of two texts the same one is taken where no server stands before the template."""
    renderer = template_renderer(models["chatml"], chat_template=TEMPLATES["reasoning_content"])
    messages = [user("Well?"), answer("So.", **{one: f"<{one}>", other: f"<{other}>"})]
    (sent,) = {renderer.request(messages)["messages"][1].get(key) for key in KEYS} - {None}
    assert f"<think>{sent}</think>" in renderer.render(messages)
