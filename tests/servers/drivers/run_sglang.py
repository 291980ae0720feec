"""SGLang's own way from a request to a prompt: its request class, template utilities, and methods of its chat handler.

The module of the handler imports what needs a GPU. So the definitions named here are taken out of its source as it lies
in the wheel, and run beside those of its imports that do without one.

Not run here: the HTTP layer, own encoders (DeepSeek V3.2, Kimi K3, ..), and what a reasoning or tool parser adds.
"""

import ast
import collections
import functools
import logging
import types
from pathlib import Path
from typing import Any

from servers.drivers.exchange import Json, Model, Refused, run
from servers.drivers.stand_ins import stand_in_for

logging.disable(logging.WARNING)
stand_in_for("IPython")

import sglang  # noqa: E402
from pydantic import ValidationError  # noqa: E402
from sglang.srt.entrypoints.openai.protocol import ChatCompletionRequest  # noqa: E402
from sglang.srt.parser import jinja_template_utils  # noqa: E402

HANDLER = Path(sglang.__file__).parent / "srt" / "entrypoints" / "openai" / "serving_chat.py"
#: What is imported for the definitions taken out: of these modules as they are, of others not at all.
IMPORTED = (
    "sglang.srt.entrypoints.openai.protocol",
    "sglang.srt.function_call.utils",
    "sglang.srt.parser.jinja_template_utils",
)
DEFINITIONS = {
    "ThinkingMode",
    "normalize_assistant_tool_call_arguments",
    "normalize_tool_content",
    "parse_tool_call_arguments",
    "_CHAT_TEMPLATE_CLIENT_ERRORS",
    "_MEDIA_CONTENT_PART_TYPES",
}
CLASS = "OpenAIServingChat"
METHODS = {
    "_append_assistant_prefix_to_prompt_ids",
    "_apply_jinja_template",
    "_canonicalize_tool_message_order",
    "_effective_tools",
    "_handle_last_assistant_message",
    "_process_messages",
    "_render_and_encode_chat_template",
    "_sort_tool_message_run",
    "_validate_media_content",
    "_validate_request",
}


def _taken_out() -> Any:
    """Return the handler's class with the methods named above."""
    source = ast.parse(HANDLER.read_text(encoding="utf-8"))
    found: list[ast.stmt] = [ast.parse("from __future__ import annotations").body[0]]
    for node in source.body:
        if isinstance(node, ast.ClassDef) and node.name == CLASS:
            found.append(_with_methods(node))
        elif _is_needed(node):
            found.append(node)
    namespace: dict[str, Any] = {
        "__name__": "taken_out",
        "logger": logging.getLogger("taken_out"),
        "get_model": lambda: types.SimpleNamespace(context_length=None),
        "get_serving": lambda: types.SimpleNamespace(
            trust_request_chat_template=False, allow_auto_truncate=False
        ),
        "normalize_hunyuan_reasoning_effort": lambda *_: None,
        "parallel_prompt_encode": lambda *_: [],
        "render_chat_segments": lambda *_, **__: None,
    }
    code = ast.fix_missing_locations(ast.Module(body=found, type_ignores=[]))
    exec(compile(code, str(HANDLER), "exec"), namespace)  # noqa: S102 - the server's own code
    namespace["MessageProcessingResult"] = types.SimpleNamespace
    return namespace[CLASS]


def _with_methods(handler: ast.ClassDef) -> ast.ClassDef:
    handler.bases = []
    handler.body = [node for node in handler.body if _name(node) in METHODS]
    missing = METHODS - {_name(node) for node in handler.body}
    if missing:
        raise LookupError(f"{HANDLER} has no {', '.join(sorted(missing))}")
    return handler


def _is_needed(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        module = str(node.module)
        return module in IMPORTED or not module.startswith(("sglang", "__future__"))
    if isinstance(node, ast.Assign):
        return any(_name(each) in DEFINITIONS for each in node.targets)
    return isinstance(node, ast.Import | ast.Try | ast.AnnAssign) or _name(node) in DEFINITIONS


def _name(node: ast.AST) -> str:
    return str(getattr(node, "name", None) or getattr(node, "id", ""))


def _bare(handler_class: Any) -> Any:
    """Return a handler of a text model that goes by its template, without parsers."""

    class Handler(handler_class):  # type: ignore[misc]
        _encoding_adapter = None
        _prompt_text_round_trip_is_lossy = False
        _reasoning_detector = None
        _tokenizer_auto_adds_specials = False
        chat_encoding_spec = None
        default_chat_template_kwargs = None
        is_gemma4 = False
        is_gpt_oss = False
        is_minimax_m3 = False
        reasoning_parser = None
        tool_call_parser = None

        def _no(self, *_: Any, **__: Any) -> bool:
            return False

        _get_reasoning_from_request = _no
        _requires_response_template_detokenization = _no
        _takes_turn_grammar = _no
        _thinking_requested = _no

        def _encode_messages(self, *_: Any, **__: Any) -> None:
            return None

        def _patch_reasoning_skip_special_tokens(self, _request: Any) -> None:
            pass

        def __init__(self) -> None:
            self._chat_template_cache: collections.OrderedDict[Any, Any] = collections.OrderedDict()
            config = types.SimpleNamespace(is_multimodal=False)
            self.tokenizer_manager = types.SimpleNamespace(model_config=config)

    return Handler()


HANDLER_OF_CHATS = _bare(_taken_out())
reorders = functools.lru_cache(4)(jinja_template_utils.jinja_template_may_reorder_tool_results)


def choose(model: Model) -> str | None:
    """Return the content format: by the template alone, which no flag overrides."""
    detect = jinja_template_utils.detect_jinja_template_content_format
    chosen: str = detect(model.tokenizer.chat_template)
    return chosen


def convert(model: Model, body: Json) -> None:
    """Do what `OpenAIServingChat.handle_request` does up to the text of the prompt."""
    handler = HANDLER_OF_CHATS
    handler.tokenizer_manager.tokenizer = model.tokenizer
    handler.template_manager = types.SimpleNamespace(
        chat_template_name=None,
        jinja_template_content_format=model.content_format,
        jinja_template_may_reorder_tool_results=reorders(model.tokenizer.chat_template),
        python_chat_template=None,
        reasoning_config=None,
    )
    try:
        request = ChatCompletionRequest.model_validate({"model": "none", **body})
    except ValidationError as error:
        reasons = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:4])
        raise Refused(400, "; ".join(reasons)) from error
    refused = handler._validate_request(request)  # noqa: SLF001
    if refused:
        raise Refused(400, refused)
    try:
        handler._process_messages(request, is_multimodal=False)  # noqa: SLF001
    except ValueError as error:
        raise Refused(400, f"{type(error).__name__}: {error}") from error
    except Exception as error:
        raise Refused(500, f"{type(error).__name__}: {error}") from error


if __name__ == "__main__":
    run(convert, choose)
