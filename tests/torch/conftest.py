"""What the tests of `everyturn.torch` share."""

import pytest

import everyturn
import everyturn.torch
from torch_samples import CHATS, expanded


@pytest.fixture(scope="module")
def samples() -> everyturn.Samples:
    """A row for each target."""
    return expanded(CHATS, layout="per_turn")
