"""Collate items as torchtune does: its collators of padded and of packed rows, and its own packing dataset.

    python -m readers.read_torchtune ITEMS PAD_TOKEN_ID MAX_LENGTH ANSWER

ITEMS is a file of pickled tensors with the datasets' items. The modules `torchtune.data._collate` and
`torchtune.datasets._packed` run as they are, without the ``__init__`` of their packages, which import all models.
Without a CUDA device torchtune's mask of packed rows is a dense tensor, not a block mask.
"""

import sys

import torch

from readers import isolation


def main() -> None:
    """Collate the items."""
    items_file, pad_token_id, max_length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for name in (
        "torchtune",
        "torchtune.data",
        "torchtune.datasets",
        "torchtune.modules",
        "torchtune.utils",
    ):
        isolation.package(name, isolation.FOLDER / name.replace(".", "/"))

    from torchtune.data._collate import padded_collate_packed, padded_collate_sft
    from torchtune.datasets._packed import PackedDataset

    items = torch.load(items_file, weights_only=True)
    repacked = PackedDataset(items["samples"], max_seq_len=max_length, padding_idx=pad_token_id)
    answers = {
        "padded": padded_collate_sft(items["samples"], padding_idx=pad_token_id),
        "packed": padded_collate_packed(items["packs"]),
        "repacked": padded_collate_packed(list(repacked)),
    }
    isolation.answer(
        {
            kind: {name: tensor.tolist() for name, tensor in batch.items()}
            for kind, batch in answers.items()
        }
        | {"seq_lens": [row["seq_lens"].tolist() for row in repacked]}
    )


if __name__ == "__main__":
    main()
