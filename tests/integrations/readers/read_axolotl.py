"""Read a folder as axolotl does: the function that prepares datasets for training, and its collators.

    python -m readers.read_axolotl SETTINGS TOKENIZER WORK ANSWER

SETTINGS is the part of a configuration, as JSON, that says which data are trained on; the rest is added here.

All of axolotl's data code runs as it is. `posthog` (telemetry) is not there, and `numba.njit` leaves functions as
Python runs them.
"""

import json
import os
import sys
import types
from pathlib import Path
from typing import Any

from readers import isolation


def main() -> None:
    """Prepare the folder's datasets with and without sample packing, and collate what comes of it."""
    given, tokenizer_folder, work = json.loads(sys.argv[1]), *sys.argv[2:4]
    os.environ["AXOLOTL_DO_NOT_TRACK"] = "1"
    sys.path.append(str(isolation.FOLDER))
    numba = types.ModuleType("numba")
    vars(numba)["njit"] = lambda function: function
    sys.modules["numba"] = numba
    isolation.without("posthog")

    from axolotl.utils.collators import DataCollatorForSeq2Seq, V2BatchSamplerDataCollatorForSeq2Seq
    from axolotl.utils.data.sft import prepare_datasets
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.samplers import MultipackBatchSampler, get_dataset_lengths
    from torch.utils.data import SequentialSampler
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)

    def prepare(name: str, **options: Any) -> Any:
        settings = {
            **given,
            "dataset_prepared_path": str(Path(work) / name),
            "dataset_num_proc": 1,
            "micro_batch_size": 1,
            "gradient_accumulation_steps": 1,
            "num_epochs": 1,
            "seed": 1,
            "world_size": 1,
            "batch_size": 1,
            "min_sample_len": 1,
            **options,
        }
        return prepare_datasets(DictDefault(settings), tokenizer)

    train, evaluation, steps, _ = prepare("rows", sample_packing=False)
    batch = DataCollatorForSeq2Seq(tokenizer)([train[row] for row in range(len(train))])
    packing, _, _, _ = prepare(
        "packs",
        sample_packing=True,
        sample_packing_group_size=1000,
        sample_packing_bin_size=200,
        eval_sample_packing=False,
        flash_attention=True,
    )
    sampler = MultipackBatchSampler(
        SequentialSampler(packing),
        batch_size=1,
        batch_max_len=1024,
        lengths=get_dataset_lengths(packing),
        num_processes=1,
        bin_size=200,
    )
    collator = V2BatchSamplerDataCollatorForSeq2Seq(tokenizer)
    packs = [collator([[packing[int(row)] for row in pack] for pack in batch]) for batch in sampler]
    isolation.answer(
        {
            "train": train.to_dict(),
            "test": evaluation.to_dict(),
            "steps": steps,
            "batch": {name: tensor.tolist() for name, tensor in batch.items()},
            "packs": [{name: tensor.tolist() for name, tensor in pack.items()} for pack in packs],
        }
    )


if __name__ == "__main__":
    main()
