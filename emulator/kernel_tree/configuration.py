# SPDX-License-Identifier: GPL-2.0-only
"""What is switched on in a kernel: read from .config or autoconf.h, or taken from a variant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.description import CONFIGURED, Arch, Variant
from emulator.errors import InputError, Place, UsageError
from emulator.source import read_source

LIMIT = 4 << 20
"""Bytes of a configuration; Debian's have 300,000."""

_SET = re.compile(r'(CONFIG_\w+)=(y|m|-?\d+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\.)*")\s*', re.ASCII)
_COMMENT = re.compile(r"\s*(?:#.*)?")
_MACRO = re.compile(r"#define (CONFIG_\w+) (.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Configuration:
    """CONFIG_ symbols as .config gives them: y, m, a number, a string in its quotes. Absent: not set."""

    values: Mapping[str, str]
    origin: str
    """The file, for messages."""

    def macros(self) -> dict[str, str]:
        """As kbuild's autoconf.h has them (scripts/kconfig/confdata.c)."""
        return dict(_macro(name, value) for name, value in self.values.items())

    def header(self) -> str:
        """The text of autoconf.h."""
        return "".join(f"#define {name} {value}\n" for name, value in self.macros().items())


def _macro(name: str, value: str) -> tuple[str, str]:
    if value == "m":
        return f"{name}_MODULE", "1"
    return name, "1" if value == "y" else value


def read(path: Path) -> Configuration:
    """The configuration in a .config. Raises InputError, with the line, for what is none."""
    values: dict[str, str] = {}
    for number, line in enumerate(read_source(path, LIMIT).splitlines(), start=1):
        if match := _SET.fullmatch(line):
            values[match[1]] = match[2]
        elif not _COMMENT.fullmatch(line):
            what = f"expected CONFIG_NAME=VALUE, or a comment, found {line[:60]!r}"
            raise InputError(what, Place(str(path), number))
    if not values:
        raise InputError("sets no CONFIG_ symbol", Place(str(path)))
    return Configuration(values, str(path))


def read_autoconf(path: Path) -> Configuration:
    """The configuration in a build's include/generated/autoconf.h. Raises InputError."""
    values: dict[str, str] = {}
    for line in read_source(path, LIMIT).splitlines():
        if match := _MACRO.fullmatch(line):
            module = match[1].endswith("_MODULE") and match[2] == "1"
            values[match[1].removesuffix("_MODULE") if module else match[1]] = "m" if module else match[2]
    if not values:
        raise InputError("defines no CONFIG_ symbol", Place(str(path)))
    return Configuration({name: "y" if value == "1" else value for name, value in values.items()}, str(path))


# -- variants ---------------------------------------------------------------------------------------------------------


def assumed(arch: Arch, variant: Variant) -> Configuration:
    """What a tree without a configuration is taken to have. Raises UsageError where nothing is declared."""
    if arch.kbuild is None:
        raise UsageError(f"{arch.name}: it is not declared how the kernel's build treats its sources")
    having = {f"CONFIG_HAVE_{ability.name}": "y" for ability in variant.abilities}
    return Configuration({**arch.kbuild.configuration, **having, **chosen(variant)}, "the profile")


def chosen(variant: Variant) -> dict[str, str]:
    """The symbols by which a variant differs from others of its release, with their values."""
    able = {f"CONFIG_{ability.name}": "y" for ability in variant.abilities & CONFIGURED}
    defined = {name: str(value) for name, value in variant.defines.items() if name.startswith("CONFIG_")}
    return able | {name: "y" if value == "1" else value for name, value in defined.items()}


def differences(variant: Variant, configuration: Configuration, among: Iterable[Variant]) -> list[str]:
    """The symbols on which a variant and a configuration do not agree, of all that distinguish these variants."""
    told = {name for other in among for name in chosen(other)} | {f"CONFIG_{item.name}" for item in CONFIGURED}
    ours = chosen(variant)
    return sorted(name for name in told if ours.get(name) != configuration.values.get(name))


def fitting(arch: Arch, release: str, configuration: Configuration) -> Variant:
    """The variant of that release that is configured so. Raises UsageError where none is, with the nearest one."""
    among = [item for item in arch.variants if item.release == release and not item.synthetic]
    nearest = min(among, key=lambda item: len(differences(item, configuration, among)))
    expect_fitting(nearest, configuration, among)
    return nearest


def expect_fitting(variant: Variant, configuration: Configuration, among: Iterable[Variant]) -> None:
    """Raises UsageError where a variant is another configuration than this one, naming the symbols."""
    wrong = differences(variant, configuration, list(among))
    if wrong:
        told = ", ".join(f"{name} is {configuration.values.get(name, 'not set')}" for name in wrong)
        raise UsageError(f"{configuration.origin}: {told}, which is not so in the variant {variant.name}")
