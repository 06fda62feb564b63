# SPDX-License-Identifier: GPL-2.0-only
"""struct ftrace_ops registered and unregistered: the public calls of kernel/trace/ftrace.c and the order of their work."""

from __future__ import annotations

import errno
import fnmatch
from collections.abc import Callable, Iterable
from typing import Any

from emulator.core import dispatch
from emulator.core.ops import FtraceOps, check_flags
from emulator.core.platform import Platform, TextError
from emulator.core.records import DynFtrace, Update, add_reference, check_record, drop_reference
from emulator.core.recursion import Recursion
from emulator.core.release import Release
from emulator.description import Ability
from emulator.errors import FtraceError, UsageError

Deliver = Callable[[FtraceOps, int, int, Any, Any], None]


def _stub(*_: object) -> None:
    """ftrace_list_end's func."""


class Ftrace:
    """The core of one kernel: its ops, its records, and what its trampolines call.

    `records` are the sites, `deliver(ops, ip, parent_ip, op, record)` hands a call to the ops' Python function.
    """

    def __init__(self, release: Release, platform: Platform, records: Iterable[DynFtrace], deliver: Deliver) -> None:
        self.release = release
        self.platform = platform
        self.records = {rec.ip: rec for rec in records}
        self.deliver = deliver
        self.recursion = Recursion(release)
        self.ops: list[FtraceOps] = []
        """ftrace_ops_list, newest first."""
        self.list_end = FtraceOps("ftrace_list_end", _stub)
        self.enabled = True
        self.disabled = False
        self.function_trace_stop = False
        self._patched_func = 0
        """The function that the labels call now (saved_ftrace_func)."""
        platform.settle(self.list_end)
        self.trace_function, self.trace_op = dispatch.choose(self)
        self._publish()
        self._set_trace_function()
        self._patch_labels()

    # -- what the configuration can do --------------------------------------------------------------------------------

    @property
    def with_regs(self) -> bool:
        """CONFIG_DYNAMIC_FTRACE_WITH_REGS."""
        return Ability.DYNAMIC_FTRACE_WITH_REGS in self.platform.abilities

    @property
    def force_list(self) -> bool:
        """FTRACE_FORCE_LIST_FUNC."""
        needed = self.release.list_unless
        return self.platform.abilities & needed != needed

    # -- the calls of users -------------------------------------------------------------------------------------------

    def register(self, ops: FtraceOps) -> None:
        """register_ftrace_function(). Raises FtraceError with the kernel's code, UsageError for unknown flags."""
        call = "register_ftrace_function"
        self._refuse_if(self.disabled, errno.ENODEV, call, "ftrace was killed")
        self._refuse_if(ops in self.ops, errno.EBUSY, call, f"{ops.name} is already registered (ENABLED)")
        check_flags(ops, self.release)
        self._refuse_if(
            ops.has("SAVE_REGS") and not self.with_regs and not ops.has("SAVE_REGS_IF_SUPPORTED"),
            errno.EINVAL,
            call,
            f"{ops.name} wants SAVE_REGS, and this kernel has no DYNAMIC_FTRACE_WITH_REGS",
        )
        self.platform.settle(ops)
        self._add(ops)
        self._startup(ops, call)

    def unregister(self, ops: FtraceOps) -> None:
        """unregister_ftrace_function(). Raises FtraceError."""
        call = "unregister_ftrace_function"
        self._refuse_if(self.disabled, errno.ENODEV, call, "ftrace was killed")
        self._refuse_if(ops not in self.ops, errno.EBUSY, call, f"{ops.name} is not registered (not ENABLED)")
        self.ops.remove(ops)
        ops.kernel_flags.discard("ENABLED")
        self._update_trace_function()
        for rec in self._wanted_by(ops):
            drop_reference(rec, ops, self.release, self.ops)
        self._run_update(call)
        if ops.has("DYNAMIC"):
            self.platform.free_trampoline(ops)
        self._publish(ops)

    def set_filter(self, ops: FtraceOps, glob: str, *, reset: bool = False) -> None:
        """ftrace_set_filter(): add the functions that match, or take them away where the glob begins with '!'."""
        self._set_hash(ops, "filter_hash", self._matching("ftrace_set_filter", glob), glob, reset)

    def set_notrace(self, ops: FtraceOps, glob: str, *, reset: bool = False) -> None:
        """ftrace_set_notrace(): the functions that match are not for this ops."""
        self._set_hash(ops, "notrace_hash", self._matching("ftrace_set_notrace", glob), glob, reset)

    def set_filter_ip(self, ops: FtraceOps, ip: int, *, remove: bool = False, reset: bool = False) -> None:
        """ftrace_set_filter_ip(). Raises FtraceError: EINVAL where ip is no site, ENOENT where there is nothing to remove."""
        call = "ftrace_set_filter_ip"
        self._refuse_if(self.disabled, errno.ENODEV, call, "ftrace was killed")
        self._refuse_if(ip not in self.records, errno.EINVAL, call, f"{ip:#x} is not the address of a site")
        gone = remove and ip not in ops.filter_hash
        self._refuse_if(gone, errno.ENOENT, call, f"{ip:#x} is not in the filter of {ops.name}")
        self._set_hash(ops, "filter_hash", {ip}, "!" if remove else "", reset)

    def set_stop(self, stop: bool) -> None:
        """ftrace_stop() and ftrace_start(): write function_trace_stop. Raises UsageError where the release has none."""
        if not self.release.has_trace_stop:
            raise UsageError(f"release {self.release.name} has no function_trace_stop (gone since 3.17)")
        self.function_trace_stop = stop
        self.platform.set_variable("function_trace_stop", int(stop))

    # -- registration -------------------------------------------------------------------------------------------------

    def _add(self, ops: FtraceOps) -> None:
        """__register_ftrace_function(): onto the head of the list, so that callbacks run newest first."""
        if ops.home == "module":
            ops.kernel_flags.add("DYNAMIC")
        self.ops.insert(0, ops)
        if Ability.TRAMPOLINE_PER_OPS in self.platform.abilities:
            self.platform.update_trampoline(ops, dispatch.get_ops_func(self, ops))
        self._update_trace_function()

    def _startup(self, ops: FtraceOps, call: str) -> None:
        """ftrace_startup(): count the ops on its records, then patch."""
        ops.kernel_flags.add("ENABLED")
        for rec in self._wanted_by(ops):
            add_reference(rec, ops, self.release)
        self._publish(ops)
        self._run_update(call)

    def _wanted_by(self, ops: FtraceOps) -> list[DynFtrace]:
        return [rec for rec in self.records.values() if ops.wants(rec.ip)]

    def _refuse_if(self, refuse: bool, code: int, call: str, rule: str) -> None:
        if refuse:
            raise FtraceError(code, call, rule)

    # -- hashes -------------------------------------------------------------------------------------------------------

    def _matching(self, call: str, glob: str) -> set[int]:
        self._refuse_if(self.disabled, errno.ENODEV, call, "ftrace was killed")
        pattern = glob.removeprefix("!")
        found = {rec.ip for rec in self.records.values() if fnmatch.fnmatchcase(rec.symbol, pattern)}
        self._refuse_if(not found and bool(glob), errno.EINVAL, call, f"{glob!r} matches no traced function")
        return found

    def _set_hash(self, ops: FtraceOps, name: str, ips: set[int], glob: str, reset: bool) -> None:
        """Change a hash; of an enabled ops also the records: down over the old hash, up over the new one."""
        old: set[int] = set() if reset else getattr(ops, name)
        new = old - ips if glob.startswith("!") else old | ips
        if ops not in self.ops:
            setattr(ops, name, new)
            return
        others = [other for other in self.ops if other is not ops]
        for rec in self._wanted_by(ops):
            drop_reference(rec, ops, self.release, others)
        setattr(ops, name, new)
        for rec in self._wanted_by(ops):
            add_reference(rec, ops, self.release)
        self._run_update("ftrace_set_filter")

    # -- what trampolines call ----------------------------------------------------------------------------------------

    def _update_trace_function(self) -> None:
        """update_ftrace_function(): 6.12 leaves everything as it is where the function is the same as before."""
        func, op = dispatch.choose(self)
        if self.release.labels_go_through_list:
            if func == self.trace_function:
                return
            if func == self.platform.address("ftrace_ops_list_func"):
                op = self.trace_op
        self.trace_function, self.trace_op = func, op
        if not self.release.labels_go_through_list:
            self._set_trace_function()

    def _set_trace_function(self) -> None:
        """Write the variables that the chosen function stands in.

        3.6, on an architecture that does not test function_trace_stop itself: a helper is called instead, which
        tests it and then calls on through a second variable, which changes only after all sites have been patched.
        """
        self.platform.set_variable("function_trace_op", self.trace_op.address)
        self.platform.set_variable("ftrace_trace_function", self._label_target)

    @property
    def _helper_tests_stop(self) -> bool:
        tested = Ability.FUNCTION_TRACE_MCOUNT_TEST in self.platform.abilities or self.release.list_func_tests_stop
        return self.release.has_trace_stop and not tested

    @property
    def _label_target(self) -> int:
        """What the labels should call for `trace_function`."""
        if self._helper_tests_stop and self.ops:
            return self.platform.address("ftrace_test_stop_func")
        return self.trace_function

    # -- patching -----------------------------------------------------------------------------------------------------

    def _run_update(self, call: str) -> None:
        """ftrace_run_update_code(). A failure kills ftrace (ftrace_bug()). Raises FtraceError ENODEV then."""
        try:
            self._modify_all_code()
        except TextError as error:
            self.kill()
            raise FtraceError(errno.ENODEV, call, f"patching failed, ftrace was killed: {error}") from error

    def _modify_all_code(self) -> None:
        """ftrace_modify_all_code(): the labels call the list function while the sites change (since 3.13)."""
        changed = self._label_target != self._patched_func
        if self.release.labels_go_through_list and changed:
            self.platform.update_trace_func(self.platform.address("ftrace_ops_list_func"))
        for rec in self.records.values():
            self._replace(rec)
        if changed:
            self._set_trace_function()
            self._patch_labels()
        if self._helper_tests_stop:
            self.platform.set_variable("__ftrace_trace_function", self.trace_function)

    def _patch_labels(self) -> None:
        self._patched_func = self._label_target
        self.platform.update_trace_func(self._patched_func)

    def _replace(self, rec: DynFtrace) -> None:
        """__ftrace_replace_code() for one site."""
        update = check_record(rec, self.release.bits, enable=self.enabled)
        target = self._target(rec)
        match update:
            case Update.MAKE_CALL:
                self.platform.make_call(rec.ip, target)
            case Update.MODIFY_CALL:
                self.platform.modify_call(rec.ip, rec.target, target)
            case Update.MAKE_NOP:
                self.platform.make_nop(rec.ip, rec.target)
                target = 0
            case Update.IGNORE:
                return
        rec.target = target

    def _target(self, rec: DynFtrace) -> int:
        """ftrace_get_addr_new(): a private copy comes before ftrace_regs_caller, that before ftrace_caller."""
        bits = self.release.bits
        if rec.flags & bits.TRAMP:
            for ops in self.ops:
                if ops.trampoline and ops.wants(rec.ip):
                    return ops.trampoline
        regs = self.with_regs and rec.flags & bits.REGS  # without it FTRACE_REGS_ADDR is FTRACE_ADDR
        return self.platform.address("ftrace_regs_caller" if regs else "ftrace_caller")

    def kill(self) -> None:
        """ftrace_kill(): nothing is called any more, and every later request is refused."""
        self.disabled, self.enabled = True, False
        self.platform.set_variable("ftrace_trace_function", self.platform.address("ftrace_stub"))

    def _publish(self, *also: FtraceOps) -> None:
        """Write the structs as the list now links them."""
        following = [*self.ops[1:], self.list_end]
        for ops, after in zip(self.ops, following, strict=False):
            self.platform.publish(ops, after)
        for ops in (self.list_end, *also):
            if ops not in self.ops:
                self.platform.publish(ops, self.list_end)
