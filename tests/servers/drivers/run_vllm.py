"""vLLM's own way from a request to a prompt, without an engine: its request class, chat parser and template renderer.

Not run here: the HTTP layer, and what a tool or reasoning parser chosen on the command line adds.
"""

import logging
import os
import types

os.environ["VLLM_LOGGING_LEVEL"] = "ERROR"
os.environ["VLLM_TARGET_DEVICE"] = "cpu"
logging.disable(logging.WARNING)

from pydantic import ValidationError  # noqa: E402
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest  # noqa: E402
from vllm.exceptions import VLLMClientError  # noqa: E402
from vllm.renderers import hf  # noqa: E402
from vllm.renderers.params import merge_kwargs  # noqa: E402

from servers.drivers.exchange import Json, Model, Refused, run  # noqa: E402

# A text model: no processor beside the tokenizer, whose template would come first.
hf._try_get_processor_chat_template = lambda *_, **__: None  # noqa: SLF001
CONFIG = types.SimpleNamespace(
    allowed_local_media_path="",
    allowed_media_domains=None,
    code_revision=None,
    enable_prompt_embeds=False,
    hf_config=types.SimpleNamespace(model_type="none"),
    is_multimodal_model=False,
    media_io_kwargs=None,
    model="none",
    multimodal_config=None,
    revision=None,
    tokenizer="none",
    tokenizer_revision=None,
    trust_remote_code=False,
)


class Renderer(hf.HfRenderer):  # type: ignore[misc]
    """vLLM's renderer of chats, made without an engine's configuration."""

    def __init__(self, tokenizer: Json) -> None:
        self._of_model = tokenizer
        self.model_config = CONFIG
        self.use_unified_vision_chunk = False

    def get_tokenizer(self) -> Json:
        """Return the tokenizer that renders."""
        return self._of_model


def choose(model: Model) -> str | None:
    """Return the content format: by the template alone, unless it is asked for."""
    chosen: str = hf.resolve_chat_template_content_format(
        None, None, model.content_format, model.tokenizer, model_config=CONFIG
    )
    return chosen


def convert(model: Model, body: Json) -> None:
    """Do what `OnlineRenderer.render_chat` does up to the text of the prompt."""
    try:
        request = ChatCompletionRequest.model_validate(body)
        tools = None if request.tools is None else [tool.model_dump() for tool in request.tools]
        defaults = merge_kwargs({}, {"tools": tools, "tokenize": False})
        params = request.build_chat_params(None, model.content_format).with_defaults(defaults)
        Renderer(model.tokenizer).render_messages(request.messages, params)
    except (VLLMClientError, ValueError, TypeError, NotImplementedError) as error:
        raise Refused(400, _reason(error)) from error
    except Exception as error:
        raise Refused(500, _reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:4]
        )
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    run(convert, choose)
