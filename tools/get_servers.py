"""Unpack the code that servers prepare prompts with, so that tests can run it without a GPU.

    python tools/get_servers.py [FOLDER]

In: `tests/servers/pinned/*.txt`, where every version stands. Out: FOLDER (`$EVERYTURN_SERVERS` if it is not given,
`servers` in the running Python's environment if neither is) with a folder for each of those files, to be put on the
path: a server's, then `shared`. About 0.6 GB on disk, for 0.5 GB to fetch. A folder that is as pinned stays as it is.

Not fetched: torch, which is there for other tests; `transformers serve` is in the transformers that tests compare with.
Of vLLM and SGLang the Python files alone are taken, out of the wheel: the rest is for GPUs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINNED = ROOT / "tests" / "servers" / "pinned"
VARIABLE = "EVERYTURN_SERVERS"
#: Wheels that are taken apart, for whichever Python and machine they were built.
TAKEN_APART = ("vllm", "sglang")
ANY_WHEEL = [
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--abi",
    "abi3",
]
ANY_WHEEL += ["--platform", "manylinux_2_34_x86_64", "--platform", "manylinux_2_28_x86_64"]
#: What is taken of them, beside the metadata.
KEPT = {".py", ".json", ".jinja", ".yaml"}
MADE = ".made"


def main() -> None:
    """Bring each folder to what its file pins."""
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get(VARIABLE)
    folder = Path(given).resolve() if given else Path(sys.prefix) / "servers"
    for pinned in sorted(PINNED.glob("*.txt")):
        wanted = _fingerprint(pinned)
        target = folder / pinned.stem
        made = target / MADE
        if made.exists() and made.read_text(encoding="utf-8") == wanted:
            print(f"{target}: as pinned")
            continue
        fresh = target.with_name(f".{pinned.stem}.fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        _fill(fresh, _requirements(pinned))
        (fresh / MADE).write_text(wanted, encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
        print(f"{target}: fetched, {_megabytes(target)} MB")


def _fingerprint(pinned: Path) -> str:
    settings = repr((TAKEN_APART, ANY_WHEEL, sorted(KEPT), sys.version))
    return hashlib.sha256(pinned.read_bytes() + settings.encode()).hexdigest()


def _requirements(pinned: Path) -> list[str]:
    lines = (line.strip() for line in pinned.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _fill(target: Path, requirements: list[str]) -> None:
    apart = [each for each in requirements if each.partition("==")[0] in TAKEN_APART]
    whole = [each for each in requirements if each not in apart]
    target.mkdir(parents=True)
    _pip("install", "--no-compile", "--target", str(target), *whole)
    for requirement in apart:
        with tempfile.TemporaryDirectory() as downloads:
            _pip("download", "--dest", downloads, *ANY_WHEEL, requirement)
            (wheel,) = Path(downloads).glob("*.whl")
            _take_apart(wheel, target)


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments]
    subprocess.run([*command, "--quiet", "--no-deps", "--only-binary", ":all:"], check=True)


def _take_apart(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = Path(member.filename)
            if path.suffix in KEPT or path.parts[0].endswith(".dist-info"):
                archive.extract(member, target)


def _megabytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1_000_000


if __name__ == "__main__":
    main()
