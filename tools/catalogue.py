"""The texts of the admin pages: out of the code into ``capi.po``, and from there into ``capi.mo`` (needs Babel).

    python tools/catalogue.py            # take up new texts, compile
    python tools/catalogue.py --check    # 1 where a text is missing, fuzzy, or the .mo is not that of the .po

English stands in the code. ``N_("…")`` marks a text that is translated where it is shown.
"""

from __future__ import annotations

import argparse
import io
import re
import string
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent / "capi_middleware" / "admin"
KEYWORDS = {"N_": None, "_": None, "say": None, "many": (1, 2), "gettext": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}


def po_path(language: str = "sv") -> Path:
    """The texts of a language."""
    return ROOT / "locales" / language / "LC_MESSAGES" / "capi.po"


def extracted() -> Catalog:
    """All texts of the code."""
    catalogue = Catalog(project="capi_middleware", charset="utf-8")
    found = extract_from_dir(str(ROOT), METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=())
    for place in found:
        file, _, message = place[0], place[1], place[2]
        if message:
            catalogue.add(message, locations=[(file.replace("\\", "/"), None)])
    return catalogue


def known(language: str = "sv") -> Catalog:
    """The texts as translated."""
    with po_path(language).open("rb") as file:
        return read_po(file, locale=language)


def compiled(catalogue: Catalog) -> bytes:
    """The ``.mo`` of a catalogue."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def problems(language: str = "sv") -> Iterator[str]:
    """What is missing or wrong, in sentences."""
    translated, wanted = known(language), extracted()
    ids = {message.id for message in wanted if message.id}
    for message in translated:
        if not message.id:
            continue
        if message.id not in ids:
            yield f"no longer used: {message.id!r}"
    for message in wanted:
        if not message.id:
            continue
        found = translated.get(message.id[0] if isinstance(message.id, tuple) else message.id)
        if found is None:
            yield f"missing: {message.id!r}"
            continue
        sources = found.id if isinstance(found.id, tuple) else (found.id,)
        targets = found.string if isinstance(found.string, tuple) else (found.string,)
        if found.fuzzy or not all(targets):
            yield f"not translated: {found.id!r}"
        for target in targets:
            if target and not _names(target) <= set().union(*map(_names, sources)):
                yield f"other placeholders: {found.id!r} -> {target!r}"
        if _names(sources[-1]) - _names(targets[-1]):
            yield f"placeholders lost: {found.id!r} -> {targets[-1]!r}"
    if _texts(po_path(language).with_suffix(".mo").read_bytes()) != _texts(compiled(translated)):
        yield "capi.mo is not that of capi.po: run python tools/catalogue.py"


def _texts(compiled: bytes) -> dict[str, object]:
    """The texts of a ``.mo``, without its header, which names the Babel that wrote it."""
    return {str(message.id): message.string for message in read_mo(io.BytesIO(compiled)) if message.id}


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(re.sub(r"%\(", "(", text)) if name}


def update(language: str = "sv") -> None:
    """Take up new texts, drop those no longer used, compile."""
    path = po_path(language)
    wanted = extracted()
    old = known(language) if path.exists() else Catalog(locale=language)
    fresh = Catalog(
        locale=language,
        header_comment="# Texts of the admin pages.",
        project="capi_middleware",
        version="1",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        charset="utf-8",
        fuzzy=False,
    )
    fresh.creation_date = fresh.revision_date = old.creation_date
    for message in sorted((one for one in wanted if one.id), key=lambda one: str(one.id)):
        found = old.get(message.id[0] if isinstance(message.id, tuple) else message.id)
        text = found.string if found is not None and found.string else ("", "") if isinstance(message.id, tuple) else ""
        fresh.add(message.id, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, fresh, width=110, no_location=True, sort_output=True, omit_header=False)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, known(language))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        update()
    wrong = list(problems())
    print("\n".join(wrong) or "complete")
    sys.exit(1 if wrong else 0)
