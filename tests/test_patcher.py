# SPDX-License-Identifier: GPL-2.0-only
"""Sites, labels, variables and structs of ops as bytes in memory."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from emulator import catalog
from emulator.assembly import fixups
from emulator.core.ops import FtraceOps
from emulator.core.platform import TextError
from emulator.description import Ability
from emulator.errors import FtraceError, UsageError
from emulator.lab import Lab

DYNAMIC = [
    pytest.param(arch.name, variant.name, id=f"{arch.name}-{variant.name}")
    for arch in map(catalog.load, catalog.names())
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE in variant.abilities
]


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def register(lab: Lab, name: str = "probe", *flags: str) -> FtraceOps:
    ops = FtraceOps(name, ignore, flags=flags)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    return ops


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_boot_disables_every_site(arch: str, variant: str) -> None:
    lab = Lab(arch, variant=variant)
    for rec in lab.core.records.values():
        nop = lab.variant.site.nop
        assert lab.image.memory.read(rec.ip, len(nop)) == nop
        assert (lab.patcher.compiled[rec.ip] != nop) == bool(lab.variant.site.mcount)


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_the_struct_of_an_ops(arch: str, variant: str) -> None:
    lab = Lab(arch, variant=variant)
    first, second = register(lab), register(lab, "second")
    read = lab.image.memory.read_word
    members = {member.name: member.offset for member in lab.patcher.ops_layout.members}
    assert read(first.address + members["func"]) == first.func_address
    assert read(second.address + members["next"]) == first.address
    assert read(first.address + members["next"]) == lab.core.list_end.address
    assert read(first.address + members["flags"]) == first.word(lab.release)
    assert lab.symbol(first.address) == "&probe"
    assert lab.symbol(first.func_address) == "probe_func"
    assert lab.patcher.ops_at(first.address) is first
    assert lab.symbol(second.func_address) == "second_func"
    assert lab.patcher.ops_at(first.func_address) is None
    lab.unregister(first)
    assert read(second.address + members["next"]) == lab.core.list_end.address


def test_a_module_is_elsewhere() -> None:
    lab = Lab("x86_64")
    ops = FtraceOps("probe", ignore, home="module")
    lab.register(ops)
    assert ops.func_address >= lab.arch.memory.modules
    assert ops.address >= lab.arch.memory.modules


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_a_corrupted_site_is_found_and_ftrace_killed(arch: str, variant: str) -> None:
    lab = Lab(arch, variant=variant)
    rec = lab.record("vfs_read")
    lab.image.memory.write(rec.ip, b"\xff")
    with pytest.raises(FtraceError, match=r"vfs_read.*: expected .* found ff ") as refused:
        register(lab)
    assert refused.value.errno == errno.ENODEV
    with pytest.raises(FtraceError, match="ENODEV"):
        register(lab, "second")


@pytest.mark.parametrize(("arch", "variant"), DYNAMIC)
def test_text_is_verified_before_it_is_written(arch: str, variant: str) -> None:
    lab = Lab(arch, variant=variant)
    rec, target = lab.record("vfs_read"), lab.image.symbols.address("ftrace_caller")
    patcher = lab.patcher
    before = lab.image.memory.read(rec.ip, 8)
    attempts: list[Callable[[], None]] = [
        lambda: patcher.modify_call(rec.ip, target, target),
        lambda: patcher.make_nop(rec.ip, target),
        lambda: patcher.make_call(rec.ip + 1, target),
    ]
    finds_all = Ability.DYNAMIC_FTRACE_WITH_CALL_OPS in lab.variant.abilities  # ftrace_caller, through the site's ops
    if fixups.known(lab.variant.site.call.fixup).range and not finds_all:  # else every address is in reach
        attempts.append(lambda: patcher.make_call(rec.ip, target ^ (1 << 8 * lab.arch.word - 1)))
    for wrong in attempts:
        with pytest.raises(TextError) as refused:
            wrong()
        assert refused.value.code == errno.EINVAL
        assert lab.image.memory.read(rec.ip, 8) == before


def test_variables_have_the_size_of_their_c_type() -> None:
    lab = Lab("x86_64", release="3.7")
    stop = lab.image.symbols.address("function_trace_stop")
    lab.image.memory.write(stop, b"\xaa" * 8)
    lab.patcher.set_variable("function_trace_stop", 1)
    assert lab.image.memory.read(stop, 8) == b"\1\0\0\0" + b"\xaa" * 4


def test_graph_tracing_is_off_at_boot() -> None:
    for name in catalog.names():
        lab = Lab(name)
        read = lab.image.memory.read_word
        for variable, function in (
            ("ftrace_graph_return", "ftrace_stub_graph"),
            ("ftrace_graph_entry", "ftrace_graph_entry_stub"),
        ):
            assert read(lab.address(variable)) == lab.patcher.function(function)


@pytest.mark.parametrize(
    ("variant", "stub"), [("3.7", "ftrace_stub"), ("6.1-static", "ftrace_stub"), ("6.12-static", "ftrace_stub_graph")]
)
def test_where_there_is_no_stub_of_its_own_the_linker_script_lends_another(variant: str, stub: str) -> None:
    lab = Lab("arm", variant=variant)
    assert lab.patcher.function("ftrace_stub_graph") == lab.address(stub)


def test_an_ops_may_take_the_name_of_one_that_is_gone() -> None:
    lab = Lab("x86_64")
    first = register(lab)
    recording = lab.call("vfs_read")
    with pytest.raises(UsageError, match="another ops of that name is registered"):
        register(lab)
    lab.unregister(first)
    for _ in range(50):
        again = register(lab)
        (call,) = lab.call("vfs_read", trace=False).callbacks
        assert call.op is again
        lab.unregister(again)
    lab.register(first)
    (call,) = lab.call("vfs_read").callbacks
    assert call.op is first
    assert recording.callbacks[0].via == call.via == ("ftrace_trampoline[probe]", "probe")
