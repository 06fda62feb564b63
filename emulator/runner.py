# SPDX-License-Identifier: GPL-2.0-only
"""Runs of the image's functions: seeds registers and stack, listens at sites and functions, notes what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from emulator.core.ops import FtraceOps
from emulator.core.records import DynFtrace
from emulator.core.rehearsal import rehearse
from emulator.core.returns import RETURN_TO_HANDLER
from emulator.errors import Fault, LimitReached, RunError, UnknownName, UsageError
from emulator.machine import engine
from emulator.machine.engine import Gate, Machine, Stop
from emulator.machine.memory import PAGE
from emulator.machine.registers import Layout
from emulator.machine.trace import Disturber, Shape, Tracer, decode, unexplained
from emulator.recording import Arrival, Hit, Recording, State
from emulator.seeding import Scribbler, blank_registers, seeded_registers

if TYPE_CHECKING:
    from emulator.lab import Lab
    from emulator.moments import Moment

LIMIT = 20_000
"""Instructions that one call may take; the longest honest one takes a few hundred."""
NESTING = 32
"""Calls within callbacks; each takes an engine of its own, and some of the C stack."""
ARRIVALS = 1024
"""C functions that one call may reach, so that a loop through a callback ends too."""
DEPTH = 1024
"""Bytes below sp that are kept of the stack at a site; further down no trampoline looks for what calls left behind."""
BELOW = 256
"""Bytes below sp that a hostile C function, or an interrupt, overwrites."""
HEADROOM = 256
"""Bytes above the first frame, poisoned like the rest: somebody who writes above his frame is noticed."""


class Listener(Protocol):
    """A replay: it is told of landings and C functions in the place of the runner."""

    @property
    def state(self) -> State:
        """Memory as it is during the replay."""

    def at_landing(self) -> None:
        """A trampoline came back to its site."""

    def at_function(self, runner: Runner, address: int) -> None:
        """The C function at an address is entered."""


class Run:
    """One call that is under way, or one that is gone on with from one of its moments."""

    def __init__(self, machine: Machine, recording: Recording, *, judged: bool = False) -> None:
        self.machine = machine
        self.recording = recording
        self.open = [hit for hit in recording.hits if hit.landing is None]
        """The passages that have not landed."""
        self.arrivals = len(recording.arrivals)
        self.resumed = bool(recording.hits)
        self.judged = judged or machine.tracer is not None
        """Whether somebody may hold it to the contract, and will need to know what the rules were meanwhile."""
        self._events: list[int] = machine.tracer.events if machine.tracer else []

    @property
    def event(self) -> int:
        """The position in this run's raw trace."""
        return len(self._events)


Visitor = Callable[[Run, int], None]
"""Called before an instruction of a run, with its address."""


