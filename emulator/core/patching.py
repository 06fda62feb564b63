# SPDX-License-Identifier: GPL-2.0-only
"""Making code do what the records and the choice of function ask for: which bytes change, and in which order."""

from __future__ import annotations

import enum
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emulator.core import choice
from emulator.core.addresses import addr_curr, addr_new
from emulator.core.platform import TextError
from emulator.core.records import DynFtrace, Update, check_record
from emulator.description import Ability
from emulator.errors import FtraceError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace


class Command(enum.Flag):
    """What ftrace_modify_all_code() is to do (FTRACE_* of kernel/trace/ftrace.c)."""

    NONE = 0
    UPDATE_CALLS = 1
    DISABLE_CALLS = 2
    UPDATE_TRACE_FUNC = 4
    START_FUNC_RET = 8
    STOP_FUNC_RET = 16


def startup_enable(core: Ftrace, call: str, command: Command) -> None:
    """ftrace_startup_enable(): patch if there is something to do, and if ftrace_enabled is 1. Raises FtraceError."""
    command |= new_trace_func(core)
    if command and core.enabled:
        run_update_code(core, call, command)


def new_trace_func(core: Ftrace) -> Command:
    """UPDATE_TRACE_FUNC where ftrace_trace_function is another one than at the last time."""
    if core.saved_func == core.trace_function:
        return Command.NONE
    core.saved_func = core.trace_function
    return Command.UPDATE_TRACE_FUNC


def run_update_code(core: Ftrace, call: str, command: Command) -> None:
    """ftrace_run_update_code(): 3.6's helper learns of its function only when all sites have been patched.

    Raises FtraceError ENODEV where patching failed. The kernel warns and kills ftrace then; of its calls only
    register_ftrace_function() of later releases says so itself, the others leave it to the next call.
    """
    with held_off(core):
        modify_all_code(core, command)
        if core.needs_helper:
            core.tell_helper(core.helped_function)
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


def modify_all_code(core: Ftrace, command: Command) -> None:
    """ftrace_modify_all_code(): sites, then labels, then the graph caller.

    Since 3.13 the labels call the list function while sites change, so that no site runs a callback meant for
    another; function_trace_op is written only when no trampoline can be using it, and never for the list function.
    """
    list_func = core.platform.address(choice.LIST_FUNC)
    update = Command.UPDATE_TRACE_FUNC in command
    try:
        if update and core.release.labels_go_through_list:
            update_ftrace_func(core, list_func)
        if command & (Command.UPDATE_CALLS | Command.DISABLE_CALLS):
            replace_code(core, enable=Command.UPDATE_CALLS in command)
        if update and core.release.labels_go_through_list and core.trace_function != list_func:
            choice.set_trace_op(core)
        if update:
            update_ftrace_func(core, core.trace_function)
        if command & (Command.START_FUNC_RET | Command.STOP_FUNC_RET):
            core.platform.switch_graph_caller(on=Command.START_FUNC_RET in command)
    except TextError as error:
        core.ftrace_bug(error)


def update_ftrace_func(core: Ftrace, func: int) -> None:
    """The labels call func (save_func). What they call already is not written again. Raises TextError."""
    if func != core.label_function:
        core.label_function = func
        core.platform.update_trace_func(func)


def replace_code(core: Ftrace, *, enable: bool) -> None:
    """ftrace_replace_code(): every site that differs; the first that cannot be patched is the last that is tried.

    That one kills ftrace, and nothing else: the labels, which come next, then call the stub. An architecture with a
    replace_code of its own looks at all sites before it writes the first.
    """
    records = [rec for rec in core.records.values() if not core.disabled]
    try:
        if Ability.ARCH_REPLACE_CODE in core.platform.abilities:
            for rec in records:
                verify_site(core, rec, enable=enable)
        for rec in records:
            replace_site(core, rec, enable=enable)
    except TextError as error:
        core.ftrace_bug(error)


def verify_site(core: Ftrace, rec: DynFtrace, *, enable: bool) -> None:
    """The first pass: does the site hold what it should? Raises TextError."""
    update = check_record(rec, core.release.bits, enable=enable).update
    if update is not Update.IGNORE:
        core.platform.verify(rec.ip, 0 if update is Update.MAKE_CALL else addr_curr(core, rec))


def replace_site(core: Ftrace, rec: DynFtrace, *, enable: bool) -> None:
    """__ftrace_replace_code(). Raises TextError."""
    old, target = addr_curr(core, rec), addr_new(core, rec)
    update, rec.flags = check_record(rec, core.release.bits, enable=enable)
    if update is not Update.IGNORE and core.call_ops:
        core.platform.set_site_ops(rec.ip, core.site_ops(rec).address)
    match update:
        case Update.MAKE_CALL:
            core.platform.make_call(rec.ip, target)
        case Update.MODIFY_CALL:
            core.platform.modify_call(rec.ip, old, target)
        case Update.MAKE_NOP:
            core.platform.make_nop(rec.ip, old)
            target = 0
        case Update.IGNORE:
            return
    rec.target = core.platform.callable(rec.ip, target) if target else 0
