"""What people typed, checked; and what they are told when it cannot be used."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from capi_middleware.settings.suggest import nearest

LARGEST_FILE = 64 * 1024 * 1024
_LONGEST = 200


class Misuse(Exception):
    """What was typed cannot be meant: a sentence for whoever typed it. Exit code 2."""


class Trouble(Exception):
    """What was asked for cannot be done now: a sentence for people. Exit code 1."""


class Parser(argparse.ArgumentParser):
    """Says misuse as JSON where JSON was asked for. ``words``: what was typed."""

    words: tuple[str, ...] = ()

    def error(self, message: str) -> NoReturn:
        if "--json" in self.words:
            print(json.dumps({"error": message}, ensure_ascii=False))
            sys.exit(2)
        super().error(message)


def say_wrong(command: str, as_json: bool, words: str) -> None:
    """To standard error; as JSON to standard output, as ``{"error": words}``."""
    if as_json:
        print(json.dumps({"error": words}, ensure_ascii=False))
    else:
        print(f"capi-middleware {command}: {words}", file=sys.stderr)


def short(text: str) -> str:
    """A text that fits into a message."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def missing_file(path: str) -> str:
    """What to say of a path that is no file that can be read; "" where it can. Suggests a name that is there."""
    if os.path.isdir(path):
        return f"{short(path)} is a folder: name the file in it."
    if not os.path.exists(path):
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            return f"there is no file {short(path)}: there is no folder {short(folder)}."
        try:
            there = [entry.name for entry in os.scandir(folder) if entry.is_file()]
        except OSError as error:
            return f"{short(path)} cannot be read: {error.strerror}."
        meant = nearest(os.path.basename(path), there)
        hint = f" Did you mean {os.path.join(os.path.dirname(path), meant)}?" if meant else ""
        return f"there is no file {short(path)}.{hint}"
    if not os.access(path, os.R_OK):
        return f"{short(path)} may not be read by you."
    return ""


def read_file(path: str) -> bytes:
    """The file's bytes, 64 MiB at most. Raises :class:`Misuse`."""
    wrong = missing_file(path)
    if wrong:
        raise Misuse(wrong)
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Misuse(f"{short(path)} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST_FILE:
        raise Misuse(f"{short(path)} is larger than {LARGEST_FILE >> 20} MiB.")
    return content


def page_address(text: str) -> str:
    """``text``, if it is the address of a web page. Raises :class:`Misuse`."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        meant = f"https://{text}" if text and ":" not in text and not text.startswith("/") else "https://shop.example/"
        raise Misuse(f"{short(text) or 'nothing'} is no address of a page: write it as {short(meant)}")
    return text
