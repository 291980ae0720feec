"""The tokenizer that transformers makes of a model folder, by which servers load it.

In: a folder, the server. Out: the text of a ``tokenizer.json`` that encodes as ``AutoTokenizer`` does. The folder's
own code is never run, nothing is fetched; transformers is imported when it is asked for.
"""

from pathlib import Path
from typing import Any

from everyturn.exceptions import ModelError, OptionsError
from everyturn.io.json_lines import loads
from everyturn.options import Serve

_VLLM_PLAIN = frozenset(
    {"internlm2", "step3_vl", "step3p7", "step5", "step5_vl", "unlimited-ocr", "unlimited_ocr"}
)
"""Model types for which vLLM 0.33 passes by ``AutoTokenizer``."""


def rebuilt_tokenizer(folder: str, serve: Serve) -> str:
    """Return what ``AutoTokenizer`` encodes with, as the text of a ``tokenizer.json``.

    Raises:
        ModelError: transformers cannot load it, or not as a tokenizer of the ``tokenizers`` library.
        ModuleNotFoundError: transformers is not installed.
        OptionsError: The server changes what ``AutoTokenizer`` gives, or does not use it.
    """
    if serve == "sglang":
        raise OptionsError(
            'tokenizer: SGLang changes the tokenizer that AutoTokenizer gives, so "auto_tokenizer" is not '
            'known to give its ids; use "file" and compare ids with the server\'s'
        )
    if serve == "llama.cpp":
        raise OptionsError(
            'tokenizer: llama.cpp encodes by its own tokenizers, not by AutoTokenizer; use "file"'
        )
    try:
        from transformers import AutoTokenizer
        from transformers.tokenization_utils_tokenizers import TokenizersBackend
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'tokenizer="auto_tokenizer" needs transformers 5: pip install transformers',
            name=error.name,
        ) from error
    is_plain = serve == "vllm" and _model_type(folder) in _VLLM_PLAIN
    arguments: dict[str, Any] = {"local_files_only": True}
    if not is_plain:
        arguments["trust_remote_code"] = False
        if serve == "vllm":
            arguments["mistral_format"] = False
    try:
        loaded = (TokenizersBackend if is_plain else AutoTokenizer).from_pretrained(
            folder, **arguments
        )
    except Exception as error:  # transformers and the classes that it chooses raise what they like
        raise ModelError(f"{folder}: AutoTokenizer cannot load the tokenizer: {error}") from error
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        raise ModelError(
            f"{folder}: AutoTokenizer loads {type(loaded).__name__}, which is not a tokenizer of the tokenizers library"
        )
    text: str = backend.to_str()
    return text


def _model_type(folder: str) -> Any:
    try:
        config = loads((Path(folder) / "config.json").read_bytes())
    except (OSError, ValueError):
        return None
    return config.get("model_type") if isinstance(config, dict) else None
