"""The servers' own code, where it has been fetched."""

import os

import pytest

import server_code


@pytest.fixture(scope="session")
def servers_code() -> None:
    """Needs what `tools/get_servers.py` fetches; in CI that has to be there."""
    if server_code.available():
        return
    if os.environ.get("CI"):
        pytest.fail(server_code.HOW_TO_FETCH, pytrace=False)
    pytest.skip(server_code.HOW_TO_FETCH)
