# SPDX-License-Identifier: GPL-2.0-only
"""Files of known survivors: what a line covers, and what is no line."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import catalog
from emulator.errors import InputError
from emulator.mutants import survivors

LINE = "3.6, 6.* | ftrace_caller+0x4*,f | register | ldr r1, [sp, *] -> * | because"


def write(folder: Path, text: str) -> Path:
    path = folder / "own.survivors"
    path.write_text(text)
    return path


def test_a_line_covers_what_its_patterns_fit(tmp_path: Path) -> None:
    (known,) = survivors.read(write(tmp_path, f"# a comment\n\n{LINE}\n"))
    meant = "6.12", "ftrace_caller+0x48", "register", "ldr r1, [sp, #4] -> ldr r2, [sp, #4]", "trampolines/arm/own.S"
    assert known.reason == "because"
    assert known.covers(*meant)
    names = "variant", "where", "operator", "change", "source"
    for name, other in zip(
        names, ["3.7", "ftrace_caller+0x8", "width", "ldr r1, (sp, #4) -> r2", "other.S"], strict=True
    ):
        assert not known.covers(**{**dict(zip(names, meant, strict=True)), name: other})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a | b | register | c", "own.survivors:1: expected"),
        ("\na | b | register | c | ", "own.survivors:2: expected"),
        ("a | b | melt | c -> d | reason", "unknown operator 'melt'"),
    ],
)
def test_what_is_no_line_is_said_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(survivors.read(write(tmp_path, text)))


def test_a_users_file_stands_beside_his_source(tmp_path: Path) -> None:
    write(tmp_path, LINE)
    arch = catalog.load("arm")
    assert len(survivors.known(arch, tmp_path / "own.S")) == len(survivors.known(arch)) + 1
    assert survivors.known(arch, tmp_path / "another.S") == survivors.known(arch)


@pytest.mark.parametrize("arch", catalog.names())
def test_our_own_say_whose_they_are_and_why(arch: str) -> None:
    declared = catalog.load(arch)
    for known in survivors.known(declared):
        assert (catalog.trampolines(declared) / known.source).is_file()
        assert any(known.about(variant.name) for variant in declared.variants), known.position
        assert len(known.reason.split()) > 3, known.position
