"""Which of the training processes this is."""

import torch.distributed

from everyturn.exceptions import OptionsError


def find_rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Return the rank and the number of ranks: as given, as ``torch.distributed`` says, or 0 of 1.

    Raises:
        OptionsError: One is given without the other, or the rank is none of the world's.
    """
    if rank is None and world_size is None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return torch.distributed.get_rank(), torch.distributed.get_world_size()
        return 0, 1
    if rank is None or world_size is None:
        raise OptionsError("give both rank and world_size, or neither")
    if not 0 <= rank < world_size:
        raise OptionsError(f"rank must be in 0..{world_size - 1}, not {rank}")
    return rank, world_size