class Runner:
    """Runs functions of a lab's image. `arrive(arrival)` acts for the C function that a run has come to."""

    def __init__(self, lab: Lab, arrive: Callable[[Arrival], int | None]) -> None:
        self._lab, self._arrive = lab, arrive
        self._image, self._arch = lab.image, lab.arch
        self._layout: Layout = lab.layout
        self._site_size = len(lab.variant.site.call.opcode)
        self._entries = {rec.symbol: self._caller(rec) for rec in lab.core.records.values()}
        self._active: list[Run] = []
        self._state = State(-1, {})
        self._complete: WeakSet[Shape] = WeakSet()
        """Traces of the code as it is, after which memory held nothing but what they explain."""
        self._replay: Listener | None = None
        self.disturbed = self.hostile = False
        """Whether the stack below sp is overwritten before each instruction, and by every C function."""
        self.visitor: Visitor | None = None
        """Called before each instruction of a run that is not within another one."""
        self._junk = Random(f"junk {lab.seed}").randbytes(BELOW)
        self._values = seeded_registers(self._arch, f"registers {lab.seed}")
        scribbled, abi = seeded_registers(self._arch, f"scribble {lab.seed}"), self._arch.abi
        scribbled[abi.flags] = self._values[abi.flags] ^ abi.arithmetic_flags  # few enough to be the same by chance
        self.scribble = Scribbler(self._arch, self._layout, scribbled)
        self._others = seeded_registers(self._arch, f"interrupt {lab.seed}")
        self.lower(0)
        self.gates = self._make_gates()
        self.elsewhere = self._image.add_gate("[elsewhere]")
        """Where replays let a record point to that shall not lead back."""

    def blank(self) -> None:
        """Runs begin with 0 in every register, and C functions leave 0 in each that they may change."""
        self._values = blank_registers(self._arch)
        self.scribble = Scribbler(self._arch, self._layout, self._values)
        self.lower(0)

    def lower(self, size: int) -> None:
        """Runs begin with so many bytes more on the stack."""
        top = self._image.stack.end - HEADROOM - size
        self._first = self._at_entry(top)
        self._image.fill_stack()
        self._write_return(top)
        self._stack = self._image.stack.data[:]

    # -- a run --------------------------------------------------------------------------------------------------------

    def run(self, function: str, arguments: Sequence[int] = (), *, trace: bool, limit: int) -> Recording:
        """From the entry of the function's caller to that caller's return. What goes wrong is Recording.outcome.

        Raises UnknownName, LimitReached for calls nested too deep, and whatever a callback raises.
        """
        start = self.entry(function)
        if len(self._active) >= NESTING:
            raise LimitReached(f"callbacks call traced functions more than {NESTING} deep")
        outer = self._active[-1] if self._active else None
        traced = trace or bool(outer and outer.machine.tracer)  # whose trace must explain what an inner call wrote
        machine = self._machine(traced=traced)
        recording = Recording(self._lab, function, self.state(), nested=outer is not None)
        if machine.tracer:
            machine.tracer.clear()
        registers = self._with(arguments, self._beside(outer) if outer else self.prepare(recording.state))
        recording.first = registers
        return self._go(Run(machine, recording), start, registers, limit)

    def resume(self, moment: Moment, *, limit: int = LIMIT) -> Recording:
        """Go on from a moment of an earlier run, with code and variables as they are now, and as that run had left its
        stack. Raises UsageError within a run, and whatever a callback raises.
        """
        if self._active:
            raise UsageError("a run cannot be gone on with within another one, whose stack it would take")
        recording = moment.again(self.state())
        machine = self._machine(traced=True)
        assert machine.tracer is not None  # noqa: S101 - asked for
        machine.tracer.events[:], machine.tracer.values[:] = moment.raw, moment.values
        self.prepare(recording.state)
        self._image.stack.data[:] = moment.stack
        for address, data in moment.written:
            self._image.memory.put(address, data)
        self._lab.core.graph.returns.restore(moment.taken)
        return self._go(Run(machine, recording), moment.address, moment.registers, limit)

    def begin(self, function: str, machine: Machine) -> Run:
        """A run that somebody else takes step by step, on a tracing engine of his own: all but the first step. end()
        must follow. Raises UnknownName, and UsageError within a run.
        """
        self.entry(function)
        if self._active or machine.tracer is None:
            raise UsageError("a call can be stepped only by itself, and only if it is traced")
        recording = Recording(self._lab, function, self.state())
        machine.tracer.clear()
        recording.first = self.prepare(recording.state)
        machine.attach(self, self._image.memory, self.gates, self._image.exit, self.trap)
        machine.registers.write(recording.first)
        self._active.append(Run(machine, recording))
        return self._active[-1]

    def end(self, run: Run) -> None:
        """Nobody steps it any more."""
        self._active.remove(run)
        self._lab.core.graph.returns.forget(0)

    def known(self, run: Run, registers: bytes, events: tuple[int, ...]) -> Recording:
        """What is known of a stepped run, with its registers, packed, and its raw trace."""
        self._describe(run, registers)
        tracer, recording = run.machine.tracer, run.recording
        assert tracer is not None  # noqa: S101 - begin() has looked
        recording.raw, recording.values, recording.shape = events, tuple(tracer.values), tracer.shape(events)
        return recording

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While this lasts, what is under way stands still, so that replays can be made."""
        active, self._active = self._active, []
        try:
            yield
        finally:
            self._active = active

    def listens_at(self, address: int) -> bool:
        """Whether the runner acts, or takes note, before the instruction at an address."""
        return any(gate.first <= address <= gate.last for gate in self.gates)

    def _go(self, run: Run, start: int, registers: bytes, limit: int) -> Recording:
        machine, outer = run.machine, self._active[-1] if self._active else None
        hooked = self._lab.core.graph.returns.hooked if outer else 0
        machine.attach(self, self._image.memory, self.gates, self._image.exit, self.trap)
        visitor = self._overwrite_below_sp if self.disturbed else self.visitor
        if visitor and isinstance(machine.tracer, Disturber):
            machine.tracer.disturb = partial(machine.guarded, partial(visitor, run))
        self._active.append(run)
        broken: RunError | None = None
        try:
            stop = machine.run(start, registers, limit)
        except RunError as error:
            if error.recording is not None:  # of a run that a callback started: the callback's own affair
                raise
            stop, broken = Stop("", machine.registers.read()), error
        finally:
            self._active.pop()
            self._lab.core.graph.returns.forget(hooked)
            if machine.tracer and outer:
                self._image.memory.written += self._made(machine.tracer)
        return self._finish(run, stop, limit, broken)

    def _made(self, tracer: Tracer) -> Iterator[tuple[int, int]]:
        """[address, end) of every write of a run; one that has faulted stands in its trace, too."""
        for address, end in decode(tuple(tracer.events)).spans():
            region = self._image.memory.region(address, end - address)
            if region is not None and region.writable:
                yield address, end

    def _machine(self, *, traced: bool) -> Machine:
        if self.disturbed or (self.visitor and not self._active):
            return engine.disturbing(self._arch)
        return (engine.tracing if traced else engine.plain)(self._arch)

    def _overwrite_below_sp(self, run: Run, _address: int) -> None:
        """What an interrupt would do to the stack, behind the back of memory: nobody may look at it again."""
        stack = self._image.stack
        end = self._layout.get(run.machine.registers.read(), self._arch.abi.sp) - stack.base
        start = max(end - len(self._junk), 0)
        if 0 < end <= stack.size:
            stack.data[start:end] = self._junk[: end - start]

    def state(self) -> State:
        """The memory that only the core changes; taken anew when the core has changed it."""
        memory = self._image.memory
        if self._state.version != memory.version:
            self._state = State(memory.version, memory.contents(), dict(self._lab.patcher.poker.pending))
            self._complete.clear()
        return self._state

    def entry(self, function: str) -> int:
        """The address at which a run of a function begins: its caller's. Raises UnknownName."""
        if function not in self._entries:
            raise UnknownName("function", function, self._entries)
        return self._entries[function]

    def _caller(self, rec: DynFtrace) -> int:
        return self._image.callers.get(rec.symbol) or self._image.symbols.address(rec.symbol)

    def prepare(self, state: State) -> bytes:
        """Make memory as every run finds it, the stack poisoned, the data undisturbed; the registers to begin with."""
        self._image.stack.data[:] = self._stack
        for region in self._image.variables:
            region.data[:] = state.contents[region.name]
        self._image.memory.written.clear()
        return self._first

    def _beside(self, outer: Run) -> bytes:
        """Registers for a call out of a callback: the seed's, on the stack below the run that it interrupts."""
        sp = self._layout.get(outer.machine.registers.read(), self._arch.abi.sp) - HEADROOM
        sp -= sp % 16
        self._write_return(sp)
        return self._at_entry(sp)

    def _with(self, arguments: Sequence[int], registers: bytes) -> bytes:
        """The registers with a function's first arguments in them. Raises UsageError for too many."""
        if not arguments:
            return registers
        names, mask = self._arch.abi.arguments, (1 << 8 * self._arch.word) - 1
        if len(arguments) > len(names):
            raise UsageError(f"{len(arguments)} arguments: only {len(names)} are passed in registers")
        given = {name: value & mask for name, value in zip(names, arguments, strict=False)}
        return self._layout.pack({**self._layout.unpack(registers), **given})

    def _at_entry(self, sp: int, seeded: dict[str, int] | None = None) -> bytes:
        """Registers of the seed with the stack and the return address of a call from the exit."""
        abi = self._arch.abi
        values = {**(seeded or self._values), abi.sp: sp, abi.pc: 0}
        if abi.link is None:
            values[abi.sp] -= self._arch.word
        else:
            values[abi.link] = self._image.exit
        return self._layout.pack(values)

    def _write_return(self, sp: int) -> None:
        if self._arch.abi.link is None:
            self._image.memory.write_word(sp - self._arch.word, self._image.exit)

    def _finish(self, run: Run, stop: Stop, limit: int, broken: RunError | None) -> Recording:
        recording, tracer = run.recording, run.machine.tracer
        self._describe(run, stop.registers)
        if tracer:
            recording.raw, recording.values = tuple(tracer.events), tuple(tracer.values)
            recording.shape = tracer.shape(recording.raw)
            undisturbed = not self._active and not self.disturbed and self.visitor is None and not run.resumed
            if undisturbed and recording.shape not in self._complete:
                self._expect_complete(recording.shape, recording.state)
        recording.outcome = broken or self._outcome(recording, stop, limit)
        if recording.outcome:
            recording.outcome.recording = recording
        return recording

    def _describe(self, run: Run, registers: bytes) -> None:
        """Note what is in the registers and on the stack."""
        run.recording.registers = registers
        run.recording.above, run.recording.tail = self._stack[-HEADROOM:], bytes(self._image.stack.data[-HEADROOM:])

    def _expect_complete(self, shape: Shape, state: State) -> None:
        """Raises RunError where a byte has changed that neither a recorded write nor Python's own explains."""
        spans = [*shape.spans(), *self._image.memory.written]
        variables = [(region, state.contents[region.name]) for region in self._image.variables]
        for region, before in ((self._image.stack, self._stack), *variables):
            address = unexplained(region.base, before, region.data[:], spans)
            if address is not None:
                raise RunError(f"the byte at {address:#x} ({region.name}) has changed, but no write to it was recorded")
        self._complete.add(shape)

    def _outcome(self, recording: Recording, stop: Stop, limit: int) -> RunError | None:
        pc = self._layout.get(stop.registers, self._arch.abi.pc)
        if not stop.error and pc == self._image.exit:
            return None
        return self._trouble(recording.shape, stop.error, pc, limit)

    def _trouble(self, shape: Shape | None, error: str, pc: int, limit: int) -> RunError:
        """What went wrong, and where: the last instruction, which a trace knows better than pc does."""
        where = self._lab.where(shape.pcs[-1] if shape and shape.pcs else pc)
        if error:
            return Fault(error, where)
        if shape is None:
            return LimitReached(f"halted, or not back within {limit} instructions", where)
        if len(shape.pcs) < limit:
            return Fault("the CPU halted", where)
        return LimitReached(f"not back within {limit} instructions", where)

    # -- exceptions and interrupts ------------------------------------------------------------------------------------

    def trap(self, machine: Machine) -> int | None:
        """The breakpoint's handler: where to go on, None for an exception that is not of a change of code."""
        run = self._replay or self._active[-1].recording
        return self._lab.patcher.poker.trap(machine.registers, self._layout, run.state.pending)

    def interrupt(self, function: str, registers: bytes) -> Recording | None:
        """An interrupt of the run at hand, whose handler calls a traced function; None where there is no stack for it.

        The entry code saves a pt_regs directly below sp, on the stack of what it has interrupted.
        """
        stack, size = self._image.stack, self._arch.pt_regs.size
        end = self._layout.get(registers, self._arch.abi.sp) - stack.base
        if not 2 * PAGE <= end <= stack.size:
            return None
        end -= end % self._arch.abi.stack_align
        saved = (self._junk * -(-size // len(self._junk)))[:size]
        stack.data[end - size : end] = saved
        sp = stack.base + end - size
        self._write_return(sp - sp % 16)
        recording = Recording(self._lab, function, self.state(), nested=True)
        recording.first = self._at_entry(sp - sp % 16, self._others)
        machine = self._machine(traced=False)
        return self._go(Run(machine, recording, judged=True), self.entry(function), recording.first, LIMIT)

    # -- what a run passes --------------------------------------------------------------------------------------------

    def _make_gates(self) -> list[Gate]:
        gates = [
            Gate(page, page + PAGE - 1, self._at_function) for page in (self._image.gates, self._image.module_gates)
        ]
        gates += [Gate(address, address, self._at_function) for address in self._image.placement.own_gates]
        for rec in self._lab.core.records.values():
            landing = rec.ip + self._site_size
            gates.append(Gate(rec.ip, rec.ip, partial(self._at_site, rec)))
            gates.append(Gate(landing, landing, self._at_landing))
        handler = self._image.symbols.get(RETURN_TO_HANDLER)
        if handler is not None:
            gates.append(Gate(handler, handler, self._at_handler))
        return gates

    @contextmanager
    def replaying(self, replay: Listener) -> Iterator[None]:
        """While this lasts, gates belong to the replay. Raises UsageError within a run, whose stack is in use."""
        if self._active:
            raise UsageError("origins and steps are found by replays: ask for them when the call has returned")
        self._replay = replay
        try:
            yield
        finally:
            self._replay = None

    def _at_site(self, rec: DynFtrace, _address: int) -> None:
        if self._replay:
            return
        run = self._active[-1]
        registers, stack = run.machine.registers.read(), self._image.stack
        start = self._layout.get(registers, self._arch.abi.sp) - DEPTH - stack.base
        tail = stack.data[max(start, 0) :]
        hit = Hit(self._lab, run.recording.state, rec.symbol, rec.ip, rec.target, registers, tail, run.event)
        if run.judged:
            hit.expected, hit.users = rehearse(self._lab.core, rec), self._users(rec)
            hit.hooked = self._lab.core.graph.returns.hooked
        run.recording.hits.append(hit)
        run.open.append(hit)

    def _users(self, rec: DynFtrace) -> tuple[FtraceOps, ...]:
        core, users = self._lab.core, self._lab.users
        if not core.enabled:
            return ()
        return tuple([ops for ops in users if ops.wants(rec.ip)] if core.dynamic else users)

    def _at_handler(self, _address: int) -> None:
        """A function has come to return_to_handler."""
        if not self._replay:
            run = self._active[-1]
            run.recording.returns.append((run.event, run.machine.registers.read()))

    def _above(self, registers: bytes) -> bytes:
        """The stack from sp on."""
        start = self._layout.get(registers, self._arch.abi.sp) - self._image.stack.base
        return self._image.stack.data[start:] if 0 <= start < self._image.stack.size else b""

    def _at_landing(self, address: int) -> None:
        if self._replay:
            self._replay.at_landing()
            return
        run = self._active[-1]
        if run.open and run.open[-1].ip + self._site_size == address:
            hit = run.open.pop()
            hit.landing, hit.landing_event = run.machine.registers.read(), run.event
            if run.judged:
                hit.landing_tail = self._above(hit.landing)
                returns = self._lab.core.graph.returns
                hit.landing_hooked, hit.kept_return, hit.kept_func = returns.hooked, returns.kept, returns.kept_func

    def _at_function(self, address: int) -> None:
        """A C function is entered: note with what, let it act, and leave the registers as a compiler might."""
        if self._replay:
            self._replay.at_function(self, address)
            return
        run = self._active[-1]
        run.arrivals += 1
        if run.arrivals > ARRIVALS:
            raise LimitReached(f"more than {ARRIVALS} calls of C functions in one run", self._lab.where(address))
        registers = run.machine.registers.read()
        hit = run.open[-1] if run.open else None
        arrival = Arrival(run.recording, hit, address, registers, run.event)
        if run.judged:
            arrival.tail = self._above(registers)
        run.recording.arrivals.append(arrival)
        if hit:
            hit.arrivals.append(arrival)
        written = len(self._image.memory.written)
        arrival.result = self._arrive(arrival)
        if run.judged:
            arrival.effects = self._effects(written)
        if self.hostile:
            self._image.memory.write(self._below(registers), self._junk)
        run.machine.forget_patches()
        run.machine.registers.write(self.after(registers, arrival.result))

    def _effects(self, first: int) -> tuple[tuple[int, bytes], ...]:
        """(address, bytes) of what Python has written, from the `first`-th time on."""
        memory = self._image.memory
        return tuple((start, memory.read(start, end - start)) for start, end in memory.written[first:])

    def _below(self, registers: bytes) -> int:
        """Where a C function's own frame begins."""
        sp = self._layout.get(registers, self._arch.abi.sp)
        return max(sp - len(self._junk), self._image.stack.base)

    def after(self, registers: bytes, result: int | None) -> bytes:
        """The registers when a C function returns: all that it may change has changed."""
        changed = self.scribble(registers)
        if result is None:
            return changed
        value = result & (1 << 8 * self._arch.word) - 1
        return self._layout.pack({**self._layout.unpack(changed), self._arch.abi.returns[0]: value})
