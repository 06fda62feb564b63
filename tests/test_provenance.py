# SPDX-License-Identifier: GPL-2.0-only
"""Origins: asked for inside a callback, long afterwards, without a trace, of several callbacks, in odd situations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.errors import UsageError
from emulator.lab import Lab
from emulator.provenance import Status
from emulator.recording import Recording, RecordSeen

NEWEST = list(catalog.names())


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def register(lab: Lab, func: Any = ignore, *flags: str, name: str = "probe", home: str = "core") -> FtraceOps:
    ops = FtraceOps(name, func, flags=flags if lab.variant.regs else (), home=home)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    return ops


def record(recording: Recording, number: int = 0) -> RecordSeen:
    call = recording.callbacks[number]
    found = call.regs or call.fregs
    assert found is not None
    return found


def told(found: RecordSeen) -> list[tuple[str, int, Status, str, tuple[Any, ...]]]:
    return [(seen.member.name, seen.value, seen.status, str(seen.origin), seen.bytes) for seen in found]


@pytest.mark.parametrize("trace", [True, False], ids=["traced", "untraced"])
@pytest.mark.parametrize("arch", NEWEST)
def test_origins_can_be_asked_for_without_a_trace(arch: str, trace: bool) -> None:
    lab = Lab(arch)
    register(lab, ignore, "SAVE_REGS")
    assert told(record(lab.call("vfs_read", trace=trace))) == told(record(lab.call("vfs_read")))


@pytest.mark.parametrize("arch", NEWEST)
def test_inside_a_callback_there_is_a_clear_error_and_the_run_goes_on(arch: str) -> None:
    lab = Lab(arch)
    caught: list[str] = []

    def ask(_ip: int, _parent_ip: int, _op: FtraceOps, _regs: Any) -> None:
        arrival = lab._arrival
        assert arrival is not None
        seen = record(arrival.recording, -1)
        for question in (lambda: seen["sp"].origin, lambda: seen.honoured("sp"), lambda: seen.populated):
            try:
                question()
            except UsageError as error:
                caught.append(str(error))

    register(lab, ask, "SAVE_REGS")
    recording = lab.call("vfs_read")
    assert len(caught) == 3
    assert all("found by replays: ask for them when the call has returned" in message for message in caught)
    assert recording.result == Lab(arch).call("vfs_read").result
    assert record(recording)["sp"].status in (Status.TRUE, Status.DERIVED)


def everything(lab: Lab) -> tuple[Any, ...]:
    """What asking for origins must not touch."""
    memory = lab.image.memory
    return (
        memory.contents(),
        bytes(lab.image.stack.data),
        [(rec.flags, rec.target) for rec in lab.core.records.values()],
        list(lab.core.ops),
        lab.current.trace_recursion,
        lab.fregs,
    )


@pytest.mark.parametrize("arch", NEWEST)
def test_the_answers_are_the_same_long_after(arch: str) -> None:
    """With other ops registered, the copy freed and the labels pointing elsewhere."""
    calls: list[int] = []
    lab, same = Lab(arch), Lab(arch)
    late: list[tuple[Recording, FtraceOps]] = []
    at_once: list[tuple[Recording, FtraceOps]] = []
    for one, into in ((lab, late), (same, at_once)):
        ops = register(one, lambda *_: calls.append(1), "SAVE_REGS", home="module")
        recording = one.call("vfs_read")
        into.append((recording, ops))
    expected = told(record(at_once[0][0]))
    honoured = {name: record(at_once[0][0]).honoured(name) for name, *_ in expected}

    recording, ops = late[0]
    register(lab, ignore, name="second")
    lab.unregister(ops)
    third = register(lab, ignore, "SAVE_REGS", name="third")
    lab.unregister(third)
    lab.call("vfs_write")
    before = everything(lab)
    assert told(record(recording)) == expected
    assert {name: record(recording).honoured(name) for name, *_ in expected} == honoured
    assert everything(lab) == before
    assert len(calls) == 2
    assert [call.ops.name for call in lab.call("vfs_read").callbacks] == ["second"]


def test_what_an_earlier_callback_wrote_is_said_to_be_its() -> None:
    lab = Lab("x86_64")

    def write(_ip: int, _parent_ip: int, _op: FtraceOps, regs: Any) -> None:
        regs.ax = regs.ax ^ 0xFF

    register(lab, ignore, "SAVE_REGS", name="last")
    register(lab, write, "SAVE_REGS", name="first")
    recording = lab.call("vfs_read")
    first, last = record(recording), record(recording, 1)
    assert first["ax"].status is Status.TRUE
    assert last["ax"].status is Status.CALLBACK
    assert last["ax"].value == first["ax"].value ^ 0xFF
    assert "".join(byte.status.value for byte in last["ax"].bytes) == "*======="
    assert str(last["ax"].origin) == "written by an earlier callback"
    assert last["bx"] == first["bx"]


def test_a_write_of_the_callback_itself_does_not_show_in_what_it_saw() -> None:
    lab = Lab("x86_64")

    def write(_ip: int, _parent_ip: int, _op: FtraceOps, regs: Any) -> None:
        regs.ax = 0

    register(lab, write, "SAVE_REGS")
    recording = lab.call("vfs_read")
    assert record(recording)["ax"].status is Status.TRUE
    call = recording.callbacks[0]
    assert call.before != call.after


TWICE = (
    "LABEL ftrace_regs_call\n        call    ftrace_stub ",
    """LABEL ftrace_regs_call
        call    ftrace_stub
        mov     PT_ip(%rsp), %rdi
        sub     $MCOUNT_INSN_SIZE, %rdi
        mov     %rsp, %rcx
        call    probe_2
        // """,
)


