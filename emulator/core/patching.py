# SPDX-License-Identifier: GPL-2.0-only
"""Making code do what the records and the choice of function ask for: which bytes change, and in which order."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emulator.core import dispatch
from emulator.core.platform import TextError
from emulator.core.records import DynFtrace, Update, check_record
from emulator.errors import FtraceError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace


def run_update_code(core: Ftrace, call: str) -> None:
    """ftrace_run_update_code(): 3.6's helper learns of its function only when all sites have been patched.

    Raises FtraceError ENODEV where patching failed. The kernel warns and kills ftrace then; of its calls only
    register_ftrace_function() of later releases says so itself, the others leave it to the next call.
    """
    with held_off(core):
        modify_all_code(core)
        if core.needs_helper:
            core.platform.set_variable("__ftrace_trace_function", core.helped_function)
    if core.bug:
        raise FtraceError(errno.ENODEV, call, f"patching failed, ftrace was killed: {core.bug}") from core.bug


@contextmanager
def held_off(core: Ftrace) -> Iterator[None]:
    """No callback runs while code is changed: function_trace_stop is raised meanwhile (up to 3.16)."""
    core.add_to_stop(1)
    try:
        yield
    finally:
        core.add_to_stop(-1)


def modify_all_code(core: Ftrace) -> None:
    """ftrace_modify_all_code(): sites, then labels.

    Since 3.13 the labels call the list function while sites change, so that no site runs a callback meant for
    another; function_trace_op is written only when no trampoline can be using it, and never for the list function.
    """
    list_func = core.platform.address(dispatch.LIST_FUNC)
    update = core.trace_function != core.label_function
    if update and core.release.labels_go_through_list:
        update_labels(core, list_func)
    replace_code(core)
    if update and core.release.labels_go_through_list and core.trace_function != list_func:
        dispatch.set_trace_op(core)
    if update:
        update_labels(core, core.trace_function)


def update_labels(core: Ftrace, func: int) -> None:
    """update_ftrace_func(): the labels call func. What they call already is not written again."""
    if func == core.label_function:
        return
    core.label_function = func
    try:
        core.platform.update_trace_func(func)
    except TextError as error:
        core.ftrace_bug(error)


def replace_code(core: Ftrace) -> None:
    """ftrace_replace_code(): every site that differs; the first that cannot be patched is the last that is tried."""
    try:
        for rec in core.records.values():
            replace_site(core, rec)
    except TextError as error:
        core.ftrace_bug(error)


def replace_site(core: Ftrace, rec: DynFtrace) -> None:
    """__ftrace_replace_code()."""
    update = check_record(rec, core.release.bits)
    target = addr_new(core, rec)
    match update:
        case Update.MAKE_CALL:
            core.platform.make_call(rec.ip, target)
        case Update.MODIFY_CALL:
            core.platform.modify_call(rec.ip, rec.target, target)
        case Update.MAKE_NOP:
            core.platform.make_nop(rec.ip, rec.target)
            target = 0
        case Update.IGNORE:
            return
    rec.target = target


def addr_new(core: Ftrace, rec: DynFtrace) -> int:
    """ftrace_get_addr_new(): a private copy comes before ftrace_regs_caller, and that before ftrace_caller.

    Without DYNAMIC_FTRACE_WITH_REGS, FTRACE_REGS_ADDR is FTRACE_ADDR.
    """
    bits = core.release.bits
    if rec.flags & bits.TRAMP:
        return next(ops.trampoline for ops in core.ops if ops.wants(rec.ip))
    regs = rec.flags & bits.REGS and core.with_regs
    return core.platform.address("ftrace_regs_caller" if regs else "ftrace_caller")
