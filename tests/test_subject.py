# SPDX-License-Identifier: GPL-2.0-only
"""Subjects: which variant is meant, and whose code is under test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.description import Arch
from emulator.errors import InputError, UnknownName
from emulator.lab import Lab
from emulator.subject import load, select

ARCHES = [catalog.load(name) for name in catalog.names()]
X86 = catalog.load("x86_64")


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_without_a_wish_it_is_the_newest_releases_default(arch: Arch) -> None:
    assert select(arch).name == arch.releases[-1]


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_every_variant_can_be_named(arch: Arch) -> None:
    for variant in arch.variants:
        assert select(arch, variant=variant.name) is variant
        assert select(arch, release=variant.release, variant=variant.name) is variant
    for release in arch.releases:
        assert select(arch, release=release).name == release


@pytest.mark.parametrize(("release", "variant"), [("9.9", None), (None, "9.9"), ("3.6", "3.7"), ("9.9", "3.7")])
def test_what_does_not_exist_is_refused(release: str | None, variant: str | None) -> None:
    with pytest.raises(UnknownName, match=r"unknown (release|variant) of x86_64 .*known: "):
        select(X86, release, variant)


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_all_variants_at_once_are_what_they_are_one_by_one(arch: Arch) -> None:
    together = load(arch, arch.variants)
    assert [subject.variant for subject in together] == list(arch.variants)
    for subject in together:
        (alone,) = load(arch, [subject.variant])
        assert alone.trampolines == subject.trampolines
        assert alone.kernel == subject.kernel
        assert subject.origin == "ours"


def test_a_users_source_takes_the_place_of_ours(tmp_path: Path) -> None:
    source = tmp_path / "mine.S"
    source.write_text('        .globl ftrace_caller\nftrace_caller: ret\n        .include "part.inc"\n')
    (tmp_path / "part.inc").write_text("part: nop\n")
    (subject,) = load(X86, [X86.variant("6.12")], source=source)
    assert subject.origin == str(source)
    assert {"ftrace_caller", "part"} <= subject.trampolines.symbols.keys()
    assert subject.kernel.symbols.keys() >= {"vfs_read"}


def test_a_source_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.S"
    empty.write_text("\n")
    for source in (empty, tmp_path, tmp_path / "missing.S"):
        with pytest.raises(InputError, match=source.name):
            load(X86, [X86.variant("6.12")], source=source)


def test_an_assembler_that_does_not_exist() -> None:
    with pytest.raises(UnknownName, match="unknown assembler 'nasm'"):
        load(X86, [X86.variant("6.12")], assembler="nasm")


@pytest.mark.parametrize("arch", [catalog.load(name) for name in catalog.names()], ids=lambda arch: arch.name)
def test_a_copy_of_any_source_of_ours_is_complete_wherever_it_is(tmp_path: Path, arch: Arch) -> None:
    for variant in arch.variants:
        path = tmp_path / variant.source
        path.write_text(catalog.source_text(arch, variant.source))
        (copied,), (ours,) = load(arch, [variant], source=path), load(arch, [variant])
        assert copied.trampolines.sections == ours.trampolines.sections


@pytest.mark.parametrize(
    "own", ["", "        .globl __x86_return_thunk\n__x86_return_thunk: ret\n"], ids=["kernel's", "own"]
)
@pytest.mark.parametrize("arch", [name for name in catalog.names() if catalog.load(name).thunks])
def test_a_return_thunk_is_a_return(tmp_path: Path, arch: str, own: str) -> None:
    source, ours = tmp_path / "thunk.S", catalog.source_text(catalog.load(arch), "ftrace-6.12.S")
    text, count = re.subn(r"(?m)^( +)ret\b", r"\1jmp __x86_return_thunk", ours)
    assert count > 1
    source.write_text(text + own)
    lab = Lab(arch, release="6.12", source=source)
    seen: list[int] = []
    lab.register(FtraceOps("probe", lambda ip, *_: seen.append(ip), flags={"SAVE_REGS"}))
    recording = lab.call("vfs_read")
    assert seen
    assert recording.outcome is None
    assert not any(arrival.symbol == "__x86_return_thunk" for arrival in recording.arrivals)
