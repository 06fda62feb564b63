# SPDX-License-Identifier: GPL-2.0-only
"""Private copies, byte by byte as create_trampoline() of arch/x86/kernel/ftrace.c (6.12.117) makes them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator import catalog
from emulator.assembly.gnu import GnuAssembler
from emulator.core.ops import FtraceOps
from emulator.description import Entry
from emulator.errors import InputError
from emulator.lab import Lab
from emulator.recording import Call, RecordSeen

VARIANTS = ["6.12", "6.12-ibt", "6.12-fp", "6.12-ibt-fp"]
RET = bytes.fromhex("c3 cc cc cc cc")


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def register(lab: Lab, *flags: str, name: str = "probe", home: str = "core") -> FtraceOps:
    ops = FtraceOps(name, ignore, flags=flags, home=home)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    return ops


def entry_of(lab: Lab, ops: FtraceOps) -> Entry:
    entry = lab.variant.regs if "SAVE_REGS" in ops.flags else lab.variant.plain
    assert entry is not None
    return entry


def original(lab: Lab, entry: Entry) -> bytes:
    start, end = (lab.image.symbols.address(name) for name in (entry.symbol, entry.end or ""))
    return lab.image.memory.read(start, end - start)


@pytest.mark.parametrize("flags", [(), ("SAVE_REGS",)], ids=["plain", "regs"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_bytes_of_a_copy(variant: str, flags: tuple[str, ...]) -> None:
    """The code with three fields changed, a ret padded to five bytes, the address of the ops."""
    lab = Lab("x86_64", variant=variant)
    ops = register(lab, *flags)
    entry = entry_of(lab, ops)
    start, code = lab.image.symbols.address(entry.symbol), original(lab, entry)
    copy = lab.image.memory.read(ops.trampoline, ops.trampoline_size)
    slot = ops.trampoline + len(code) + len(RET)
    assert copy[len(code) :] == RET + ops.address.to_bytes(8, "little")

    expected = bytearray(code)
    call = lab.image.symbols.address(entry.call or "") - start
    expected[call : call + 5] = b"\xe8" + struct.pack("<i", ops.func_address - (ops.trampoline + call + 5))
    load = lab.image.symbols.address(entry.op_load or "") - start
    assert code[load : load + 3] == bytes.fromhex("48 8b 15")
    expected[load : load + 7] = bytes.fromhex("48 8b 15") + struct.pack("<i", slot - (ops.trampoline + load + 7))
    if entry.direct_jump:
        jump = lab.image.symbols.address(entry.direct_jump) - start
        assert code[jump] == 0x75
        expected[jump : jump + 2] = bytes.fromhex("66 90")
    assert copy[: len(code)] == bytes(expected)


def test_a_copy_of_its_own_for_each_ops_and_none_through_the_list() -> None:
    lab = Lab("x86_64")
    one, two = register(lab), register(lab, "SAVE_REGS", name="second")
    assert one.trampoline != two.trampoline
    assert lab.record("vfs_read").target == lab.image.symbols.address("ftrace_regs_caller")
    lab.unregister(two)
    assert lab.record("vfs_read").target == one.trampoline


def test_recursion_protection_is_called_through_the_copy() -> None:
    lab = Lab("x86_64")
    register(lab, "RECURSION")
    assert lab.call("vfs_read").callbacks[0].via == ("ftrace_trampoline[probe]", "ftrace_ops_assist_func", "probe")


def test_a_freed_copy_is_zeroed_and_keeps_its_name() -> None:
    lab = Lab("x86_64")
    ops = register(lab, home="module")
    address, size = ops.trampoline, ops.trampoline_size
    recording = lab.call("vfs_read")
    told = [str(seen.origin) for seen in record(recording.callbacks[0])]
    lab.unregister(ops)
    assert lab.image.memory.read(address, size) == bytes(size)
    assert lab.symbol(address + 4) == "ftrace_trampoline[probe]+0x4"
    lab.register(ops)
    assert ops.trampoline != address
    lab.unregister(ops)
    assert told == [str(seen.origin) for seen in record(recording.callbacks[0])]


def record(call: Call) -> RecordSeen:
    assert call.fregs is not None
    return call.fregs


def test_other_flags_at_the_next_registration_make_another_copy() -> None:
    lab = Lab("x86_64")
    ops = register(lab)
    lab.unregister(ops)
    ops.flags = frozenset({"SAVE_REGS"})
    lab.register(ops)
    (call,) = lab.call("vfs_read").callbacks
    assert call.regs is not None
    assert call.regs.populated == len(call.regs)


# -- what is relative to the instruction pointer -----------------------------------------------------------------------


LOAD = (
    "        mov     %r15, PT_r15(%rsp) ",
    "        mov     ftrace_graph_return(%rip), %r15\n        mov     %r15, PT_r15(%rsp) ",
)


def test_a_displacement_is_based_again(tampered: Callable[..., Lab]) -> None:
    """A load of another variable finds it from the copy, too."""
    lab = tampered("x86_64", "6.12", LOAD)
    register(lab, "SAVE_REGS")
    (call,) = lab.call("vfs_read").callbacks
    assert call.regs is not None
    assert call.regs["r15"].value == lab.address("ftrace_stub_graph")
    assert "the address ftrace_stub_graph" in str(call.regs["r15"].origin)


def test_a_jump_within_the_code_stays_within_the_copy(tampered: Callable[..., Lab]) -> None:
    lab = tampered("x86_64", "6.12", ("        mov     %r15, PT_r15(%rsp) ", "jmp 7f; nop; 7: mov %r15, PT_r15(%rsp) "))
    ops = register(lab, "SAVE_REGS")
    recording = lab.call("vfs_read")
    assert recording.shape is not None
    names = {function.name for pc in recording.shape.pcs if (function := lab.image.symbols.function(pc))}
    assert "ftrace_regs_caller" not in names
    assert lab.symbol(ops.trampoline) in names


@pytest.mark.gnu_as
@pytest.mark.parametrize(
    ("instruction", "shown"),
    [
        ("jmp return_to_handler_2", "jmp"),
        ("lea return_to_handler_2(%rip), %r15", r"leaq 0x[0-9a-f]+\(%rip\), %r15"),
        ("call return_to_handler_2", "callq"),
    ],
)
def test_what_an_assembler_has_resolved_and_leaves_the_code_cannot_be_copied(
    tmp_path: Path, instruction: str, shown: str
) -> None:
    """GNU as leaves no relocation for a local symbol of the same section."""
    arch = catalog.load("x86_64")
    if reason := GnuAssembler().available(arch):
        pytest.skip(reason)
    text = catalog.source_text(arch, "ftrace-6.12.S")
    text = text.replace(
        "        mov     %r15, PT_r15(%rsp) ", f"        {instruction}\n        mov %r15, PT_r15(%rsp) "
    )
    text += "\nreturn_to_handler_2:\n        ret\n"
    path = tmp_path / "f.S"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"ftrace_regs_caller\+0x\w+ \(.*f\.S:\d+\): {shown}.* leaves what is copied"):
        Lab("x86_64", source=path, assembler="gnu")
    lab = Lab("x86_64", source=path, assembler="keystone")  # which keeps a fixup for each of them
    register(lab, "SAVE_REGS")
    lab.run("vfs_read")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("LABEL ftrace_caller_op_ptr\n        mov ", "LABEL ftrace_caller_op_ptr\n        lea "),
         "no load of function_trace_op at ftrace_caller_op_ptr: expected 48 8b 15, found 48 8d 15"),
        (("        jnz     1f ", "        jz      1f "),
         "no jump at ftrace_regs_caller_jmp: expected 75, found 74"),
        (("LABEL ftrace_caller_end\n", ""), "lacks the label ftrace_caller_end"),
        (("FUNC ftrace_stub\n", "LABEL ftrace_caller_end\nFUNC ftrace_stub\n"), "ftrace_caller_end"),
    ],
)  # fmt: skip
def test_code_that_cannot_be_copied(edit: tuple[str, str], message: str, tampered: Callable[..., Lab]) -> None:
    with pytest.raises(InputError, match=message):
        tampered("x86_64", "6.12", edit)


def test_labels_out_of_order(tampered: Callable[..., Lab]) -> None:
    with pytest.raises(InputError, match="ftrace_caller_end must follow ftrace_caller in the same section"):
        tampered(
            "x86_64",
            "6.12",
            ("LABEL ftrace_caller_end\n", ""),
            ("FUNC ftrace_stub\n", "LABEL ftrace_caller_end\nFUNC ftrace_stub\n"),
        )
