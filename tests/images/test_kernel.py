# SPDX-License-Identifier: GPL-2.0-only
"""Small kernel images of every variant: what they are taken for, where their code stands, and the verdicts on it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from elf_files import DYN_FILE
from emulator import catalog
from emulator.assembly import fixups
from emulator.checks.account import Account, account
from emulator.checks.exercises import EXERCISES
from emulator.checks.judge import judge
from emulator.core.ops import FtraceOps
from emulator.description import Arch, Variant
from emulator.errors import InputError, RunError, UnknownName
from emulator.images.opening import opened
from emulator.lab import Lab
from emulator.placement import placement
from emulator.subject import Subject, load
from kernels import SmallKernel, small_kernel

VARIANTS = [
    pytest.param(arch, variant, id=f"{name}-{variant.name}")
    for name in catalog.names()
    for arch in [catalog.load(name)]
    for variant in arch.variants
    if not variant.synthetic
]
ASKED = ("regs-shared", "write", "graph", "direct", "stopped")
"""Exercises of every kind; all of them take minutes."""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "vmlinux"


def subject(path: Path, system_map: Path | None = None) -> Subject:
    image = opened(path, system_map)
    return image.subject(image.recognise().variant)


def verdicts(subject: Subject) -> Account:
    return account(judge(subject, [1], exercises=[EXERCISES[name] for name in ASKED]))


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_an_image_is_taken_for_what_it_is_and_judged_as_ours(arch: Arch, variant: Variant, written: Path) -> None:
    kernel = small_kernel(arch, variant)
    written.write_bytes(kernel.written())
    found, (ours,) = subject(written), load(arch, [variant])
    assert found.variant is variant
    for entry in variant.entries:
        assert (
            placement(found).label(entry.symbol) == kernel.address(entry.symbol) == placement(ours).label(entry.symbol)
        )
    theirs, wanted = verdicts(found), verdicts(ours)
    assert theirs.unresolved == wanted.unresolved == {}
    assert theirs.refused == wanted.refused
    for clause, tally in wanted.tallies.items():
        assert not theirs.tallies[clause].wrong
        assert theirs.tallies[clause].asked == tally.asked
        assert theirs.tallies[clause].known.keys() == tally.known.keys()


@pytest.fixture(params=catalog.names())
def newest(request: pytest.FixtureRequest) -> SmallKernel:
    arch = catalog.load(request.param)
    return small_kernel(arch, arch.variant(arch.releases[-1]))


def regs_seen(lab: Lab) -> list[tuple[int, int, object]]:
    seen: list[tuple[int, int, object]] = []
    flags = {"SAVE_REGS"} if lab.variant.regs else ()
    ops = FtraceOps("probe", lambda ip, parent, op, regs: seen.append((ip, parent, op)), flags=flags)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    lab.call("vfs_read")
    assert all(op is ops for *_, op in seen)
    return seen


def test_code_keeps_its_bytes_and_addresses(newest: SmallKernel, written: Path) -> None:
    written.write_bytes(newest.written())
    found = subject(written)
    for section in found.trampolines.sections.values():
        if section.executable:
            assert placement(found).trampolines.bytes_at(section.address or 0, 1 << 20) == section.data
    lab = Lab(subject=found)
    assert lab.address("function_trace_op") == newest.address("function_trace_op")
    assert lab.address("ftrace_ops_list_func") == newest.address("ftrace_ops_list_func")
    (ip, parent, _) = regs_seen(lab)[0]
    assert lab.symbol(ip).startswith("vfs_read")
    assert lab.symbol(parent).startswith("ksys_read")


def test_nothing_of_ours_lies_where_the_image_is(newest: SmallKernel, written: Path) -> None:
    written.write_bytes(newest.written())
    lab = Lab(subject=subject(written))
    taken = [(start, start + len(data)) for start, data, _ in newest.sections.values()]
    for region in (lab.image.text, lab.image.data, lab.image.modules, lab.image.stack):
        assert all(region.end <= start or end <= region.base for start, end in taken)


@pytest.mark.parametrize("shape", ["shared object", "no BTF", "stripped"])
def test_images_of_other_shapes_run_the_same(newest: SmallKernel, shape: str, tmp_path: Path, written: Path) -> None:
    system_map = None
    if shape == "shared object":
        newest.kind = DYN_FILE
    elif shape == "no BTF":
        del newest.sections[".BTF"]
    else:
        newest.stripped = True
        system_map = tmp_path / "System.map"
        system_map.write_bytes(newest.system_map())
    written.write_bytes(newest.written())
    found = subject(written, system_map)
    assert found.variant is newest.variant
    assert regs_seen(Lab(subject=found))


def test_an_image_can_go_to_another_process(newest: SmallKernel, written: Path) -> None:
    written.write_bytes(newest.written())
    again = pickle.loads(pickle.dumps(subject(written)))  # noqa: S301 - our own
    assert regs_seen(Lab(subject=again))


def test_a_stripped_image_asks_for_the_system_map(newest: SmallKernel, written: Path) -> None:
    newest.stripped = True
    written.write_bytes(newest.written())
    with pytest.raises(InputError, match=r"vmlinux.* has no symbols: --system-map says where they are"):
        opened(written)


@pytest.mark.parametrize("release", ["6.6.30", "6.99", "7.0-rc1"])
def test_a_release_between_ours_is_the_one_before_and_that_is_said(release: str, written: Path) -> None:
    arch = catalog.load("x86_64")
    written.write_bytes(small_kernel(arch, arch.variant("6.1"), release=release).written())
    found = opened(written).recognise()
    assert found.variant.release == ("6.1" if release.startswith("6.6") else "6.12")
    assert any(release.split("-", maxsplit=1)[0] in note for note in found.notes)


def test_release_and_variant_override_what_the_image_says(written: Path) -> None:
    arch = catalog.load("x86_64")
    written.write_bytes(small_kernel(arch, arch.variant("6.12"), release="6.12").written())
    image = opened(written)
    assert image.recognise("6.1").variant.release == "6.1"
    assert image.subject(arch.variant("6.12-ibt")).variant.name == "6.12-ibt"


def test_a_label_that_holds_no_call_of_the_stub_is_refused(newest: SmallKernel, written: Path) -> None:
    call = newest.variant.plain.call
    if call is None:
        pytest.skip("no label is patched")
    at = newest.address(call)
    newest.patch(at, newest.variant.site.nop)
    written.write_bytes(newest.written())
    there = newest.variant.site.nop.hex(" ")
    with pytest.raises(InputError, match=rf"{call} \({at:#x}\): expected a call of ftrace_stub .*, found {there}"):
        subject(written)


def test_a_missing_trampoline_is_named(newest: SmallKernel, written: Path) -> None:
    name = newest.variant.entries[-1].symbol
    del newest.symbols[name]
    written.write_bytes(newest.written())
    with pytest.raises(InputError, match=f"has no symbol {name}"):
        opened(written).subject(newest.variant)


def test_code_that_calls_on_for_ever_is_too_much(newest: SmallKernel, written: Path) -> None:
    """Without an end the walk would go through the whole of a kernel."""
    address = newest.end
    newest.sections[".far"] = (address, bytearray(newest.variant.site.nop * 8192), newest.sections[".text"][2])
    newest.symbols["return_to_handler"] = (address, 0, 0)
    written.write_bytes(newest.written())
    with pytest.raises(InputError, match=f"more than 4096 instructions follow {address:#x}"):
        opened(written).subject(newest.variant)


def test_a_call_to_nowhere_faults_there_or_is_not_copied(newest: SmallKernel, written: Path) -> None:
    """What an entry begins with goes far beyond all code: that is no fault of the file's, but of the run."""
    last = newest.variant.regs or newest.variant.plain
    entry, call = newest.address(last.symbol), newest.variant.site.call
    newest.patch(entry, fixups.encode_branch(call, entry, entry + (1 << 24)))
    written.write_bytes(newest.written())
    with pytest.raises((RunError, InputError), match=rf"a jump to unmapped memory|{last.symbol} .*leaves"):
        regs_seen(Lab(subject=subject(written)))


def test_a_file_that_has_changed_is_opened_again(newest: SmallKernel, written: Path) -> None:
    written.write_bytes(newest.written())
    assert opened(written) is opened(written)
    newest.symbols["another"] = (newest.address("vfs_read"), 0, 0)
    written.write_bytes(newest.written())
    assert "another" in opened(written).names.named(["another"])


def test_a_report_says_how_to_get_it_again(newest: SmallKernel, tmp_path: Path, written: Path) -> None:
    written.write_bytes(newest.written())
    assert subject(written).words == ("--vmlinux", str(written))
    system_map = tmp_path / "System.map"
    system_map.write_bytes(newest.system_map())
    assert subject(written, system_map).words[2:] == ("--system-map", str(system_map))


def test_an_unknown_function_is_as_unknown_as_on_our_own(newest: SmallKernel, written: Path) -> None:
    written.write_bytes(newest.written())
    image = opened(written)
    found = image.subject(newest.variant, "no_such_function")
    with pytest.raises(UnknownName):
        Lab(subject=found).record("no_such_function")
