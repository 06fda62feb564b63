# SPDX-License-Identifier: GPL-2.0-only
"""What the core asks of the architecture's code and of memory. The image's patcher is one; tests bring a plain one."""

from __future__ import annotations

from typing import Protocol

from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.errors import EmulatorError


class TextError(EmulatorError):
    """Text was not what the kernel expected, or could not be written: `code` is EFAULT, EINVAL or EPERM."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


class Platform(Protocol):
    """The seam below the core. Addresses are those of the emulated kernel; text errors are TextError."""

    @property
    def abilities(self) -> Ability:
        """What this configuration of the architecture can do."""

    @property
    def insn_size(self) -> int:
        """MCOUNT_INSN_SIZE: bytes of a site's call."""

    @property
    def word(self) -> int:
        """sizeof(long), in bytes."""

    @property
    def graph_is_ops(self) -> bool:
        """The architecture has ftrace_graph_func(): the graph tracer is an ordinary ops there."""

    @property
    def graph_finds_frames(self) -> bool:
        """It keeps the frame pointer for unwinders, and not where the return address was."""

    @property
    def graph_beside_func(self) -> bool:
        """Static mcount goes to the graph tracer behind ftrace_trace_function too, and not only in its place."""

    @property
    def graph_trampoline(self) -> int:
        """FTRACE_GRAPH_TRAMP_ADDR: what sites call that only the graph tracer wants; 0 where it has no such thing."""

    def address(self, symbol: str) -> int:
        """Where a function or a trampoline of the kernel is."""

    def function(self, symbol: str) -> int:
        """Where a C function is that nothing calls; an address is made for it when it is first asked for."""

    def read_word(self, address: int) -> int:
        """The word at an address on a stack. Raises Fault where there is no stack."""

    def write_word(self, address: int, value: int) -> None:
        """Change it. Raises Fault where there is no stack."""

    def settle(self, ops: FtraceOps) -> None:
        """Give the ops a struct in memory and its func an address, once."""

    def publish(self, ops: FtraceOps, following: FtraceOps) -> None:
        """Write the ops' struct: func, next, flags, trampoline."""

    def set_variable(self, name: str, value: int) -> None:
        """Write one of the kernel's variables; one that this configuration's code never reads may be missing."""

    def verify(self, ip: int, old: int) -> None:
        """Does the site at ip call `old`, or, with 0, is it disabled? TextError where not."""

    def callable(self, ip: int, target: int) -> int:
        """ftrace_find_callable_addr(): what the site at ip has to call to get to target."""

    def set_site_ops(self, ip: int, ops: int) -> None:
        """ftrace_rec_set_ops(): the pointer of the site at ip leads to the ops at an address (CALL_OPS)."""

    def make_call(self, ip: int, target: int) -> None:
        """ftrace_make_call(): the disabled site at ip begins to call target."""

    def modify_call(self, ip: int, old: int, target: int) -> None:
        """ftrace_modify_call(): the site at ip, which calls old, begins to call target."""

    def make_nop(self, ip: int, old: int) -> None:
        """ftrace_make_nop(): the site at ip, which calls old, is disabled."""

    def update_trace_func(self, func: int) -> None:
        """ftrace_update_ftrace_func(): the labels ftrace_call and ftrace_regs_call begin to call func."""

    def switch_graph_caller(self, *, on: bool) -> None:
        """ftrace_enable_ftrace_graph_caller(), ftrace_disable_...: where a trampoline calls prepare_ftrace_return()."""

    def update_trampoline(self, ops: FtraceOps, func: int) -> None:
        """arch_ftrace_update_trampoline(): make the ops' private copy, or point an existing one to func."""

    def free_trampoline(self, ops: FtraceOps) -> None:
        """arch_ftrace_trampoline_free()."""
