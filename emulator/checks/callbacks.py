# SPDX-License-Identifier: GPL-2.0-only
"""C: who is called, and what a callback receives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from emulator.checks.clause import clause
from emulator.checks.finding import Violation
from emulator.checks.passage import Passage
from emulator.checks.scope import with_op, with_record
from emulator.core.choice import LIST_FUNC
from emulator.core.direct import CALLER
from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.patcher import function_name
from emulator.recording import Arrival, Call


@clause("C0", "dispatch")
def dispatch(passage: Passage) -> Iterator[Violation] | None:
    """Every registered ops whose hashes include the function is called exactly once, newest first, and nobody else.

    A wrong ip shows here first: a filtered ops is then never called through the list function.
    Where a direct call is the only thing, nobody is called on the way to it: ftrace_caller leaves at once where the
    site's own ops makes one.
    Promised: kernel/trace/ftrace.c __ftrace_ops_list_func(), update_ftrace_function().
    Broken by: a return address passed for ip where the list function is forced (mips, s390, Thumb-2).
    """
    by_itself = [arrival for arrival in passage.hit.arrivals if arrival.symbol == CALLER]
    if by_itself:  # the list function calls it, if anybody
        return iter([Violation("call", "none", CALLER, passage.caller(by_itself[0]))])
    wanted = [ops.name for ops in passage.registered]
    found = [call.ops.name for call in passage.calls]
    if wanted == found:
        return iter(())
    names = ", ".join(wanted) or "nobody", ", ".join(found) or "nobody"
    return iter([Violation("callbacks", *names, passage.call_site)])


@clause("C1", "ip")
def ip(passage: Passage) -> Iterator[Violation] | None:
    """The first argument is the record's address, bit for bit.

    Promised: include/linux/ftrace.h; since 3.7 filters compare it where the list function is forced.
    Broken by: Thumb's bit 0 left in (arm), the size of the instruction not taken off.
    """
    return _each(passage, lambda call: (call.ip, passage.hit.ip), "ip", 0) if passage.calls else None


@clause("C2", "parent_ip")
def parent_ip(passage: Passage) -> Iterator[Violation] | None:
    """The second argument is the traced function's return address, as its caller left it.

    Where that is return_to_handler, because a function that was left by a jump shares its return with this one, an
    unwinder is told the real one.
    Promised: include/linux/ftrace.h; ftrace_graph_ret_addr().
    Broken by: the function's own address passed twice, the slot of another frame read.
    """
    wanted = passage.parent
    if not passage.calls or wanted is None:
        return None
    caller = passage.caller_behind_handler
    return chain(
        _each(passage, lambda call: (call.parent_ip, wanted), "parent_ip", 1),
        _each(passage, lambda call: (call.caller, caller or call.caller), "parent_ip, unwound", 1),
    )


def _each(passage: Passage, values: Callable[[Call], tuple[int, int]], what: str, number: int) -> Iterator[Violation]:
    for call in passage.calls:
        found, wanted = values(call)
        if found != wanted:
            symbol = passage.lab.symbol
            yield Violation(what, symbol(wanted), symbol(found), passage.blame_argument(call, number))
            return


@clause("C3", "op", scope=with_op)
def op(passage: Passage) -> Iterator[Violation] | None:
    """The third argument is the ftrace_ops whose func is called; the list function gets what function_trace_op holds,
    or the site's own pointer to an ops, though it has no use for it.

    Promised: the June 2012 series: op is always the ops that registered the callback.
    Broken by: the address of function_trace_op passed for its contents (x86, 3.7 to 3.12).
    """
    if not passage.calls or not passage.lab.release.callback_gets_op:
        return None
    return chain(_ops(passage), _op_of_list(passage))


def _ops(passage: Passage) -> Iterator[Violation]:
    for call in passage.calls:
        if call.op is not call.ops:
            yield Violation(_from(call), f"&{call.ops.name}", _named(call), passage.blame_argument(call, 2))


def _op_of_list(passage: Passage) -> Iterator[Violation]:
    arrival = passage.hit.arrivals[0]
    if arrival.symbol != LIST_FUNC or not passage.lab.passes_op or passage.original is not None:
        return
    found = passage.at_first_call(passage.abi.arguments[2])
    wanted = passage.expected.site_ops or passage.variable("function_trace_op")
    if found != wanted:
        symbol = passage.lab.symbol
        yield Violation("op", symbol(wanted), symbol(found), passage.blame_argument(passage.calls[0], 2))


def _from(call: Call) -> str:
    """The op argument of the trampoline, or of who called on."""
    own = call.arrival.symbol == function_name(call.ops)
    return "op" if own else f"op from {call.arrival.symbol}"


def _named(call: Call) -> str:
    return f"&{call.op.name}" if isinstance(call.op, FtraceOps) else str(call.op)


@clause("C4", "full or partial")
def full(passage: Passage) -> Iterator[Violation] | None:
    """Callbacks get a full pt_regs once any ops on the function asked for it, else NULL, or a partial record that is
    marked as such, if that release can tell.

    Judged by the record, not by the ops: a plain ops gets regs as well where another asked. A record lies in the
    trampoline's frame, so that each passage has its own.
    Promised: FTRACE_OPS_FL_SAVE_REGS in include/linux/ftrace.h; ftrace_get_regs().
    Broken by: a mark left over from an earlier use of the stack, the plain entry called for an ops that wanted regs,
    the fourth argument left as the traced function was called with it (several architectures that passed op alone).
    """
    return _full(passage) if passage.hit.arrivals else None


def _full(passage: Passage) -> Iterator[Violation]:
    fregs = Ability.DYNAMIC_FTRACE_WITH_ARGS in passage.variant.abilities
    for arrival in passage.hit.arrivals:
        if arrival.record and not arrival.before:
            found = f"{arrival.record:#x}, which is not in writable memory"
            yield Violation("regs", "a record, or NULL", found, passage.caller(arrival))
        elif arrival.record and not passage.in_frame(arrival):
            yield Violation("regs", "in the trampoline's frame", f"{arrival.record:#x}", passage.caller(arrival))
    full = passage.expected.full or passage.asks_for_regs or passage.variant.always_regs
    for call in passage.calls:
        if (call.regs is not None) != full:
            words = ("a full pt_regs", "no full pt_regs")
            wanted, found = words if full else words[::-1]
            yield Violation("regs", wanted, found, passage.blame_argument(call, 3))
        if fregs and call.fregs is None:
            yield Violation("fregs", "an ftrace_regs", "NULL", passage.blame_argument(call, 3))


@clause("C5", "the record", scope=with_record)
def record(passage: Passage) -> Iterator[Violation] | None:
    """Each member that the entry promises holds what the machine held at the site, whatever was on the stack before.

    Promised: arch/*/include/asm/ptrace.h; regs->sp, ip, flags and the segments are as a trap at the site would have
    left them.
    Broken by: a stack pointer that was already moved (riscv), two segments pushed in the wrong order (i386), a slot
    that nobody writes (x86_64 3.7 orig_ax, arm cpsr).
    """
    if passage.entry is None or passage.last is None:
        return None
    return _record(passage)


def _record(passage: Passage) -> Iterator[Violation]:
    entry = passage.entry
    assert entry is not None  # noqa: S101 - record() has looked
    first = next(arrival for arrival in passage.hit.arrivals if arrival.record)
    for member in passage.struct.members:
        wanted = entry.constants.get(member.name)
        if wanted is None and (member.name in entry.promises or passage.promised_anyway(member)):
            wanted = passage.value(member.holds)
        found = passage.read(first.before, member)
        if wanted is not None and found != wanted:
            yield Violation(member.name, f"{wanted:#x}", f"{found:#x}", passage.member_writer(first, member))


@clause("C6", "the C call")
def c_call(passage: Passage) -> Iterator[Violation] | None:
    """At every call of a C function sp is aligned as that kernel's C code wants it, and the direction flag is clear.

    At those of return_to_handler, too.
    Promised: the ABI documents; x86_64 kernels are built for 8 bytes (-mpreferred-stack-boundary=3).
    Broken by: four registers saved and a fifth added (arm), parisc's missing argument area.
    """
    arrivals = passage.hit.arrivals
    if passage.opens_run:
        arrivals = [*arrivals, *(arrival for arrival in passage.recording.arrivals if arrival.hit is None)]
    return _c_calls(passage, arrivals) if arrivals else None


def _c_calls(passage: Passage, arrivals: Iterable[Arrival]) -> Iterator[Violation]:
    abi, get = passage.abi, passage.lab.layout.get
    for arrival in arrivals:
        sp = get(arrival.registers, abi.sp) + (0 if abi.link else passage.arch.word)
        if sp % abi.kernel_stack_align:
            off = f"{sp % abi.kernel_stack_align} mod {abi.kernel_stack_align}"
            yield Violation("sp at the call", f"0 mod {abi.kernel_stack_align}", off, passage.caller(arrival))
        changed = (get(arrival.registers, abi.flags) ^ passage.site[abi.flags]) & ~abi.arithmetic_flags
        if changed:
            yield Violation("control flags", "as at the site", f"{changed:#x} changed", passage.caller(arrival))
