"""Print the licences of everything that a wheel links: THIRD_PARTY_LICENSES.txt is made by this.

In: what cargo knows of the binding's dependencies, on every platform. Out: each text once, below the crates that have
it; the C code that some crates bundle (oniguruma, zstd) has its licence files within them.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LICENCE_FILE = re.compile(
    r"(licen[cs]e|copying|notice|copyright|unlicense)([-_.].*)?", re.IGNORECASE
)
CODE = {".rs", ".py", ".json", ".toml", ".c", ".h", ".html"}
RULE = "=" * 100


def main() -> None:
    """Print them."""
    metadata = _metadata()
    packages = {package["id"]: package for package in metadata["packages"]}
    linked = _linked(metadata)
    crates = sorted(
        (packages[name] for name in linked), key=lambda one: (one["name"], one["version"])
    )
    crates = [crate for crate in crates if crate["source"] is not None]
    texts: dict[str, list[str]] = {}
    without = []
    for crate in crates:
        name = f"{crate['name']} {crate['version']} ({crate['license'] or 'see its text'})"
        found = list(_texts(Path(crate["manifest_path"]).parent))
        for text in found:
            texts.setdefault(text, []).append(name)
        if not found:
            without.append(name)
    out = sys.stdout
    out.write("Software of others that is part of everyturn's wheels, and its licences.\n")
    out.write(f"Made by tools/make_licences.py from Cargo.lock: {len(crates)} crates.\n")
    if without:
        out.write("\nWithout a licence file of their own, under the licences that they name:\n")
        out.writelines(f"  {name}\n" for name in without)
    for text, names in texts.items():
        out.write(f"\n{RULE}\n")
        out.writelines(f"{name}\n" for name in dict.fromkeys(names))
        out.write(f"{RULE}\n\n{text}\n")


def _metadata() -> Any:
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    done = subprocess.run(command, cwd=ROOT / "rust" / "py", check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def _linked(metadata: Any) -> set[str]:
    """The packages that the binding is linked of, but for what only builds or tests it."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    left, linked = [metadata["resolve"]["root"]], set[str]()
    while left:
        name = left.pop()
        if name in linked:
            continue
        linked.add(name)
        left += [
            dependency["pkg"]
            for dependency in nodes[name]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        ]
    return linked


def _texts(folder: Path) -> Iterator[str]:
    """The licence files of a crate, those of bundled code too."""
    for path in sorted(folder.rglob("*")):
        named = LICENCE_FILE.fullmatch(path.name)
        if named and path.is_file() and path.suffix.lower() not in CODE:
            text = path.read_text(encoding="utf-8", errors="replace")
            yield "\n".join(line.rstrip() for line in text.strip().splitlines())


if __name__ == "__main__":
    main()
