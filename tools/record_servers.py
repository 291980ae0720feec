"""Record what each server's own code makes of the chats of the tests with the built-in model.

    python tools/record_servers.py

In: the servers' code (`tools/get_servers.py`), and the chats of `tests/support/served_chats.py`. Out:
`tests/servers/recorded/SERVER-VERSION.jsonl`, which tests compare with where that code is not there. Files of other
versions go.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support")]


def main() -> None:
    """Write a file for each server."""
    import server_code
    from paths import DEMO

    if not server_code.available():
        sys.exit(server_code.HOW_TO_FETCH)
    server_code.RECORDED.mkdir(exist_ok=True)
    for server in server_code.PATHS:
        for old in server_code.RECORDED.glob(f"{server}-*.jsonl"):
            old.unlink()
        lines = [
            json.dumps(line, separators=(",", ":")) for line in server_code.record(server, DEMO)
        ]
        path = server_code.recorded(server)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(lines)} chats")


if __name__ == "__main__":
    main()
