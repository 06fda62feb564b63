# SPDX-License-Identifier: GPL-2.0-only
"""Direct calls: a site that calls a trampoline of its user's own (register_ftrace_direct()).

Since 6.4 a direct ops names the functions; 6.1 has that as register_ftrace_direct_multi(), and for a single function a
call by address, behind which one direct_ops stands for all of them.
"""

from __future__ import annotations

import errno
from collections import Counter
from typing import TYPE_CHECKING

from emulator.core import addresses, filters, registration
from emulator.core.given import expect_address
from emulator.core.hashes import OpsHash
from emulator.core.ipmodify import update_ipmodify
from emulator.core.ops import FtraceOps, KernelOps, check_flags
from emulator.core.records import DynFtrace
from emulator.description import Ability
from emulator.errors import FtraceError, UsageError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace

CALLER = "call_direct_funcs"


class Direct:
    """The direct calls of a kernel."""

    def __init__(self, core: Ftrace) -> None:
        self._core = core
        self.direct_ops = KernelOps("direct_ops", CALLER, "DIRECT", "SAVE_REGS", "PERMANENT")
        self._stub_ops = KernelOps("stub_ops", "ftrace_stub")
        self._tmp_ops = KernelOps("tmp_ops", "ftrace_stub", "STUB")
        self._flags = frozenset({"DIRECT", "SAVE_REGS"} if core.with_regs else {"DIRECT"})
        """MULTI_FLAGS; SAVE_ARGS is nothing by itself."""
        self._users: Counter[int] = Counter()
        """6.1: {direct trampoline: functions that call it by register_ftrace_direct(ip)}."""

    def _must_exist(self, call: str) -> None:
        if Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS not in self._core.platform.abilities:
            raise FtraceError(errno.ENODEV, call, "this kernel has no DYNAMIC_FTRACE_WITH_DIRECT_CALLS")

    # -- by ops -------------------------------------------------------------------------------------------------------

    def register(self, ops: FtraceOps, address: int) -> None:
        """register_ftrace_direct(ops, addr), ..._multi() at 6.1. Raises FtraceError with the kernel's code."""
        call, core = "register_ftrace_direct", self._core
        self._must_exist(call)
        expect_address(call, address, core.platform.word)
        self._may_register(call, ops)
        busy = sorted(ops.filter_hash & core.direct_functions.keys())
        if busy:
            raise FtraceError(errno.EBUSY, call, f"{core.records[busy[0]].symbol} has a direct call already")
        core.settle(ops)
        core.direct_functions |= dict.fromkeys(ops.filter_hash, address)
        self._take_over(ops, address)
        try:
            registration.register_nolock(core, call, ops)
        except FtraceError:
            self._forget(ops, address)
            if not core.release.direct_by_address:  # 6.1 leaves func and trampoline, and so refuses a second try
                self._reset(ops)
            raise
        core.publish()

    def _may_register(self, call: str, ops: FtraceOps) -> None:
        check_flags(ops, self._core.release)
        if ops.func is not None or ops.trampoline:
            raise FtraceError(errno.EINVAL, call, f"{ops.name} has a func or a trampoline already")
        if ops.kernel is not self._core or not ops.has("INITIALIZED"):
            raise FtraceError(errno.EINVAL, call, f"{ops.name} is not INITIALIZED: set its filter first")
        if ops.has("ENABLED"):
            raise FtraceError(errno.EINVAL, call, f"{ops.name} is already registered (ENABLED)")
        if not ops.filter_hash:
            raise FtraceError(errno.EINVAL, call, f"{ops.name} names no function: its filter is empty")

    def _take_over(self, ops: FtraceOps, address: int) -> None:
        """func, flags and trampoline become the kernel's. With that trampoline no private copy is ever made."""
        ops.flags = self._flags
        ops.kernel_flags.discard("INITIALIZED")
        ops.func_address = self._core.platform.address(CALLER)
        ops.trampoline = addresses.ftrace_addr(self._core, regs=True)
        ops.direct_call = address

    def _forget(self, ops: FtraceOps, address: int) -> None:
        """remove_direct_functions_hash(): what calls something else by now stays."""
        for ip in ops.filter_hash:
            if self._core.direct_functions.get(ip) == address:
                del self._core.direct_functions[ip]

    def _reset(self, ops: FtraceOps) -> None:
        """Ready for another call. The flags stay overwritten."""
        ops.func_address = ops.trampoline = 0

    def modify(self, ops: FtraceOps, address: int) -> None:
        """modify_ftrace_direct(ops, addr): a stub on the same functions makes them go through the list meanwhile.

        Raises FtraceError with the kernel's code.
        """
        call, core, tmp = "modify_ftrace_direct", self._core, self._tmp_ops
        self._must_be_registered(call, ops)
        expect_address(call, address, core.platform.word)
        core.ops_init(tmp)
        core.settle(tmp)
        tmp.func_hash, tmp.direct_call = ops.func_hash, address
        registration.register_nolock(core, call, tmp)
        try:
            update_ipmodify(core, call, ops, ops.filter_hash, ops.filter_hash, retarget=True)
            core.direct_functions |= dict.fromkeys(ops.filter_hash & core.direct_functions.keys(), address)
            ops.direct_call = address
            core.publish()
        finally:
            registration.unregister(core, tmp)
            tmp.func_hash = tmp.local_hash

    def unregister(self, ops: FtraceOps, address: int, *, free_filters: bool = False) -> None:
        """unregister_ftrace_direct(ops, addr, free_filters). Raises FtraceError with the kernel's code."""
        call = "unregister_ftrace_direct"
        self._must_be_registered(call, ops)
        expect_address(call, address, self._core.platform.word)
        try:
            registration.unregister(self._core, ops)
        finally:
            self._forget(ops, address)
            self._reset(ops)
        if free_filters:
            ops.local_hash = ops.func_hash = OpsHash()

    def _must_be_registered(self, call: str, ops: FtraceOps) -> None:
        self._must_exist(call)
        if ops.kernel is not self._core or not ops.has("INITIALIZED") or not ops.flags >= self._flags:
            raise FtraceError(errno.EINVAL, call, f"{ops.name} makes no direct calls")
        if not ops.has("ENABLED"):
            raise FtraceError(errno.EINVAL, call, f"{ops.name} is not registered (not ENABLED)")

    # -- by address (6.1) ---------------------------------------------------------------------------------------------

    def register_ip(self, ip: int, address: int) -> None:
        """register_ftrace_direct(ip, addr) of 6.1. Raises FtraceError with the kernel's code."""
        call, core, ops = "register_ftrace_direct", self._core, self.direct_ops
        rec = self._record(call, ip)
        expect_address(call, address, core.platform.word)
        if rec.ip in core.direct_functions:
            raise FtraceError(errno.EBUSY, call, f"{rec.symbol} has a direct call already")
        core.ops_init(ops)
        if not ops.has("ENABLED"):
            core.settle(ops)
        core.direct_functions[rec.ip] = address
        try:
            core.set_filter_ip(ops, rec.ip)
            if not ops.has("ENABLED"):
                self._start(call, rec)
        except FtraceError:
            del core.direct_functions[rec.ip]
            raise
        self._users[address] += 1

    def _start(self, call: str, rec: DynFtrace) -> None:
        """The first direct call brings direct_ops with it."""
        core, ops = self._core, self.direct_ops
        ops.trampoline = addresses.ftrace_addr(core, regs=True)
        try:
            registration.register_nolock(core, call, ops)
        except FtraceError:
            if not core.disabled:
                core.set_filter_ip(ops, rec.ip, remove=True)
            raise

    def unregister_ip(self, ip: int, address: int) -> None:
        """unregister_ftrace_direct(ip, addr) of 6.1; `address` is only counted. Raises FtraceError."""
        call, core, ops = "unregister_ftrace_direct", self._core, self.direct_ops
        rec = self._called(call, ip)
        expect_address(call, address, core.platform.word)
        if rec.ip not in ops.filter_hash:  # the kernel notices too late, and loses the direct call of the other
            raise FtraceError(errno.ENOENT, call, f"the direct call of {rec.symbol} belongs to an ops")
        if len(ops.filter_hash) == 1:
            registration.unregister(core, ops)
        core.set_filter_ip(ops, rec.ip, remove=True)
        del core.direct_functions[rec.ip]
        if self._users[address]:
            self._users[address] -= 1

    def modify_ip(self, ip: int, old: int, new: int) -> None:
        """modify_ftrace_direct(ip, old, new) of 6.1. Raises FtraceError ENODEV, or EINVAL where `old` is not called."""
        call, core = "modify_ftrace_direct", self._core
        rec = self._called(call, ip)
        expect_address(call, old, core.platform.word)
        expect_address(call, new, core.platform.word)
        if core.direct_functions[rec.ip] != old:
            raise FtraceError(errno.EINVAL, call, f"{rec.symbol} does not call {old:#x}")
        if not self._users[old]:
            raise FtraceError(errno.EINVAL, call, f"{old:#x} is the direct trampoline of an ops, and not by address")
        self._users[old] -= 1
        self._users[new] += 1
        if rec.count(core.release.bits) == 1:
            self._switch(call, rec, new)
        else:
            core.direct_functions[rec.ip] = new

    def _switch(self, call: str, rec: DynFtrace, new: int) -> None:
        """ftrace_modify_direct_caller(): a stub beside it makes the function go through the list meanwhile."""
        core, stub = self._core, self._stub_ops
        core.ops_init(stub)
        core.settle(stub)
        core.set_filter_ip(stub, rec.ip)
        registration.register_nolock(core, call, stub)
        core.direct_functions[rec.ip] = new
        registration.unregister(core, stub)
        core.set_filter_ip(stub, rec.ip, remove=True)

    def _record(self, call: str, ip: int) -> DynFtrace:
        self._must_exist(call)
        if not self._core.release.direct_by_address:
            raise UsageError(f"release {self._core.release.name}: {call}() takes an ops, not an address")
        rec = filters.location(self._core, ip)
        if rec is None:
            raise FtraceError(errno.ENODEV, call, f"{ip:#x} is not the address of a site")
        return rec

    def _called(self, call: str, ip: int) -> DynFtrace:
        rec = self._record(call, ip)
        if rec.ip not in self._core.direct_functions:
            raise FtraceError(errno.ENODEV, call, f"{rec.symbol} has no direct call")
        return rec
