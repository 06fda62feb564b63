# SPDX-License-Identifier: GPL-2.0-only
"""Where .include finds files: below the source's own folder and the named ones, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emulator.errors import InputError
from emulator.regular import is_file
from emulator.source import read_source


def find(name: str, source: str, folders: Sequence[str]) -> tuple[str, str]:
    """(path, text) of the file that `.include "name"` means in the file `source`.

    Raises ValueError for a file that is not there, lies outside of the folders, or is not text.
    """
    for folder in (Path(source).parent, *map(Path, folders)):
        path = folder / name
        if not _below(path, folder):
            raise ValueError(f"{name!r} lies outside of {str(folder)!r}")
        if is_file(path):
            return str(path), _read(path)
    raise ValueError(f"there is no file {name!r} in the source's folder or an include folder")


def _below(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:
        raise ValueError(f"cannot be read: {error}") from None


def _read(path: Path) -> str:
    try:
        return read_source(path)
    except InputError as error:
        raise ValueError(str(error)) from None
