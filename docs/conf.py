"""How Sphinx makes the site of docs/: `make docs` writes it to site/. Nothing in it loads from another host."""

import inspect
import re
from pathlib import Path
from typing import Any

import everyturn

ROOT = Path(__file__).resolve().parent.parent

project = "everyturn"
author = "the everyturn authors"
version = release = everyturn.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["pictures/**"]
html_theme = "furo"
html_title = f"everyturn {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False

# Markdown as GitHub reads it.
myst_heading_anchors = 4
suppress_warnings = ["myst.strikethrough"]

# Docstrings: Google's sections; a name between single backticks is one of the package where there is one.
default_role = "code"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_attr_annotations = False  # The texts say what arrays are of.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "exclude-members": "__init__, __new__"}
python_use_unqualified_type_names = True
autodoc_mock_imports = ["torch", "ray", "datasets", "transformers", "megatron"]

ROOT_PAGES = {
    "index": "README.md",
    "project/changelog": "CHANGELOG.md",
    "project/contributing": "CONTRIBUTING.md",
    "project/security": "SECURITY.md",
}
"""Pages of the site that are files beside docs/, with what they are there."""


def _with_root_page(_: Any, name: str, source: list[str]) -> None:
    """Put the file of the repository before what the page has, its links as they are from there."""
    if name not in ROOT_PAGES:
        return
    up = "../" * name.count("/")
    text = (ROOT / ROOT_PAGES[name]).read_text(encoding="utf-8")
    text = text.replace("](docs/", f"]({up}").replace("](examples/", f"]({up}../examples/")
    for page, file in ROOT_PAGES.items():
        text = text.replace(f"]({file})", f"]({up}{page}.md)")
    source[0] = text + "\n" + source[0]


ARRAY = re.compile(
    r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[~?numpy\.(\w+)[^\]]*\]+"
)


def _short(
    _: Any, what: str, name: str, made: Any, __: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None] | None:
    """Leave out how what nobody makes by hand is made, and name arrays by their types."""
    if signature is None:
        return None
    if what == "class" and name.rpartition(".")[2] not in MADE_BY_HAND:
        return "", None
    if what == "class" and made.__init__.__module__ == made.__module__:
        # Sphinx asks the class that stands for one of torch.
        whole = inspect.signature(made.__init__)
        parameters = [*whole.parameters.values()][1:]
        signature = str(whole.replace(parameters=parameters, return_annotation=whole.empty))
    return ARRAY.sub(r"array of \1", signature), returned and ARRAY.sub(r"array of \1", returned)


MADE_BY_HAND = {
    "Rule",
    "Expander",
    "Preparer",
    "SampleDataset",
    "StreamDataset",
    "PaddingCollator",
    "PackingCollator",
    "TreeCollator",
    "TokenBatchSampler",
}


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-signature", _short)
    app.connect("source-read", _with_root_page)
