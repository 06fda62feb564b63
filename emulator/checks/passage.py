# SPDX-License-Identifier: GPL-2.0-only
"""One passage of a site as a clause sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from emulator.checks.code import Code
from emulator.checks.finding import Violation
from emulator.core.choice import LIST_FUNC
from emulator.core.graph import GRAPH_FUNC
from emulator.core.returns import RETURN_TO_HANDLER as HANDLER
from emulator.description import Member
from emulator.placement import PREPARE

if TYPE_CHECKING:
    from emulator.recording import Arrival


MOST = 16
"""Passages of sites that are looked at in one call; a trampoline that goes astray can make thousands."""


class Passage(Code):
    """A hit of a recording, with what was to be expected of it, and what came of it up to the end of its run."""

    @property
    def caller_behind_handler(self) -> int | None:
        """Where the function's return is taken already: what its word held before; else None."""
        if not self.handler or self.return_at_site != self.handler:
            return None
        earlier = (Passage(self.recording, hit) for hit in reversed(self.recording.hits) if hit.event < self.hit.event)
        words = (at.return_at_site for at in earlier if at.frame_found_by == self.frame_found_by)
        return next((word for word in words if word != self.handler), None)

    @property
    def frame_found_by(self) -> int | None:
        """What an unwinder tells by that a taken return is this function's (retp)."""
        graph = self.variant.graph
        by_frame = graph is not None and graph.found_by == "frame_pointer"
        return self.value(graph.frame) if graph and by_frame else self.parent_slot

    @property
    def graph_calls(self) -> int:
        """How often this passage has come to the graph tracer, by itself or as one ops of the list."""
        names = [arrival.symbol for arrival in self.hit.arrivals]
        through_list = names.count(LIST_FUNC) if self.expected.graph_calls and self.variant_has_func else 0
        return names.count(PREPARE) + names.count(GRAPH_FUNC) + through_list

    @property
    def variant_has_func(self) -> bool:
        """Whether the graph tracer is an ordinary ops here."""
        return self.variant.graph is not None and self.variant.graph.is_ops

    @property
    def graph_site(self) -> int | None:
        """The instruction that leads to the graph tracer."""
        calls = self.variant.graph.calls if self.variant.graph else ()
        return self.lab.image.symbols.get(calls[0].label) if calls else self.call_site

    @property
    def kept_return(self) -> int:
        """The return address that the graph tracer keeps of this function."""
        return self.hit.kept_return

    @property
    def took_return(self) -> bool:
        """Whether the graph tracer has taken the function's return."""
        return self.hit.landing_hooked > self.hit.hooked

    @property
    def returned_through(self) -> Iterator[tuple[int, int]]:
        """(address of the word that was taken last, sp) of every return to return_to_handler, the first ones first.

        Nothing where a return need not pop the word that holds its address.
        """
        if self.abi.link:
            return
        taken = [hit for hit in self.recording.hits if hit.landing_hooked > hit.hooked]
        for event, registers in self.recording.returns:
            before = [hit for hit in taken if hit.landing_event <= event]
            if not before:
                return
            taken.remove(before[-1])
            slot = Passage(self.recording, before[-1]).parent_slot
            assert slot is not None  # noqa: S101 - without a link register there is no other place
            yield slot, self.lab.layout.get(registers, self.abi.sp)

    def at_handler(self, arrival: Arrival) -> dict[str, int]:
        """The registers with which a function came to return_to_handler, before that called a C function; or none."""
        before = [registers for event, registers in self.recording.returns if event < arrival.event]
        return self.lab.layout.unpack(before[-1]) if before else {}

    def exit_member(self, arrival: Arrival, member: Member) -> int:
        """A member of the record that return_to_handler passes; 0 where that is not on the stack."""
        start = self._exit_record(arrival) - self.lab.layout.get(arrival.registers, self.abi.sp)
        return self.read(arrival.tail[start:], member) if start >= 0 else 0

    def exit_writer(self, arrival: Arrival, member: Member) -> int:
        """The instruction that wrote it, or return_to_handler where none has."""
        shape, address = self.recording.shape, self._exit_record(arrival) + member.offset
        write = shape.writers(0, arrival.event).get(address) if shape else None
        return write.pc if write else self.handler

    def _exit_record(self, arrival: Arrival) -> int:
        return self.lab.layout.get(arrival.registers, self.abi.arguments[0])

    @property
    def called_by_trampoline(self) -> bool:
        """Whether a trampoline, or a copy of one, has called the traced function."""
        image, parent = self.lab.image, self.parent or 0
        function = image.symbols.function(image.symbols.original(parent))
        return parent != self.handler and function is not None and function.name in image.placement.trampolines.symbols

    def compare_end(self, names: Iterable[str]) -> Iterator[Violation]:
        """Registers at the end of the run that differ from those of a run that nobody traced.

        Nothing is compared where callbacks have changed what the function works on, or where it never ended.
        """
        recording = self.recording
        if not self.run_ended or recording.interfered or recording.nested:
            return
        untraced = self.lab.layout.unpack(self.lab.untraced(recording).registers)
        ended = self.lab.layout.unpack(recording.registers)
        for name in names:
            if ended[name] != untraced[name]:
                what = f"{name} at the end"
                yield Violation(what, f"{untraced[name]:#x}", f"{ended[name]:#x}", self.last_of_handler)

    @property
    def last_of_handler(self) -> int | None:
        """The last instruction of return_to_handler that ran."""
        shape, symbols = self.recording.shape, self.lab.image.symbols
        for pc in reversed(shape.pcs if shape else ()):
            function = symbols.function(pc)
            if function and function.name == HANDLER:
                return pc
        return None
