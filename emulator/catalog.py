# SPDX-License-Identifier: GPL-2.0-only
"""Which architectures there are, and where their files lie.

arch/ and trampolines/ are beside this package in a checkout and inside it in a wheel; only this module knows.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from emulator.description import Arch
from emulator.errors import InputError, Place, UnknownName
from emulator.source import read_source

FALLBACK = "x86_64"
"""What ARCH means on a machine that no declaration knows."""


def folder(kind: str) -> Path:
    """The folder called `kind` ("arch" or "trampolines"): the wheel's if it is there, else the checkout's."""
    package = Path(__file__).resolve().parent
    inside = package / kind
    return inside if inside.is_dir() else package.parent / kind


def names() -> tuple[str, ...]:
    """The names of all architectures, sorted: the stems of the files in arch/ that don't start with "_"."""
    return tuple(sorted(path.stem for path in folder("arch").glob("*.py") if not path.name.startswith("_")))


@functools.cache
def load(name: str) -> Arch:
    """The declaration in arch/<name>.py.

    Raises UnknownName where there is no such file, InputError where the file doesn't end in an ARCH of that name.
    """
    if name not in names():
        raise UnknownName("architecture", name, names())
    path = folder("arch") / f"{name}.py"
    arch = getattr(_execute(f"emulator.arch.{name}", path), "ARCH", None)
    if not isinstance(arch, Arch):
        raise InputError("does not end in ARCH = Arch(...)", Place(str(path)))
    if arch.name != name:
        raise InputError(f"declares an architecture called {arch.name!r}, not {name!r}", Place(str(path)))
    return arch


def find(name: str) -> Arch:
    """The architecture called `name`, or that has it among its aliases: uname -m, the kernel's ARCH.

    Raises UnknownName, which suggests the nearest name or alias.
    """
    known = names()
    if name in known:  # by far the most frequent case, and the only one that need not read every declaration
        return load(name)
    every = [load(stem) for stem in known]
    for arch in every:
        if name in arch.aliases:
            return arch
    raise UnknownName("architecture", name, [*known, *(alias for arch in every for alias in arch.aliases)])


def host() -> Arch:
    """The architecture of this machine, where one is declared for it; else x86_64."""
    try:
        return find(os.uname().machine)
    except UnknownName:
        return load(FALLBACK)


def trampolines(arch: Arch) -> Path:
    """The folder with the assembler sources of `arch`. It need not exist: recognition comes before trampolines."""
    return folder("trampolines") / arch.name


def source_text(arch: Arch, filename: str) -> str:
    """The text of trampolines/<arch>/<filename>. Raises InputError, see emulator.source.read_source."""
    return read_source(trampolines(arch) / filename)


def _execute(name: str, path: Path) -> ModuleType:
    """The module in the file at `path`, run under `name`."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError("is not a Python file", Place(str(path)))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a dataclass with postponed annotations looks itself up there while it is made
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
