# SPDX-License-Identifier: GPL-2.0-only
"""register_ftrace_function() and unregister_ftrace_function(), down to the lists: kernel/trace/ftrace.c."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.core import choice
from emulator.core.filters import rec_disable, rec_enable
from emulator.core.given import expect
from emulator.core.ipmodify import cleanup_direct_functions, ipmodify_disable, ipmodify_enable, prepare_direct_functions
from emulator.core.ops import FtraceOps, check_filters, check_flags
from emulator.core.patching import Command, new_trace_func, run_update_code, startup_enable
from emulator.core.refusals import may_register, may_unregister, must_live
from emulator.errors import FtraceError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace


def register(core: Ftrace, ops: FtraceOps) -> None:
    """register_ftrace_function(). Raises FtraceError with the kernel's code, UsageError for unfit flags."""
    call = "register_ftrace_function"
    expect(call, ops, FtraceOps, "an FtraceOps")
    check_flags(ops, core.release)
    check_filters(ops, core)
    ops.enter(core)
    if not ops.has("ENABLED"):
        core.settle(ops)
    prepare_direct_functions(core, call, ops)
    register_nolock(core, call, ops)


def register_nolock(core: Ftrace, call: str, ops: FtraceOps) -> None:
    """register_ftrace_function_nolock(). Raises FtraceError."""
    core.ops_init(ops)
    startup(core, call, ops)


def unregister(core: Ftrace, ops: FtraceOps) -> None:
    """unregister_ftrace_function(). Raises FtraceError with the kernel's code."""
    call = "unregister_ftrace_function"
    expect(call, ops, FtraceOps, "an FtraceOps")
    try:
        shutdown(core, call, ops)
    finally:
        cleanup_direct_functions(core, ops)


# -- one ops more -----------------------------------------------------------------------------------------------------


def startup(core: Ftrace, call: str, ops: FtraceOps, command: Command = Command.NONE) -> None:
    """ftrace_startup(). Raises FtraceError: ADDING stays where IPMODIFY is refused, as the kernel leaves it."""
    may_register(core, call, ops)
    add_to_lists(core, ops)
    core.publish()  # code that is patched for it may run at once, and look into it
    counted = start_counting(core, ops)
    if core.dynamic:
        try:
            ipmodify_enable(core, call, counted)
        except FtraceError:
            _take_back(core, ops)
            raise
        _patch_for(core, call, ops, counted, command)
    core.publish()


def _patch_for(core: Ftrace, call: str, ops: FtraceOps, counted: FtraceOps, command: Command) -> None:
    """Count it on its records, and change the code. Where that fails it is taken off the list, and nothing else."""
    changes = core.is_first(ops) and rec_enable(core, counted)
    if changes or not core.release.patches_only_changes:
        command |= Command.UPDATE_CALLS
    try:
        must_live(core, call)
        startup_enable(core, call, command)
    except FtraceError:
        remove_from_lists(core, ops)
        ops.kernel_flags.discard("ENABLED")
        raise
    counted.kernel_flags.discard("ADDING")


def start_counting(core: Ftrace, ops: FtraceOps) -> FtraceOps:
    """The ops that counts on records, ENABLED from now on: itself, or global_ops for all GLOBAL ones together."""
    counted = ops
    if ops.has("GLOBAL"):
        counted = core.global_ops
        core.global_users += 1
    core.start_up += 1
    counted.kernel_flags |= {"ENABLED"} | ({"ADDING"} & core.release.flags.keys() if core.dynamic else set())
    return counted


def _take_back(core: Ftrace, ops: FtraceOps) -> None:
    core.start_up -= 1
    remove_from_lists(core, ops)
    ops.kernel_flags.discard("ENABLED")
    if ops.has("DYNAMIC"):
        core.platform.free_trampoline(ops)
    core.publish(ops)


def add_to_lists(core: Ftrace, ops: FtraceOps) -> None:
    """__register_ftrace_function(): onto the head of its list, so that callbacks run newest first."""
    # Contrary to its name: set where regs are not supported, and of no effect where they are.
    if ops.has("SAVE_REGS_IF_SUPPORTED") and not core.with_regs:
        ops.kernel_flags.add("SAVE_REGS")
    if ops.home == "module":
        ops.kernel_flags.add("DYNAMIC")
    if core.has_shared_lists and ops.has("GLOBAL"):
        _add(core, core.global_list, core.global_ops, ops)
        ops.kernel_flags.add("ENABLED")
    elif core.has_shared_lists and ops.has("CONTROL"):
        ops.disabled = 1
        _add(core, core.control_list, core.control_ops, ops)
    else:
        core.ops.insert(0, ops)
    ops.saved_func = ops.func_address
    if not core.has_shared_lists:
        choice.swap_for_pids(core, ops)
    core.update_trampoline(ops)
    if core.enabled:
        choice.update_ftrace_function(core)


