"""What the report warns of: reasoning that is not rendered, answers without words."""

from chats import THOUGHTFUL, answer, user
from everyturn.options import Layout
from layouts import Expand, Shown, chatml, every_exact_layout, every_layout


@every_layout
def test_reasoning_that_is_not_rendered_is_counted(expand: Expand, layout: Layout) -> None:
    """The model would not learn to think; said in a key or in the content, it is noticed."""
    messages = [
        user("a"),
        answer("one", reasoning_content="I reason"),
        user("b"),
        answer("<think>\nI reason\n</think>\n\ntwo"),
        user("c"),
        answer("three"),
        user("d"),
        answer("four", reasoning_content="  "),
    ]
    samples = expand("drops_reasoning", messages, layout=layout, control_tokens="allow")
    assert samples.report.warnings["reasoning_dropped"] == 2
    assert samples.report.targets_trained == 4


@every_exact_layout
def test_reasoning_that_is_rendered_is_no_warning(expand: Expand, layout: Layout) -> None:
    """Each target is looked at as it is trained, not as history shows it."""
    assert expand("demo", THOUGHTFUL, layout=layout).report.warnings == {}


def test_an_answer_without_words_is_counted(expand: Expand, shown: Shown) -> None:
    """Its stop token alone is trained."""
    samples = expand("chatml", [user("a"), answer("")])
    assert samples.report.warnings == {"empty_targets": 1}
    assert shown("chatml", samples) == [chatml("user a", "assistant «").removesuffix("\n")]
