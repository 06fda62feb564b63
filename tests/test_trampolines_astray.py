# SPDX-License-Identifier: GPL-2.0-only
"""Users' trampolines that go wrong: one clear message naming the thing and the place, and a kernel that still works."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from emulator.core.ops import FtraceOps
from emulator.errors import Fault, InputError, LimitReached, RunError, TrapReached, UsageError
from emulator.lab import Lab

VARIANTS = {"x86_64": "3.7-ops-no-regs", "arm": "3.7"}
FRAMES = {
    "x86_64": """
        .globl  ftrace_caller, ftrace_call
        .type   ftrace_caller, @function
ftrace_caller:
        {body}
        xor     %ecx, %ecx
ftrace_call:
        call    ftrace_stub
        ret
""",
    "arm": """
        .arm
        .globl  ftrace_caller, ftrace_call
        .type   ftrace_caller, %function
ftrace_caller:
        {body}
ftrace_call:
        bl      ftrace_stub
        ldr     pc, [sp], #4
""",
}
"""A trampoline that saves nothing, with room in front of its call."""

SAVE = {
    "x86_64": """
        push %rdi; push %rsi; push %rdx; push %rcx; push %rax; push %r8; push %r9
        mov 56(%rsp), %rdi; sub $5, %rdi; mov 64(%rsp), %rsi""",
    "arm": "push {r0-r3, lr}; sub r0, lr, #4; ldr r1, [sp, #20]",
}
RESTORE = {
    "x86_64": "pop %r9; pop %r8; pop %rax; pop %rcx; pop %rdx; pop %rsi; pop %rdi; ret",
    "arm": "pop {r0-r3, ip}; pop {lr}; bx ip",
}
"""What a trampoline needs around its call; goes into FRAMES in the place of its return."""

BODIES: list[tuple[str, str, str, type[RunError], str, str]] = [
    # what it does, architecture, body, how the run ends, what the message says, where
    ("jumps away", "x86_64", "mov $0x1234, %eax; jmp *%rax", Fault, "jump to unmapped memory .0x1234", "ftrace_caller"),
    ("jumps to a wild address", "x86_64", "jmp *%rbx", Fault, "unmapped|exception", "ftrace_caller"),
    ("never returns", "x86_64", "1: jmp 1b", LimitReached, "not back within 20000", "ftrace_caller"),
    ("reads nothing", "x86_64", "mov 0x10, %rax", Fault, "read of unmapped memory .0x10,", "ftrace_caller"),
    ("writes nothing", "x86_64", "mov %rax, 0x10", Fault, "write to unmapped memory .0x10,", "ftrace_caller"),
    ("writes code", "x86_64", "movq $0, ftrace_caller(%rip)", Fault, "write to protected memory", "ftrace_caller"),
    ("runs into data", "x86_64", ".long 0x06060606", Fault, "instruction|exception", "ftrace_caller"),
    (
        "jumps into data",
        "x86_64",
        "lea 1f(%rip), %rax; jmp *%rax; .data; 1: .quad 0; .text",
        Fault,
        "jump into data",
        "",
    ),
    ("runs ud2", "x86_64", "ud2", Fault, "instruction|exception", "ftrace_caller"),
    ("breaks", "x86_64", "int3", Fault, "exception 3", "ftrace_caller"),
    ("halts", "x86_64", "hlt", Fault, "halted|not back", "ftrace_caller"),
    ("overwrites a return address", "x86_64", "movq $0x1234, 8(%rsp)", Fault, "jump to unmapped memory .0x1234", ""),
    ("overwrites its own", "x86_64", "movq $0x1234, (%rsp)", Fault, "jump to unmapped memory .0x1234", "ftrace_call"),
    ("writes above the stack", "x86_64", "movq $0, 0x4000(%rsp)", Fault, "write to unmapped", "ftrace_caller"),
    ("pushes for ever", "x86_64", "1: push %rax; jmp 1b", Fault, "write to unmapped memory", "ftrace_caller"),
    ("recurses", "x86_64", "call vfs_read", Fault, "write to unmapped memory", ""),
    ("recurses on the same stack", "x86_64", "add $8, %rsp; jmp vfs_read", RunError, "", ""),
    ("calls C that is not there", "x86_64", "call some_c_function", TrapReached, "some_c_function", "ftrace_caller"),
    ("reads C that is not there", "x86_64", "mov %rax, some_variable(%rip)", Fault, "protected", "ftrace_caller"),
    ("loses its stack", "x86_64", "mov $0x10, %esp", Fault, "unmapped memory", ""),
    ("divides by zero", "x86_64", "xor %ecx, %ecx; div %ecx", Fault, "exception 0", "ftrace_caller"),
    ("makes a system call", "x86_64", "int $0x80", Fault, "exception 128", "ftrace_caller"),
    ("jumps away", "arm", "ldr r0, =0x1234; bx r0; .ltorg", Fault, "jump to unmapped memory .0x1234", "ftrace_caller"),
    ("never returns", "arm", "1: b 1b", LimitReached, "not back within 20000", "ftrace_caller"),
    ("reads nothing", "arm", "mov r0, #16; ldr r0, [r0]", Fault, "read of unmapped memory .0x10,", "ftrace_caller"),
    ("runs udf", "arm", ".word 0xe7f000f0", Fault, "instruction|exception", "ftrace_caller"),
    ("makes a system call", "arm", "svc #0", Fault, "exception", "ftrace_caller"),
    ("overwrites a return address", "arm", "str r0, [fp, #-4]", Fault, "unmapped|exception", ""),
    ("pushes for ever", "arm", "1: push {r0}; b 1b", Fault, "write to unmapped memory", "ftrace_caller"),
    ("recurses", "arm", "bl vfs_read", RunError, "", ""),
    ("recurses on the same stack", "arm", "add sp, sp, #4; b vfs_read", RunError, "", ""),
    ("calls C that is not there", "arm", "bl some_c_function", TrapReached, "some_c_function", "ftrace_caller"),
]
IDS = [f"{arch} {what}" for what, arch, *_ in BODIES]


def ignore(*_: object) -> None:
    """A callback that only lets itself be called."""


def register(lab: Lab, *flags: str) -> FtraceOps:
    ops = FtraceOps("probe", ignore, flags=flags)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    return ops


def user(folder: Path, arch: str, text: str, variant: str | None = None) -> Lab:
    path = folder / "user.S"
    path.write_text(text)
    return Lab(arch, variant=variant or VARIANTS[arch], source=path)


@pytest.mark.parametrize("trace", [True, False], ids=["traced", "untraced"])
@pytest.mark.parametrize(("_what", "arch", "body", "kind", "message", "where"), BODIES, ids=IDS)
def test_a_run_that_goes_wrong(
    _what: str, arch: str, body: str, kind: type[RunError], message: str, where: str, trace: bool, tmp_path: Path
) -> None:
    lab = user(tmp_path, arch, FRAMES[arch].format(body=body))
    ops = register(lab, "RECURSION_SAFE")
    with pytest.raises(kind if trace else RunError, match=message or None) as caught:
        lab.call("vfs_read", trace=trace)
    error = caught.value
    if trace:
        assert where in error.where
    recording = error.recording
    assert recording is not None
    assert lab.run("vfs_read", trace=trace).outcome is not None
    lab.unregister(ops)
    assert lab.call("vfs_read", trace=trace).result == Lab(arch, variant=VARIANTS[arch]).call("vfs_read").result


@pytest.mark.parametrize("arch", VARIANTS)
def test_a_message_names_the_line(arch: str, tmp_path: Path) -> None:
    trap = {"x86_64": "ud2", "arm": ".inst 0xe7f000f0"}[arch]
    lab = user(tmp_path, arch, FRAMES[arch].format(body="nop\n" + trap))
    register(lab, "RECURSION_SAFE")
    outcome = lab.run("vfs_read").outcome
    assert outcome is not None
    assert outcome.where.startswith(f"ftrace_caller+{ {'x86_64': '0x1', 'arm': '0x4'}[arch] } (")
    assert "user.S:" in str(outcome)


# -- what is missing, too large, or wrong before anything runs ---------------------------------------------------------


@pytest.mark.parametrize("arch", VARIANTS)
@pytest.mark.parametrize("label", ["ftrace_caller", "ftrace_call"])
def test_a_label_is_missing(arch: str, label: str, tmp_path: Path) -> None:
    text = FRAMES[arch].format(body="nop")
    text = text.replace(f"{label}:", f"{label}_2:").replace(", ftrace_call\n", "\n").replace("ftrace_caller\n", "x\n")
    text = "\n".join(line for line in text.splitlines() if not line.strip().startswith((".globl", ".type")))
    with pytest.raises(InputError, match=rf"user\.S: lacks the label {label}, which {VARIANTS[arch]} needs"):
        user(tmp_path, arch, text)


@pytest.mark.parametrize(
    ("arch", "instruction"),
    [("x86_64", "nop; nop; nop; nop; nop"), ("x86_64", "call *%rax; nop; nop; nop"), ("x86_64", "jmp ftrace_stub"),
     ("x86_64", ".byte 6, 6, 6, 6, 6"), ("arm", "nop"), ("arm", "b ftrace_stub"), ("arm", "blx r3")],
)  # fmt: skip
def test_the_label_is_on_another_instruction(arch: str, instruction: str, tmp_path: Path) -> None:
    text = FRAMES[arch].format(body="nop")
    call = {"x86_64": "call    ftrace_stub", "arm": "bl      ftrace_stub"}[arch]
    with pytest.raises(InputError, match=r"user\.S:\d+\): ftrace_call must be a (callq?|bl) of \d bytes; there is "):
        user(tmp_path, arch, text.replace(call, instruction))


@pytest.mark.parametrize("arch", VARIANTS)
def test_the_label_is_no_address_of_code(arch: str, tmp_path: Path) -> None:
    text = FRAMES[arch].format(body="nop").replace("ftrace_call:", "")
    with pytest.raises(InputError, match="ftrace_call is 0x5, which is not an address of code"):
        user(tmp_path, arch, text + "        .set ftrace_call, 5\n")
    with pytest.raises(InputError, match=r"ftrace_call is 0x[0-9a-f]+, which is not an address of code"):
        user(tmp_path, arch, text + "        .data\nftrace_call: .long 0\n")


@pytest.mark.parametrize("arch", VARIANTS)
@pytest.mark.parametrize("name", ["vfs_read", "function_trace_op", "ftrace_ops_list_func"])
def test_a_second_definition(arch: str, name: str, tmp_path: Path) -> None:
    text = FRAMES[arch].format(body="nop") + f"        .globl {name}\n{name}:\n        nop\n"
    with pytest.raises(InputError, match=f"defines {name}, which the kernel here has already"):
        user(tmp_path, arch, text)


@pytest.mark.parametrize("arch", VARIANTS)
def test_a_weak_definition_gives_way(arch: str, tmp_path: Path) -> None:
    text = FRAMES[arch].format(body="nop") + "        .weak function_trace_op\nfunction_trace_op:\n        nop\n"
    lab = user(tmp_path, arch, text)
    assert lab.image.data.base <= lab.image.symbols.address("function_trace_op") < lab.image.data.end


@pytest.mark.parametrize("arch", VARIANTS)
def test_a_source_of_a_megabyte(arch: str, tmp_path: Path) -> None:
    line = "// " + "x" * 96 + "\n"
    text = FRAMES[arch].format(body="nop")
    lab = user(tmp_path, arch, text + line * ((1 << 20) // len(line) - 20))
    assert lab.call("vfs_read").callbacks == []
    with pytest.raises(InputError, match="larger than 1048576 bytes"):
        user(tmp_path, arch, text + line * ((1 << 20) // len(line)))


@pytest.mark.parametrize("arch", VARIANTS)
def test_code_at_the_size_limit(arch: str, tmp_path: Path) -> None:
    """Twelve pages of text are left for a subject's own code."""
    room = 12 * 4096
    text = FRAMES[arch].format(body="nop").splitlines()

    def padded(size: int) -> str:
        return "\n".join([*text, "1:", f"        .fill {size}, 1, 0"])

    own = len(user(tmp_path, arch, padded(4)).subject.trampolines.sections[".text"].data) - 4
    assert user(tmp_path, arch, padded(room - own)).call("vfs_read").callbacks == []
    with pytest.raises(InputError, match=r"user\.S: the code does not fit into 65536 bytes of text"):
        user(tmp_path, arch, padded(room - own + 4))
    with pytest.raises(InputError, match=r"more than 16384 bytes of data"):
        user(tmp_path, arch, "\n".join([*text, "        .data", "        .fill 16385, 1, 0"]))


