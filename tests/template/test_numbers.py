"""Numbers of a record as a template prints them."""

import pytest

from as_template import template_renderer


@pytest.mark.parametrize(
    "how", ["~ message.x", "~ (message.x | string)", "~ ((message.x or 0) | tojson)"]
)
@pytest.mark.parametrize("number", [1e-05, 1e16, 1.5e300, 2**70, 2**200, 0.1, 12345.0])
def test_numbers_print_as_in_python(how: str, number: float) -> None:
    """Joined, as text and as JSON alike."""
    template = (
        "{%- for message in messages -%}{{- message.content "
        + how
        + " ~ '<|im_end|>' -}}{%- endfor -%}"
    )
    renderer = template_renderer("demo", chat_template=template)
    assert (
        renderer.render([{"role": "user", "content": "", "x": number}]) == f"{number!r}<|im_end|>"
    )