def _add(core: Ftrace, shared: list[FtraceOps], main: FtraceOps, ops: FtraceOps) -> None:
    """add_ftrace_list_ops(): the ops that stands for all of them is on the list as long as there is one."""
    shared.insert(0, ops)
    if len(shared) == 1:
        core.ops.insert(0, main)


def startup_global(core: Ftrace, call: str, command: Command) -> None:
    """3.x: ftrace_startup(&global_ops): the graph tracer counts on records, and is on no list. Raises FtraceError."""
    core.global_ops.kernel_flags.add("ENABLED")
    if core.dynamic:
        core.start_up += 1
        rec_enable(core, core.global_ops)
        startup_enable(core, call, command | Command.UPDATE_CALLS)


def shutdown_global(core: Ftrace, call: str, command: Command) -> None:
    """3.x: ftrace_shutdown(&global_ops). Raises FtraceError.

    The last GLOBAL ops to go has taken ENABLED from global_ops, whoever else uses it. Then nothing is counted down
    here: the functions of a graph tracer that was there before it, and goes after it, stay enabled.
    """
    if not core.dynamic:
        return
    core.start_up -= 1
    if core.global_ops.has("ENABLED"):
        rec_disable(core, core.global_ops)
    if not core.global_users:
        core.global_ops.kernel_flags.discard("ENABLED")
    if core.enabled:
        run_update_code(core, call, command | Command.UPDATE_CALLS | new_trace_func(core))


# -- one ops less -----------------------------------------------------------------------------------------------------


def shutdown(core: Ftrace, call: str, ops: FtraceOps, command: Command = Command.NONE) -> None:
    """ftrace_shutdown(). Raises FtraceError."""
    may_unregister(core, call, ops)
    remove_from_lists(core, ops)
    if core.dynamic:
        _unpatch_for(core, call, ops, command)
    elif not core.release.static_stays_enabled or ops.has("GLOBAL"):
        ops.kernel_flags.discard("ENABLED")
    core.publish(ops)


def _unpatch_for(core: Ftrace, call: str, ops: FtraceOps, command: Command) -> None:
    counted, last = stop_counting(core, ops)
    ipmodify_disable(core, counted)
    changes = last and rec_disable(core, counted)
    ops.kernel_flags.discard("ENABLED")
    if last and counted is not ops:
        counted.kernel_flags.discard("ENABLED")
    if changes or not core.release.patches_only_changes:
        command |= Command.UPDATE_CALLS
    command |= new_trace_func(core)
    try:
        if command and core.enabled:
            _run_while_removing(core, call, counted, command)
    finally:
        if ops.has("DYNAMIC"):  # even where its site could not be patched, and still goes there
            core.platform.free_trampoline(ops)


def stop_counting(core: Ftrace, ops: FtraceOps) -> tuple[FtraceOps, bool]:
    """The ops that counts on records, and whether it stops now."""
    core.start_up -= 1
    if not ops.has("GLOBAL"):
        return ops, True
    core.global_users -= 1
    return core.global_ops, not core.global_users


def _run_while_removing(core: Ftrace, call: str, ops: FtraceOps, command: Command) -> None:
    """The sites that called its private trampoline are found by its old hash, for it is on no list any more."""
    removing = {"REMOVING"} & core.release.flags.keys()
    ops.kernel_flags |= removing
    core.removed_ops, ops.old_hash = ops, ops.func_hash.copy()
    try:
        run_update_code(core, call, command)
        _expect_clean(core)
    finally:
        core.removed_ops, ops.old_hash = None, None
        ops.kernel_flags -= removing


def _expect_clean(core: Ftrace) -> None:
    """When the last ops has gone no record may want anything (6.x)."""
    if core.ops or core.has_shared_lists:
        return
    for rec in core.records.values():
        if rec.flags & ~core.release.bits.kept:
            core.ftrace_warn(f"nobody traces {rec.symbol}, and its flags are {rec.flags:#x}")


def remove_from_lists(core: Ftrace, ops: FtraceOps) -> None:
    """__unregister_ftrace_function()."""
    if ops in core.global_list:
        _remove(core, core.global_list, core.global_ops, ops)
    elif ops in core.control_list:
        _remove(core, core.control_list, core.control_ops, ops)
    else:
        core.ops.remove(ops)
    if core.enabled:
        choice.update_ftrace_function(core)
    ops.func_address = ops.saved_func


def _remove(core: Ftrace, shared: list[FtraceOps], main: FtraceOps, ops: FtraceOps) -> None:
    """remove_ftrace_list_ops()."""
    shared.remove(ops)
    if not shared:
        core.ops.remove(main)
