# SPDX-License-Identifier: GPL-2.0-only
"""The stories that every variant tells: one ops, one with SAVE_REGS, two together, two apart. What a callback then gets
follows from the variant's abilities, its entries and its quirks; no trampoline is named here.
"""

from __future__ import annotations

import errno
from typing import Any

import pytest

from emulator import catalog
from emulator.assembly.gnu import GnuAssembler
from emulator.core.ops import FtraceOps
from emulator.core.releases import release
from emulator.description import Ability, Arch, Const, Entry, Reg, Value, Variant, Word
from emulator.errors import FtraceError, UsageError
from emulator.lab import Lab
from emulator.machine.memory import PAGE, Memory, Region
from emulator.origins import describe
from emulator.provenance import Status
from emulator.recording import Call, Hit, Pointer, Recording, RecordSeen
from emulator.replay import recorded
from emulator.subject import load
from emulator.views import PtRegs

ALL = [(arch, variant) for arch in map(catalog.load, catalog.names()) for variant in arch.variants]
DYNAMIC = [pair for pair in ALL if Ability.DYNAMIC_FTRACE in pair[1].abilities]
STATIC = [pair for pair in ALL if Ability.DYNAMIC_FTRACE not in pair[1].abilities]
WITH_REGS = [pair for pair in DYNAMIC if pair[1].regs]
COPYING = [pair for pair in DYNAMIC if pair[1].copying]
FUNCTION, OTHER = "vfs_read", "vfs_write"


