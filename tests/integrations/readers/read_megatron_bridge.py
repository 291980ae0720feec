"""Read packed sequences as Megatron-Bridge does: the dataset that its builder chooses for a path, and its collation.

    python -m readers.read_megatron_bridge FILE EOS_TOKEN_ID MAX_LENGTH ANSWER

The modules `megatron.bridge.data.builders.gpt_sft`, `megatron.bridge.data.packing.parquet` and what they import of
`megatron.bridge` run as they are, without the ``__init__`` of the packages that import all models. Of megatron-core
only `msc_utils` is there; its other modules, which hold models and what runs them on GPUs, are not. The tokenizer is
an object with the one attribute that is read.
"""

import sys
import types

from readers import isolation


def main() -> None:
    """Read all rows and collate them."""
    file, eos_token_id, max_length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    megatron = isolation.FOLDER / "megatron"
    isolation.package("megatron", megatron)
    parts = (
        "",
        ".data",
        ".data.builders",
        ".data.datasets",
        ".data.sources",
        ".training",
        ".training.tokenizers",
        ".utils",
    )
    for part in parts:
        isolation.package(f"megatron.bridge{part}", megatron / f"bridge{part}".replace(".", "/"))
    isolation.module_of_file("megatron.core.msc_utils", megatron / "core" / "msc_utils.py")
    isolation.without("megatron.core", "megatron.training")

    from megatron.bridge.data.builders.gpt_sft import build_gpt_sft_split
    from megatron.bridge.data.packing.config import PackedSequenceSpecs

    specs = PackedSequenceSpecs(packed_sequence_size=max_length, packed_train_data_path=file)
    dataset = build_gpt_sft_split(
        specs.packed_train_data_path,
        tokenizer=types.SimpleNamespace(eos_id=eos_token_id),
        seq_length=max_length,
        memmap_workers=1,
        seed=1,
        packed_sequence_size=specs.packed_sequence_size,
        pad_cu_seqlens=specs.pad_cu_seqlens,
        pad_seq_to_mult=specs.pad_seq_to_mult,
    )
    rows = [dataset[row] for row in range(len(dataset))]
    for number, row in enumerate(rows):
        starts = row["seq_boundaries"][:-1]
        dataset.validate_row(number, row["input_ids"], row["loss_mask"], starts)
    batch = dataset.collate_fn(rows)
    names = ("tokens", "labels", "loss_mask", "position_ids", "cu_seqlens_q")
    isolation.answer({"rows": rows, "batch": {name: batch[name].tolist() for name in names}})


if __name__ == "__main__":
    main()
