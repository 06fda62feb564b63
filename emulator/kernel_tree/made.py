# SPDX-License-Identifier: GPL-2.0-only
"""The headers that only a build makes, as far as a trampoline needs them; and what the build's commands define."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from emulator.asm_offsets import offsets
from emulator.description import Arch, Variant
from emulator.errors import InputError
from emulator.source import read_source

MOST_FLAGS = 10_000

_OFFSET = re.compile(r"^\s*(?:DEFINE|OFFSET)\s*\(\s*([A-Za-z_]\w*)", re.ASCII | re.MULTILINE)
_GENERATED = re.compile(r"^\s*generated-y\s*[+:]?=\s*(.*)$", re.MULTILINE)
_COMMAND = re.compile(r"^(?:saved)?cmd_\S+ := (.*)$", re.MULTILINE)


def asm_offsets(arch: Arch, variant: Variant) -> dict[str, int]:
    """The names of asm-offsets.h that our own declarations have numbers for."""
    assert arch.kbuild is not None  # noqa: S101 - configuration.assumed() has looked
    ours = offsets(arch, variant)
    return {name: ours[own] for name, own in arch.kbuild.offsets.items() if own in ours}


def asm_offset_names(folder: Path) -> frozenset[str]:
    """Every name that the asm-offsets*.c of arch/<kernel>/kernel would give a number."""
    texts = (_text(path) for path in sorted(folder.glob("asm-offsets*.c"))[:10])
    return frozenset(name for text in texts for name in _OFFSET.findall(text))


def version_header(version: tuple[int, int, int]) -> str:
    """linux/version.h."""
    major, minor, patch = version
    code = (major << 16) + (minor << 8) + min(patch, 255)
    return f"#define LINUX_VERSION_CODE {code}\n#define KERNEL_VERSION(a,b,c) (((a) << 16) + ((b) << 8) + (c))\n"


def generated(include: Path) -> list[str]:
    """The headers below asm/ that the Kbuild files of arch/<kernel>/include say are generated: they hold no code."""
    names = []
    for file in (include / "asm" / "Kbuild", include / "uapi" / "asm" / "Kbuild"):
        for line in _GENERATED.findall(_text(file).replace("\\\n", " ")):
            names += [f"asm/{name}" for name in line.split()]
    return names


def flags(command_file: Path) -> Iterator[tuple[str, str | None]]:
    """(macro, its value or None where it is undefined) for each -D and -U in a build's .NAME.o.cmd, in their order."""
    match = _COMMAND.search(_text(command_file))
    words = _words(match[1]) if match else []
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word[:2] in ("-D", "-U"):
            name, _, value = (word[2:] or after).partition("=")
            if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                yield name, None if word[1] == "U" else value if "=" in word[2:] + after else "1"


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command.replace("$(pound)", "#"))[:MOST_FLAGS]
    except ValueError:
        return []


def _text(path: Path) -> str:
    """The file's text, nothing where there is none to be read: these files only help."""
    try:
        return read_source(path)
    except InputError:
        return ""


def values(names: Mapping[str, int]) -> str:
    """A header that defines these numbers."""
    return "".join(f"#define {name} {value}\n" for name, value in names.items())