def each(pairs: list[tuple[Arch, Variant]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("arch", "variant"), pairs, ids=[f"{arch.name}-{item.name}" for arch, item in pairs])


def make(arch: Arch, variant: Variant, *, seed: int = 1, assembler: str | None = None) -> Lab:
    (subject,) = load(arch, [variant], assembler=assembler)
    return Lab(subject=subject, seed=seed)


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def register(lab: Lab, name: str, *flags: str, on: str = FUNCTION) -> FtraceOps:
    """An ops that is called directly wherever its release and its architecture can do that."""
    ops = FtraceOps(name, ignore, flags={*flags, *({"RECURSION_SAFE"} & lab.release.flags.keys())})
    lab.set_filter(ops, on)
    lab.register(ops)
    return ops


def untraced(lab: Lab) -> int:
    return Lab(subject=lab.subject, seed=lab.seed).call(FUNCTION).result


def parent(hit: Hit) -> int | None:
    """The traced function's return address as it stood at the site."""
    return recorded(hit).evaluate(hit.lab.variant.site.parent, 0)


def direct(variant: Variant) -> bool:
    """Whether the trampoline's own op argument is what a single callback sees."""
    needed = release(variant.release).list_unless | Ability.ARCH_SUPPORTS_FTRACE_OPS
    return variant.abilities & needed == needed


def check_call(recording: Recording, call: Call) -> None:
    """What is the same for every callback of every variant."""
    lab, hit = recording.lab, recording.hit
    assert call.ip == lab.record(FUNCTION).ip
    assert call.parent_ip == parent(hit)
    assert lab.symbol(call.parent_ip).startswith("ksys_read+")


def check_landing(recording: Recording, entry: Entry) -> None:
    """The function goes on as if nothing had been called, but for what the entry may leave changed."""
    assert recording.outcome is None
    assert recording.hit.landing is not None
    assert recording.hit.changed().keys() <= set(entry.clobbers)
    assert recording.result == untraced(recording.lab)


def expected(variant: Variant, entry: Entry, name: str, promise: Value | None) -> Status:
    """The status of a member in a record that an entry fills, or is known to fill with something else."""
    if name in entry.constants:
        return Status.CONSTANT
    if name not in entry.promises:
        return Status.UNWRITTEN
    if any(quirk.clause == "C5" and quirk.what == name for quirk in variant.quirks):
        return Status.WRONG
    match promise:
        case Reg() | Word():
            return Status.TRUE
        case Const():
            return Status.CONSTANT
        case _:
            return Status.DERIVED


def check_record(record: RecordSeen, entry: Entry) -> None:
    """Each member holds what the entry promises, from where it promises; each byte knows its writer."""
    lab = record._call.arrival.recording.lab
    assert record.provenance.certain
    assert record.provenance.entry is entry
    for seen in record:
        member = seen.member
        assert seen.status is expected(lab.variant, entry, member.name, member.holds), (member.name, seen)
        assert seen.value == getattr(view(record), member.name)
        if seen.status is Status.UNWRITTEN:
            assert seen.writer is None
            assert not seen.written
            assert "never written" in str(seen.origin)
            continue
        holds = Const(entry.constants[member.name]) if member.name in entry.constants else member.holds
        assert holds is not None
        assert seen.status is Status.WRONG or seen.origin.what.startswith(describe(holds).what)
        assert seen.writer is not None
        assert lab.where(seen.writer) in str(seen.origin)
        assert lab.image.symbols.line(seen.writer) is not None
    assert record.populated == len({*entry.promises, *entry.constants})


def view(record: RecordSeen) -> Any:
    """The record's members as numbers, out of its raw bytes."""
    lab = record._call.arrival.recording.lab
    arch = lab.arch
    guest = Memory([Region("bytes", 0, PAGE)], word=arch.word, big_endian=arch.big_endian)
    guest.write(0, record._call.before)
    return PtRegs(lab.struct, guest, 0)


# -- stories -----------------------------------------------------------------------------------------------------------


@each(DYNAMIC)
def test_one_ops(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    ops = register(lab, "probe")
    recording = lab.call(FUNCTION)
    (call,) = recording.callbacks
    plain = variant.plain
    assert plain is not None
    check_call(recording, call)
    check_landing(recording, plain)
    assert (call.regs is not None) == variant.always_regs
    assert call.via[0] in (plain.symbol, "ftrace_trampoline[probe]")
    if not lab.release.callback_gets_op:
        assert call.op is None
    elif direct(variant) and any(quirk.what == "op" for quirk in variant.quirks):
        assert call.op == Pointer(lab.image.symbols.address("function_trace_op"), "&function_trace_op")
    else:
        assert call.op is ops
    if Ability.DYNAMIC_FTRACE_WITH_ARGS in variant.abilities:
        assert call.fregs is not None
        assert not call.fregs.full
        check_record(call.fregs, plain)
    elif call.regs:
        assert call.fregs is call.regs
        assert call.regs.kind == "stale"
        check_record(call.regs, plain)
    else:
        assert call.fregs is None


@each(WITH_REGS)
def test_one_ops_with_save_regs(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    register(lab, "kprobe", "SAVE_REGS")
    recording = lab.call(FUNCTION)
    (call,) = recording.callbacks
    assert variant.regs is not None
    check_call(recording, call)
    check_landing(recording, variant.regs)
    assert call.regs is not None
    assert call.regs.full
    check_record(call.regs, variant.regs)
    assert (call.fregs is call.regs) == lab.release.callback_gets_fregs


@each([pair for pair in DYNAMIC if not pair[1].regs])
def test_save_regs_where_there_are_none(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    if "SAVE_REGS" not in lab.release.flags:
        with pytest.raises(UsageError, match=f"{lab.release.name} .*SAVE_REGS|SAVE_REGS.* {lab.release.name}"):
            register(lab, "kprobe", "SAVE_REGS")
        return
    with pytest.raises(FtraceError) as refused:
        register(lab, "kprobe", "SAVE_REGS")
    assert refused.value.errno == errno.EINVAL
    lenient = register(lab, "lenient", "SAVE_REGS", "SAVE_REGS_IF_SUPPORTED")
    (call,) = lab.call(FUNCTION).callbacks
    assert call.ops is lenient
    assert call.regs is None


@each(DYNAMIC)
def test_two_ops_on_one_function(arch: Arch, variant: Variant) -> None:
    """The list function calls both, newest first, each with its own op; if one asks for regs both get them."""
    lab = make(arch, variant)
    first = register(lab, "probe")
    second = register(lab, "second", *(["SAVE_REGS"] if variant.regs else []))
    recording = lab.call(FUNCTION)
    entry = variant.regs or variant.plain
    assert entry is not None
    assert [call.ops for call in recording.callbacks] == [second, first]
    check_landing(recording, entry)
    for call in recording.callbacks:
        check_call(recording, call)
        assert call.via[0] == entry.symbol
        assert call.via[-2:] == ("ftrace_ops_list_func", call.ops.name)
        assert call.op is (call.ops if lab.release.callback_gets_op else None)
        assert (call.regs is not None) == bool(variant.regs)
        if call.regs:
            check_record(call.regs, entry)


@each(DYNAMIC)
def test_two_ops_on_two_functions(arch: Arch, variant: Variant) -> None:
    """Private copies keep them apart, or sites with an ops of their own; without these each call goes through the list
    function.
    """
    lab = make(arch, variant)
    ops = register(lab, "probe")
    other = register(lab, "other", on=OTHER)
    (call,) = lab.call(FUNCTION).callbacks
    assert call.ops is ops
    if variant.copying:
        assert call.via == ("ftrace_trampoline[probe]", "probe")
        assert lab.record(FUNCTION).target == ops.trampoline
        assert lab.record(OTHER).target == other.trampoline
    elif Ability.DYNAMIC_FTRACE_WITH_CALL_OPS in variant.abilities:
        assert call.via == ("ftrace_caller", "probe")
    else:
        assert "ftrace_ops_list_func" in call.via
    assert call.op is (ops if lab.release.callback_gets_op else None)
    (call,) = lab.call(OTHER).callbacks
    assert call.ops is other


@each(DYNAMIC)
def test_nobody(arch: Arch, variant: Variant) -> None:
    """Before and after anybody was there, the site is the same NOP, and costs one instruction."""
    lab = make(arch, variant)
    first = lab.call(FUNCTION)
    ops = register(lab, "probe")
    lab.call(FUNCTION)
    lab.unregister(ops)
    last = lab.call(FUNCTION)
    for recording in (first, last):
        assert recording.callbacks == []
        assert recording.hit.target == 0
        assert recording.hit.changed() == {}
        cost = recording.cost(recording.hit)
        assert cost is not None
        assert (cost.instructions, cost.stores, cost.stack) == (1, 0, 0)
    assert first.result == last.result
    rec = lab.record(FUNCTION)
    assert lab.image.memory.read(rec.ip, len(variant.site.nop)) == variant.site.nop


@each(DYNAMIC)
def test_a_call_within_a_call_and_a_tail_call_are_traced(arch: Arch, variant: Variant) -> None:
    lab = make(arch, variant)
    ops = FtraceOps("probe", ignore)
    lab.register(ops)  # no filter: every function
    for function, names in (
        ("kernel_read", ["bprm_read", "kernel_read", "vfs_read"]),
        ("vfs_readv", ["ksys_readv", "vfs_readv", "vfs_read"]),
    ):
        recording = lab.call(function)
        assert [hit.symbol for hit in recording.hits] == names
        assert [lab.image.symbols.name(call.ip).split("+")[0] for call in recording.callbacks] == names
        assert recording.hit.symbol == function
        assert all(hit.landing is not None for hit in recording.hits)
        parents = [lab.symbol(call.parent_ip).split("+")[0] for call in recording.callbacks]
        assert parents[:2] == ["[exit]", names[0]]
        assert parents[2] == ("kernel_read" if function == "kernel_read" else "ksys_readv")


# -- writes ------------------------------------------------------------------------------------------------------------


def honours(arch: Arch, variant: Variant, *flags: str, shared: bool) -> tuple[set[str], set[str]]:
    """(members whose writes are found to be honoured, members declared to be)."""
    lab = make(arch, variant)
    register(lab, "probe", *flags)
    if shared:
        register(lab, "second", *flags)
    call = lab.call(FUNCTION).callbacks[0]
    record = call.fregs or call.regs
    assert record is not None
    entry = record.provenance.entry
    assert entry is not None
    found = {seen.member.name for seen in record if record.honoured(seen.member.name)}
    declared = set(entry.honours)
    if lab.image.symbols.original(recorded_target(call)) != recorded_target(call) and entry.direct_jump:
        declared -= {"orig_ax"}  # a private copy never makes a direct call
    return found, declared


def recorded_target(call: Call) -> int:
    assert call.arrival.hit is not None
    return call.arrival.hit.target


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
@each(WITH_REGS)
def test_a_full_record_is_loaded_back_as_declared(arch: Arch, variant: Variant, shared: bool) -> None:
    found, declared = honours(arch, variant, "SAVE_REGS", shared=shared)
    assert found == declared


@each([pair for pair in DYNAMIC if Ability.DYNAMIC_FTRACE_WITH_ARGS in pair[1].abilities])
def test_a_partial_record_is_loaded_back_as_declared(arch: Arch, variant: Variant) -> None:
    found, declared = honours(arch, variant, shared=False)
    assert found == declared


# -- seeds, assemblers, static variants --------------------------------------------------------------------------------


def picture(recording: Recording) -> list[Any]:
    """What does not depend on the seed: who was called how, and what each member is worth and follows."""
    told: list[Any] = [sorted(recording.hit.changed()), recording.cost(recording.hit)]
    for call in recording.callbacks:
        record = call.fregs or call.regs
        members = [(seen.status, str(seen.origin)) for seen in record] if record else None
        told.append((call.via, call.ip, call.parent_ip, str(call.op), members))
    return told


def story(arch: Arch, variant: Variant, *, seed: int = 1, assembler: str | None = None) -> Recording:
    lab = make(arch, variant, seed=seed, assembler=assembler)
    register(lab, "probe", *(["SAVE_REGS"] if variant.regs else []))
    return lab.call(FUNCTION)


@each(DYNAMIC)
def test_the_same_seed_gives_the_same_recording(arch: Arch, variant: Variant) -> None:
    one, other = story(arch, variant, seed=7), story(arch, variant, seed=7)
    assert one.registers == other.registers
    assert one.raw == other.raw
    assert [hit.registers for hit in one.hits] == [hit.registers for hit in other.hits]
    assert [call.before for call in one.callbacks] == [call.before for call in other.callbacks]
    assert picture(one) == picture(other)


@each(DYNAMIC)
def test_another_seed_gives_other_values_and_the_same_picture(arch: Arch, variant: Variant) -> None:
    one, other = story(arch, variant, seed=1), story(arch, variant, seed=2)
    assert one.result != other.result
    assert picture(one) == picture(other)


@pytest.mark.gnu_as
@each(DYNAMIC)
def test_gnu_as_gives_the_same_picture(arch: Arch, variant: Variant) -> None:
    if reason := GnuAssembler().available(arch):
        pytest.skip(reason)
    one, other = story(arch, variant), story(arch, variant, assembler="gnu")
    assert picture(one) == picture(other)
    assert one.lab.image.memory.contents() == other.lab.image.memory.contents()


@pytest.mark.wheel
@pytest.mark.parametrize("name", catalog.names())
def test_the_newest_release_passes_its_op(name: str) -> None:
    lab = Lab(name)
    ops = register(lab, "probe")
    (call,) = lab.call(FUNCTION).callbacks
    assert call.op is ops
    assert call.ip == lab.record(FUNCTION).ip