def test_a_trampoline_may_call_twice(tampered: Callable[..., Lab]) -> None:
    """The second arrival finds what the first callback wrote, and the rest as the trampoline filled it."""
    lab = tampered(
        "x86_64",
        "6.12",
        TWICE,
        ("FUNC ftrace_stub\n", ".globl probe_2\nprobe_2: jmp ftrace_ops_list_func\nFUNC ftrace_stub\n"),
    )

    def write(_ip: int, _parent_ip: int, _op: FtraceOps, regs: Any) -> None:
        regs.bx = 0x1111

    register(lab, write, "SAVE_REGS")
    recording = lab.call("vfs_read")
    assert len(recording.callbacks) == 2
    second = record(recording, 1)
    assert second.provenance.certain
    assert second["bx"].value == 0x1111
    assert "0x" in str(second["bx"].origin)
    assert {seen.status for seen in second if seen.member.name != "bx"} == {
        Status.TRUE,
        Status.CONSTANT,
        Status.DERIVED,
    }


def test_code_that_depends_on_its_input_is_not_called_constant(tampered: Callable[..., Lab]) -> None:
    """Where the replays do not get to the callback, nothing but promised values is recognised."""
    skip = "        mov     %r15, PT_r15(%rsp) "
    lab = tampered("x86_64", "6.12", (skip, "mov $7, %r15d; movl $0x30021310, PT_ss(%rsp);" + skip.strip() + " "))
    register(lab, ignore, "SAVE_REGS")
    seen = record(lab.call("vfs_read"))["r15"]
    assert seen.status is Status.WRONG
    assert "the constant 0x7" in str(seen.origin)

    value = Lab("x86_64").call("vfs_read").hit
    r15 = value.lab.layout.get(value.registers, "r15")
    guard = f"movabs ${r15:#x}, %rcx; cmp %rcx, %r15; je 9f; ud2; 9: mov $7, %r15d; mov %r15, PT_r15(%rsp) "
    lab = tampered("x86_64", "6.12", (skip, guard))
    register(lab, ignore, "SAVE_REGS")
    found = record(lab.call("vfs_read"))
    assert not found.provenance.certain
    assert found["r15"].status is Status.WRONG
    assert "not to be told" in str(found["r15"].origin)
    assert found["r14"].status is Status.TRUE


def test_the_same_record_is_looked_into_once() -> None:
    lab = Lab("x86_64")
    register(lab, ignore, "SAVE_REGS")
    register(lab, ignore, "SAVE_REGS", name="second")
    recording = lab.call("vfs_read")
    first, second = record(recording), record(recording, 1)
    assert first.provenance is second.provenance
    assert first["ax"] is first["ax"]


def test_a_call_from_nowhere_has_no_origins() -> None:
    lab = Lab("x86_64")
    register(lab, ignore, "SAVE_REGS")
    recording = lab.call("vfs_read")
    call = recording.callbacks[0]
    call.arrival.hit = None
    with pytest.raises(UsageError, match="was not called from the site of a traced function"):
        _ = record(recording)["ax"]


@pytest.mark.parametrize("arch", NEWEST)
def test_every_byte_has_a_value_a_status_and_an_origin(arch: str) -> None:
    lab = Lab(arch)
    register(lab, ignore, "SAVE_REGS")
    found = record(lab.call("vfs_read"))
    for seen in found:
        assert int.from_bytes(bytes(byte.value for byte in seen.bytes), "little") == seen.value
        assert seen.status is Status.WRONG or {byte.status for byte in seen.bytes} == {seen.status}
        for index, byte in enumerate(seen.bytes):
            if seen.status is Status.TRUE and "register" in seen.origin.what:
                assert byte.origin.what.startswith(f"byte {index} of register")


def test_statuses_have_meanings() -> None:
    assert len({status.meaning for status in Status}) == len(Status)
    assert len({status.value for status in Status}) == len(Status)
    assert all(len(status.value) == 1 for status in Status)
