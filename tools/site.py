"""What mkdocs.yml cannot say: pages that are there only once somebody has made them take their place in the menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MADE = {"benchmarks.md": "Contributor"}


def on_config(config: Any) -> Any:
    """An mkdocs hook. Adds each page of ``MADE`` that exists to its part of the menu."""
    for page, part in MADE.items():
        if (Path(config["docs_dir"]) / page).exists():
            next(entry[part] for entry in config["nav"] if isinstance(entry, dict) and part in entry).append(page)
    return config