@pytest.mark.parametrize("arch", VARIANTS)
def test_too_many_undefined_functions(arch: str, tmp_path: Path) -> None:
    call = {"x86_64": "call", "arm": "bl"}[arch]
    text = FRAMES[arch].format(body="\n".join(f"        {call} function_{number}" for number in range(300)))
    with pytest.raises(InputError, match="no room for another function"):
        user(tmp_path, arch, text)


@pytest.mark.parametrize("arch", VARIANTS)
def test_data_of_its_own(arch: str, tmp_path: Path) -> None:
    """A counter in .data: each run finds it as it was assembled."""
    body = {
        "x86_64": "incl counter(%rip)",
        "arm": "ldr ip, =counter; str r4, [ip]; b 1f; .ltorg\n1:",
    }[arch]
    save = {"x86_64": "", "arm": ""}[arch]
    text = FRAMES[arch].format(body=save + body) + "        .data\n        .globl counter\ncounter: .long 7\n"
    lab = user(tmp_path, arch, text)
    register(lab, "RECURSION_SAFE")
    for _ in range(2):
        lab.run("vfs_read")
        changed = lab.image.memory.read_word(lab.image.symbols.address("counter"), 4)
        assert changed != 7
        assert arch == "arm" or changed == 8


@pytest.mark.parametrize("arch", VARIANTS)
def test_a_trampoline_without_a_stub_of_its_own_is_fine(arch: str, tmp_path: Path) -> None:
    text = FRAMES[arch].format(body=SAVE[arch]).splitlines()
    lab = user(tmp_path, arch, "\n".join([*text[:-1], RESTORE[arch], ""]))
    ops = FtraceOps("probe", ignore)
    lab.set_filter(ops, "vfs_read")
    lab.register(ops)
    (call,) = lab.call("vfs_read").callbacks
    assert call.ip == lab.record("vfs_read").ip
    assert lab.call("vfs_read").result == Lab(arch, variant=VARIANTS[arch]).call("vfs_read").result


