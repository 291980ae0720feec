"""Prepare one chat for training as another tool does by itself: its own code, with its own idea of what is trained.

    python -m readers.read_chat TOOL TOKENIZER CHAT ANSWER

TOOL is a function below; CHAT is a record as JSON. The answer has the text of the ids, and the text that has labels.
"""

import json
import os
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from readers import isolation

IGNORE_INDEX = -100
Labelled = tuple[list[int], list[int]]


def trl(tokenizer: Any, chat: Any) -> Labelled:
    """`SFTTrainer` by default."""
    return _trl(tokenizer, chat, assistant_only_loss=False)


def trl_assistant_only(tokenizer: Any, chat: Any) -> Labelled:
    """`SFTTrainer` with the loss of assistants only."""
    return _trl(tokenizer, chat, assistant_only_loss=True)


def _trl(tokenizer: Any, chat: Any, *, assistant_only_loss: bool) -> Labelled:
    import trl.chat_template_utils as templates
    from datasets import Dataset
    from transformers import Qwen3Config, Qwen3ForCausalLM
    from trl import SFTConfig, SFTTrainer

    # It knows templates by their text alone: its copy of Qwen3's.
    folder = Path(templates.__file__).parent / "chat_templates"
    tokenizer.chat_template = (folder / "qwen3.jinja").read_text(encoding="utf-8")
    sizes: dict[str, Any] = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": 8,
    }
    config = SFTConfig(
        output_dir="out",
        assistant_only_loss=assistant_only_loss,
        report_to="none",
        use_cpu=True,
        bf16=False,
        per_device_train_batch_size=1,
    )
    trainer = SFTTrainer(
        Qwen3ForCausalLM(Qwen3Config(vocab_size=len(tokenizer), **sizes)),
        args=config,
        train_dataset=Dataset.from_list([chat]),
        processing_class=tokenizer,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    return batch["input_ids"][0].tolist(), batch["labels"][0].tolist()


def axolotl(tokenizer: Any, chat: Any) -> Labelled:
    """The strategy `chat_template` with the tokenizer's own template."""
    os.environ["AXOLOTL_DO_NOT_TRACK"] = "1"
    sys.path.append(str(isolation.FOLDER))
    numba = types.ModuleType("numba")
    vars(numba)["njit"] = lambda function: function
    sys.modules["numba"] = numba
    isolation.without("posthog")

    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault

    settings = {
        "sequence_len": 2048,
        "train_on_inputs": False,
        "chat_template": "tokenizer_default",
    }
    data = {"type": "chat_template", "field_messages": "messages"}
    strategy = load(tokenizer, DictDefault(settings), ds_cfg=DictDefault(data))
    prepared = strategy.tokenize_prompt(chat)
    return prepared["input_ids"], prepared["labels"]


def llama_factory(tokenizer: Any, chat: Any) -> Labelled:
    """The template `qwen3`, which has reasoning in the content."""
    sys.path.append(str(isolation.FOLDER))
    isolation.without("av", "torchaudio")

    from llamafactory.data.template import TEMPLATES

    messages = [
        {"role": message["role"], "content": _with_reasoning(message)}
        for message in chat["messages"]
    ]
    ids: list[int] = []
    labels: list[int] = []
    for prompt, answer in TEMPLATES["qwen3"].encode_multiturn(tokenizer, messages):
        ids += [*prompt, *answer]
        labels += [IGNORE_INDEX] * len(prompt) + answer
    return ids, labels


def _with_reasoning(message: Any) -> str:
    reasoning = message.get("reasoning_content")
    content: str = message["content"]
    return content if reasoning is None else f"<think>\n{reasoning}\n</think>\n\n{content}"


def trained_texts(tokenizer: Any, ids: Sequence[int], labels: Sequence[int]) -> str:
    """The text that has labels."""
    pairs = zip(ids, labels, strict=True)
    text: str = tokenizer.decode([token for token, label in pairs if label != IGNORE_INDEX])
    return text


def main() -> None:
    """Run the tool that is named."""
    from transformers import AutoTokenizer

    tool, folder, chat = sys.argv[1:4]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tools = {each.__name__: each for each in (trl, trl_assistant_only, axolotl, llama_factory)}
    ids, labels = tools[tool](tokenizer, json.loads(chat))
    isolation.answer(
        {"text": tokenizer.decode(ids), "trained": trained_texts(tokenizer, ids, labels)}
    )


if __name__ == "__main__":
    main()
