# SPDX-License-Identifier: GPL-2.0-only
"""The C functions that code in the image calls: Python acts for them, with their arguments out of the registers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emulator.core.given import expect_name
from emulator.core.ops import FtraceOps
from emulator.description import Sum
from emulator.errors import Fault, TrapReached, UsageError
from emulator.placement import GRAPH_STUB, PREPARE, RETURN, STUB
from emulator.recording import Arrival
from emulator.views import FtraceRegs

if TYPE_CHECKING:
    from emulator.lab import Lab

Act = Callable[[Arrival], int | None]
"""What a function does; its return value, or None where nobody may look at one."""

DEREFERENCES_OP = ("ftrace_ops_assist_func", "ftrace_pid_func", "call_direct_funcs")
"""The functions of the core that follow their op (6.x; ftrace_pid_func() of 3.x hands it on)."""


class CFunctions:
    """The C functions of a lab's image, by address."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._layout, self._arguments = lab, lab.layout, lab.arch.abi.arguments
        follows = DEREFERENCES_OP if lab.passes_op and not lab.core.has_shared_lists else ()
        self._follows_op = frozenset(lab.image.symbols.get(name) for name in follows)
        self._first_three = lab.layout.chooser(lab.arch.abi.arguments[:3])
        self._acts: dict[int, Act] = {}
        known = {STUB: _nothing, GRAPH_STUB: _nothing, PREPARE: self._prepare, RETURN: self._return}
        for name, act in known.items():
            address = lab.image.symbols.get(name)
            if address is not None:
                self._acts[address] = act

    # -- functions of the user's ---------------------------------------------------------------------------------------

    def add(self, name: str, func: Callable[..., int | None], home: str) -> int:
        """A new function called `name`; its address. Raises UsageError for a name that is taken, or is none."""
        expect_name("add_function", name)
        if name in self._lab.image.symbols:
            raise UsageError(f"this kernel has a symbol {name} already; choose another name")
        act = self._calls(name, func)
        address = self._lab.image.add_gate(name, home)
        self._acts[address] = act
        return address

    def implement(self, name: str, func: Callable[..., int | None]) -> None:
        """Act for a function that the image's code calls and that has no body there. Raises UsageError."""
        address = self._lab.image.symbols.get(name)
        if address is None or not self._lab.image.is_gate(address):
            raise UsageError(f"{name} is not a C function that code of this kernel calls and that lacks a body")
        self._acts[address] = self._calls(name, func)

    def _calls(self, name: str, func: Callable[..., int | None]) -> Act:
        """Call it with as many arguments as it takes, from the registers of the C ABI. Raises UsageError."""
        if not callable(func):
            raise UsageError(f"{name} is to be {func!r}, which cannot be called")
        taken = self._arguments[: _positional(func, len(self._arguments))]
        return lambda arrival: func(*(self._layout.get(arrival.registers, register) for register in taken))

    # -- calls --------------------------------------------------------------------------------------------------------

    def act(self, arrival: Arrival) -> int | None:
        """Act for the function that a run has come to. Raises RunError where nobody does, or not on such arguments."""
        act = self._acts.get(arrival.address)
        if act is not None:
            return act(arrival)
        if arrival.address not in self._lab.core.callees:
            raise TrapReached(f"{arrival.symbol} was called, which nothing acts for here", self._from(arrival))
        self._call_back(arrival)
        return None

    def _call_back(self, arrival: Arrival) -> None:
        """A function with a callback's arguments: an ops' own, or one of the core's that calls on."""
        ip, parent_ip, op = self._first_three(arrival.registers)
        resolved: Any = self._lab.resolve(op)
        if arrival.address in self._follows_op and not isinstance(resolved, FtraceOps):
            what = f"{arrival.symbol} got {self._lab.symbol(op)} for its op, which is no ops"
            raise Fault(what, self._from(arrival))
        self._lab.core.call(arrival.address, ip, parent_ip, resolved, self._record(arrival))

    def _from(self, arrival: Arrival) -> str:
        """symbol+offset (file:line) of the call that led to an arrival, as far as the return address tells."""
        lab, abi = self._lab, self._lab.arch.abi
        sp = self._layout.get(arrival.registers, abi.sp)
        if abi.link:
            back = self._layout.get(arrival.registers, abi.link)
        elif lab.image.memory.region(sp, lab.arch.word):
            back = lab.image.memory.read_word(sp)
        else:
            return ""
        return lab.where(back - len(lab.variant.site.call.opcode))

    # -- records ------------------------------------------------------------------------------------------------------

    def _record(self, arrival: Arrival) -> FtraceRegs | None:
        """The record as a view, None where none is passed or NULL."""
        arrival.record = self._lab.record_address(arrival.registers)
        if not arrival.record:
            return None
        view = self._view(arrival, arrival.record)
        arrival.before = arrival.after = self._lab.image.memory.read(arrival.record, self._lab.struct.size)
        return view

    def _view(self, arrival: Arrival, address: int) -> FtraceRegs:
        """Raises Fault where the record is not in writable memory."""
        region = self._lab.image.memory.region(address, self._lab.struct.size)
        if region is None or not region.writable:
            what = f"{arrival.symbol} got {address:#x} for its record, which is not in writable memory"
            raise Fault(what, self._from(arrival))
        entry = arrival.hit.entry if arrival.hit else None
        return FtraceRegs(self._lab.variant, self._lab.arch, self._lab.image.memory, address, entry)

    # -- the graph tracer ----------------------------------------------------------------------------------------------

    def _prepare(self, arrival: Arrival) -> None:
        """prepare_ftrace_return(). Where it gets the stack pointer it unwinds the function's frame first."""
        graph = self._lab.variant.graph
        names = graph.prepare if graph else ()
        values = zip(names, (self._layout.get(arrival.registers, name) for name in self._arguments), strict=False)
        given = dict(values)
        parent, frame_pointer = given["parent"], given["frame_pointer"]
        if "stack_pointer" in given:
            parent, frame_pointer = self._unwound(given["stack_pointer"])
        self._lab.core.graph.returns.prepare_ftrace_return(parent, given["self_addr"], frame_pointer)

    def _unwound(self, stack_pointer: int) -> tuple[int, int]:
        """Where the function's prologue has saved its return address, and sp as its caller will see it."""
        site = self._lab.variant.site
        assert isinstance(site.parent_slot, Sum)  # noqa: S101 - a frame that has to be unwound is found from sp
        slot = stack_pointer - site.pops + site.parent_slot.offset
        return slot, slot + self._lab.arch.word

    def _return(self, arrival: Arrival) -> int:
        """ftrace_return_to_handler(): the address to return to."""
        graph, argument = self._lab.variant.graph, self._layout.get(arrival.registers, self._arguments[0])
        returns = self._lab.core.graph.returns
        if graph and graph.handler == "fregs":
            view = self._view(arrival, argument)
            return returns.ftrace_return_to_handler(view.get_frame_pointer(), view.get_return_value())
        return returns.ftrace_return_to_handler(argument, None)


def _nothing(_arrival: Arrival) -> None:
    """ftrace_stub() and its like."""


def _positional(func: Callable[..., Any], most: int) -> int:
    """How many positional arguments a function takes, at most as many as there are registers for them."""
    parameters = inspect.signature(func).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return most
    taken = [item for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    return min(len(taken), most)