# -- whatever anybody writes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arch", "body"),
    [
        ("x86_64", "mov %rax, %cr0"), ("x86_64", "mov %rax, %cr3"), ("x86_64", "mov %rax, %cr4"), ("x86_64", "wrmsr"),
        ("x86_64", "xor %ecx, %ecx; lidt (%rsp)"), ("x86_64", "swapgs"), ("x86_64", "mov %gs:0, %rax"),
        ("x86_64", "out %al, $0x80"), ("x86_64", "in $0x60, %al"), ("x86_64", "cli; std"), ("x86_64", "sysret"),
        ("x86_64", "iretq"), ("x86_64", "vmcall"), ("x86_64", "rep movsb"), ("x86_64", "cpuid; rdtsc"),
        ("x86_64", "mov %ax, %ss"), ("x86_64", "movups %xmm0, -64(%rsp)"), ("x86_64", "fldpi"), ("x86_64", "syscall"),
        ("arm", "mcr p15, 0, r0, c1, c0, 0"), ("arm", "cps #16"), ("arm", "wfi"), ("arm", "msr cpsr_c, #0x10"),
        ("arm", "bkpt #0"), ("arm", "smc #0"), ("arm", "setend be"), ("arm", "blx r4"), ("arm", "ldm r0, {r1-pc}"),
    ],
)  # fmt: skip
def test_strange_instructions_leave_the_next_kernel_alone(arch: str, body: str, tmp_path: Path) -> None:
    expected = Lab(arch).call("vfs_read").registers
    with contextlib.suppress(InputError):  # not every assembler knows every instruction
        lab = user(tmp_path, arch, FRAMES[arch].format(body=body))
        register(lab, "RECURSION_SAFE")
        for trace in (True, False):
            outcome = lab.run("vfs_read", trace=trace).outcome
            assert outcome is None or isinstance(outcome, RunError)
    for trace in (True, False):
        fresh = Lab(arch)
        register(fresh)
        assert len(fresh.call("vfs_read", trace=trace).callbacks) == 1
    assert Lab(arch).call("vfs_read").registers == expected


def test_an_ops_may_not_take_the_name_of_something_in_the_kernel() -> None:
    lab = Lab("x86_64")
    for name in ("vfs_read", "function_trace_op", "ftrace_ops_list"):
        with pytest.raises(UsageError, match="choose another name"):
            lab.register(FtraceOps(name, ignore))
    assert lab.call("vfs_read").callbacks == []


def test_no_such_source(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        Lab("x86_64", source=tmp_path / "nowhere.S")
