"""The window of a server with a short context: the one that samples are made with.

In: the messages before an answer. Out: those that are sent. It takes what `Expander`'s ``history_turns`` and
``max_prompt_tokens`` leave of a conversation, by the same code, so that a model is served what it was trained on.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from everyturn import _core
from everyturn.exceptions import OptionsError
from everyturn.options import check_optional_count
from everyturn.renderer import Renderer, request_texts

Message = TypeVar("Message", bound=Mapping[str, Any])


def window(
    messages: Sequence[Message],
    *,
    history_turns: int | None = None,
    max_prompt_tokens: int | None = None,
    renderer: Renderer | None = None,
    tools: Sequence[Mapping[str, Any]] | None = None,
    **template_kwargs: Any,
) -> list[Message]:
    """Leave out the oldest exchanges, as training with the same options does.

    System and developer messages stay. An exchange starts at a user message and holds all up to the next, so that a
    tool call is never parted from its results; the last exchange always stays.

    >>> chat = [
    ...     {"role": "system", "content": "Be brief."},
    ...     {"role": "user", "content": "1+1?"},
    ...     {"role": "assistant", "content": "2"},
    ...     {"role": "user", "content": "And 2+2?"},
    ... ]
    >>> [message["content"] for message in window(chat, history_turns=1)]
    ['Be brief.', 'And 2+2?']

    Args:
        messages: All messages before the answer.
        history_turns: Keep at most this many of the last exchanges, including the one to be answered.
        max_prompt_tokens: Drop more of them until the prompt has at most this many tokens; needs ``renderer``.
        renderer: What renders and counts the prompt.
        tools: What the prompt shows, too.
        **template_kwargs: Arguments of the template, as for `Renderer.render`.

    Returns:
        The messages to send, in their order, the very objects.

    Raises:
        SampleError: The last exchange alone has more than ``max_prompt_tokens``.
        OptionsError: An option has a value that it does not take, or there is no renderer to count tokens with.
    """
    check_optional_count("history_turns", history_turns)
    check_optional_count("max_prompt_tokens", max_prompt_tokens)
    chat, tools_text, arguments = request_texts(messages, tools, template_kwargs)
    if max_prompt_tokens is None:
        kept = _core.last_exchanges(chat, history_turns)
    elif renderer is None:
        raise OptionsError("max_prompt_tokens needs a renderer, which counts the prompt's tokens")
    else:
        kept = renderer._core.window(  # noqa: SLF001 - the two are one package
            chat, tools_text, arguments, history_turns, max_prompt_tokens
        )
    return [messages[index] for index in kept]
