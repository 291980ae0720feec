"""The servers' own code, where it has been fetched."""

import os

import pytest

import servers


@pytest.fixture(scope="session")
def servers_code() -> None:
    """Needs what `tools/get_servers.py` fetches; in CI that has to be there."""
    if servers.available():
        return
    if os.environ.get("CI"):
        pytest.fail(servers.HOW_TO_FETCH, pytrace=False)
    pytest.skip(servers.HOW_TO_FETCH)
