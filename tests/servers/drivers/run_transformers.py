"""`transformers serve`'s own way from a request to a prompt, for a text model.

Not run here: the HTTP layer and the model; what `tokenize=True` would encode is the text that is recorded.
"""

import logging

from transformers.cli.serving import chat_completion, utils

from servers.drivers.exchange import Json, Model, Refused, run

logging.disable(logging.WARNING)


class Handler(chat_completion.ChatCompletionHandler):
    """The handler of chats, made without its models."""

    def __init__(self) -> None:
        pass


HANDLER = Handler()


def convert(model: Model, body: Json) -> None:
    """Do what `ChatCompletionHandler.handle_request` does up to the text of the prompt."""
    try:
        HANDLER._validate_request(body)  # noqa: SLF001
        messages = HANDLER.get_processor_inputs_from_messages(body["messages"], utils.Modality.LLM)
        model.tokenizer.apply_chat_template(
            messages,
            add_generation_prompt=True,
            tools=body.get("tools"),
            tokenize=False,
            **body.get("chat_template_kwargs", {}),
        )
    except Exception as error:
        status = getattr(error, "status_code", 500)
        reason = getattr(error, "detail", None) or f"{type(error).__name__}: {error}"
        raise Refused(status, reason) from error


if __name__ == "__main__":
    run(convert, lambda _: None)
