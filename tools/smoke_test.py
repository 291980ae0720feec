"""Install a built wheel or source distribution into a fresh environment, and train the example chats with it.

Usage: ``python tools/smoke_test.py DIST [--oldest]``, where DIST is a file, or a folder in which pip chooses the wheel
that this Python takes. With ``--oldest`` each dependency has the oldest version that the package asks for. Nothing of
the checkout is imported: what is tried is what a user gets.
"""

import argparse
import json
import os
import subprocess
import tempfile
import venv
from pathlib import Path

CHECK = """
import sys
from pathlib import Path

import pyarrow

import everyturn

chat = [
    {"role": "user", "content": "1+1?"},
    {"role": "assistant", "content": "2"},
    {"role": "user", "content": "And 2+2?"},
    {"role": "assistant", "content": "4"},
]
samples = everyturn.Expander("demo").expand([{"messages": chat}])
assert (len(samples), samples.report.trained_tokens) == (1, 4), samples.report
samples.to_parquet("samples.parquet")
table = pyarrow.Table.from_pylist([{"messages": chat}])
assert everyturn.Expander("demo").expand(table).report.trained_tokens == 4
package = Path(everyturn.__file__).parent
assert "smoke" in str(package), package
metadata = next(package.parent.glob("everyturn-*.dist-info"))
names = {path.name for path in metadata.rglob("*") if path.is_file()}
missing = {"LICENSE", "THIRD_PARTY_LICENSES.txt"} - names
assert not missing, missing
assert any(name.endswith(".cyclonedx.json") for name in names), names
assert (package / "py.typed").is_file()
print("everyturn", everyturn.__version__, "works with Python", sys.version.split()[0])
"""


OLDEST = """
import importlib.metadata
import json

needed = importlib.metadata.requires("everyturn") or []
print(json.dumps([one.replace(">=", "==") for one in needed if "extra ==" not in one]))
"""


def main() -> None:
    """Install, try the package, try the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("distribution", type=Path)
    parser.add_argument("--oldest", action="store_true")
    arguments = parser.parse_args()
    distribution = arguments.distribution.absolute()
    with tempfile.TemporaryDirectory(prefix="smoke-", ignore_cleanup_errors=True) as folder:
        venv.create(folder, with_pip=True)
        scripts = Path(folder, "Scripts" if os.name == "nt" else "bin")
        python = [str(scripts / "python"), "-I"]

        def run(*command: str) -> None:
            subprocess.run(command, check=True, cwd=folder)

        run(*python, "-m", "pip", "install", "--quiet", *_requirement(distribution))
        if arguments.oldest:
            oldest = json.loads(subprocess.check_output([*python, "-c", OLDEST]))
            run(*python, "-m", "pip", "install", "--quiet", *oldest)
        run(*python, "-c", CHECK)
        chats = Path(folder, "chats.jsonl")
        chats.write_text('{"prompt": "Hi", "completion": "Hello!"}\n', encoding="utf-8")
        command = str(scripts / "everyturn")
        run(command, "check", str(chats))
        run(command, "inspect", str(chats), "--model", "demo")
        run(command, "expand", str(chats), "--model", "demo", "-o", "train.parquet")
        run(command, "expand", str(chats), "--model", "demo", "-o", "shards/")


def _requirement(distribution: Path) -> list[str]:
    """A file by its path; of a folder the wheel that fits, and never one of the index."""
    if distribution.is_file():
        return [str(distribution)]
    return ["--find-links", str(distribution), "--only-binary", "everyturn", "everyturn"]


if __name__ == "__main__":
    main()
