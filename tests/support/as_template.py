"""Renderers without a server before the template: what transformers' `apply_chat_template` is the reference of."""

from typing import Any

import everyturn
from everyturn.options import StrPath


def template_renderer(path: StrPath, **options: Any) -> everyturn.Renderer:
    """Return the renderer that shows records to the template as they are."""
    return everyturn.Renderer.from_dir(path, serve="template", **options)
