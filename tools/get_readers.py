"""Unpack the tools that tests read files with, without what they depend on.

    python tools/get_readers.py

In: `tests/integrations/readers/requirements.txt`. Out: a folder `readers` in the running Python's environment, beside
its own packages and not among them: these tools ask for other versions of torch and transformers than the tests have,
and for GPUs. About 85 MB on disk. What the folder held before goes.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "tests" / "integrations" / "readers" / "requirements.txt"
FOLDER = Path(sys.prefix) / "readers"
# Which wheels: some have none for older Pythons, though the parts that tests run are plain Python.
PYTHON_VERSION = "3.12"


def main() -> None:
    """Unpack the wheels beside the folder first."""
    fresh = FOLDER.with_name(".readers.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    command += ["--only-binary", ":all:", "--python-version", PYTHON_VERSION]
    command += ["--ignore-requires-python", "--requirement", str(REQUIREMENTS)]
    subprocess.run([*command, "--target", str(fresh)], check=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    fresh.rename(FOLDER)


if __name__ == "__main__":
    main()
