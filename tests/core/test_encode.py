"""The ids of a completion where a token would run over its border."""

from pathlib import Path

from chats import answer, user
from everyturn.options import Layout
from layouts import Expand, Shown, chatml, every_exact_layout
from reference import (
    Ids,
    ReferenceModel,
)


@every_exact_layout
def test_a_border_inside_of_a_token_is_forced_and_counted(
    expand: Expand, shown: Shown, folders: dict[str, Path], layout: Layout
) -> None:
    """The prompt has the server's ids even where a merge would run over its end."""
    messages = [user("a"), answer("\nhello"), user("b"), answer("two")]
    reference = ReferenceModel(folders["demo"], stop="<|im_end|>")
    prompt = reference.encode(chatml("user a") + "<|im_start|>assistant\n")
    joined = reference.encode(chatml("user a") + "<|im_start|>assistant\n\nhello")
    assert joined[: len(prompt)] != prompt, "the tokenizer merges the two newlines"
    samples = expand("demo", messages, layout=layout)
    assert samples.report.warnings == {"border_merges": 1}
    assert shown("demo", samples)[0].startswith(chatml("user a", "assistant «\nhello")[:-1])
    first: Ids = tuple(samples[0].input_ids.tolist())
    completion = reference.encoder.encode_continuation("\nhello<|im_end|>")
    assert first[: len(prompt) + len(completion)] == prompt + completion
