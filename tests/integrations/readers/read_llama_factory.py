"""Read a folder as LLaMA-Factory does with `tokenized_path`: its data loader, and its collator for supervised training.

    python -m readers.read_llama_factory FOLDER TOKENIZER ANSWER

All of LLaMA-Factory's data code runs as it is. `av` and `torchaudio` (videos and sound) are not there.
"""

import sys
import types

from readers import isolation


def main() -> None:
    """Load the folder's datasets and collate the rows to train on."""
    folder, tokenizer_folder = sys.argv[1:3]
    sys.path.append(str(isolation.FOLDER))
    isolation.without("av", "torchaudio")

    from llamafactory.data import SFTDataCollatorWith4DAttentionMask, get_dataset
    from llamafactory.data.template import TEMPLATES
    from transformers import AutoTokenizer

    arguments = types.SimpleNamespace(tokenized_path=folder, streaming=False)
    read = get_dataset(None, None, arguments, None, "sft", None)
    train = read["train_dataset"]
    collator = SFTDataCollatorWith4DAttentionMask(
        template=TEMPLATES["empty"],
        tokenizer=AutoTokenizer.from_pretrained(tokenizer_folder),
        label_pad_token_id=-100,
        padding=True,
    )
    batch = collator([train[row] for row in range(len(train))])
    isolation.answer(
        {
            "train": train.to_dict(),
            "eval": read["eval_dataset"].to_dict(),
            "batch": {name: tensor.tolist() for name, tensor in batch.items()},
        }
    )


if __name__ == "__main__":
    main()
