# SPDX-License-Identifier: GPL-2.0-only
"""What a user may ask by `monitor`: the record, who wrote a byte, the ops, the contract; and to move in time."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

from emulator.debugger.contract import verdicts
from emulator.debugger.history import History, Written
from emulator.debugger.target import Target, stopped
from emulator.description import Member
from emulator.lab import Lab
from emulator.provenance import Status, worth

SITE = "nothing is built at the site yet: step into what it calls"
STALE = 'gdb does not know that it has moved: "maintenance flush register-cache" tells it, "frame" shows where it is'


class Monitor:
    """Commands by their names; each says something. What is wrong with a command is an answer too."""

    def __init__(self, target: Target, again: Callable[[], Lab]) -> None:
        self._target, self._timeline, self._lab = target, target.timeline, target.lab
        self._history = History(target.timeline, again)
        self._commands: dict[str, Callable[[str], str]] = {
            "regs": self._regs,
            "why": self._why,
            "ops": self._ops,
            "contract": self._contract,
            "goto": self._goto,
            "restart": self._restart,
            "help": self._help,
        }

    def __call__(self, line: str) -> str:
        """The answer to a command with its argument."""
        name, _, argument = line.strip().partition(" ")
        command = self._commands.get(name or "help")
        if command is None:
            return f"{name!r}: no such command. {self._help('')}"
        return command(argument.strip()).rstrip("\n") + "\n"

    def _help(self, _: str) -> str:
        """This list."""
        lines = [f"  {name:9} {inspect.getdoc(command)}" for name, command in self._commands.items()]
        return "\n".join(["monitor COMMAND:", *lines])

    # -- the record ---------------------------------------------------------------------------------------------------

    def _regs(self, _: str) -> str:
        """The record that is being built, or was last: each member, what it is worth, and who wrote it."""
        record, hit = self._history.record, self._history.hit
        if hit is None or any(self._timeline.pc == rec.ip for rec in self._lab.core.records.values()):
            return SITE
        if record is None:
            return f"what the site of {hit.symbol} calls passes no record"
        struct = self._lab.struct
        rows = [self._row(record, member) for member in struct.members]
        letters = [f"  {status.value} {status.meaning}" for status in Status if f" {status.value} " in "\n".join(rows)]
        return "\n".join([f"struct {struct.name} at {record:#x}, of the site of {hit.symbol}", *rows, *letters])

    def _row(self, record: int, member: Member) -> str:
        """A member as it is now."""
        address = record + member.offset
        data = self._lab.image.memory.read(address, member.size).hex(" ")
        writers = [self._written_here(address + index) for index in range(member.size)]
        status, by = self._worth(address, member, writers), [writer for writer in writers if writer]
        last = max(by, key=lambda written: written.step) if by else None
        who = f"step {last.step}: {self._history.place(last)}" if last else ""
        return f"{member.offset:5} {member.name:8} {data}  {status.value}  {who}".rstrip()

    def _written_here(self, address: int) -> Written | None:
        """Who wrote a byte since the site."""
        written, hit = self._history.writer(address), self._history.hit
        first = next((number for number, step in enumerate(self._timeline.steps) if hit and step.event >= hit.event), 0)
        return written if written and written.step + self._timeline.start >= first - 1 else None

    def _worth(self, address: int, member: Member, writers: list[Written | None]) -> Status:
        stack, hit = self._lab.image.stack, self._history.hit
        sp = self._lab.layout.get(hit.registers, self._lab.arch.abi.sp) if hit else stack.end
        if not all(writer or address + index >= sp for index, writer in enumerate(writers)):
            return Status.UNWRITTEN
        if any(writer and self._lab.image.is_gate(writer.pc) for writer in writers):
            return Status.CALLBACK
        value = self._lab.image.memory.read_word(address, member.size)
        wanted = self._history.promised(member)
        return worth(member.holds) if wanted in (None, value) else Status.WRONG

    def _why(self, argument: str) -> str:
        """ADDR, or MEMBER of the record: which instruction wrote this byte, and from which register."""
        address = self._address(argument)
        if address is None:
            return f"why {argument}: neither an address (0x...), nor a member of the record, nor a variable"
        memory = self._lab.image.memory
        if memory.region(address) is None:
            return f"{address:#x}: there is no memory"
        written = self._history.writer(address)
        value = memory.read(address, 1)[0]
        if written is None:
            return f"{address:#x} holds {value:#04x}, and nothing in this call has written it"
        return "\n".join([f"{address:#x} holds {value:#04x}, of", *self._origin(address, written)])

    def _origin(self, address: int, written: Written) -> Iterator[str]:
        yield f"  step {written.step}: {self._history.instruction(written)}"
        if self._lab.image.is_gate(written.pc):
            return
        word = self._word(address, written)
        for name in self._history.sources(written, word):
            at_site = " and ".join(self._history.at_site(word, self._history.hit))
            yield f"  from {name} = {word:#x}" + (f", which was {at_site} at the site" if at_site else "")
            return
        yield f"  the word is {word:#x}, which was in no register"

    def _word(self, address: int, written: Written) -> int:
        """The word that the step has written around a byte."""
        step = self._timeline.steps[written.step + self._timeline.start]
        start = next(at for at, data in reversed(step.swaps) if at <= address < at + len(data))
        return self._lab.image.memory.read_word(start)

    def _address(self, argument: str) -> int | None:
        try:
            return int(argument, 0)
        except ValueError:
            pass
        record = self._history.record
        members = {member.name: member.offset for member in self._lab.struct.members}
        if record is not None and argument in members:
            return record + members[argument]
        return self._lab.image.symbols.get(argument)

    # -- the kernel ---------------------------------------------------------------------------------------------------

    def _ops(self, _: str) -> str:
        """Who is registered, which functions they trace, and what the sites call."""
        lab, lines = self._lab, ["ops, newest first:"]
        for ops in lab.users:
            flags = " ".join(sorted(ops.flags | ops.kernel_flags))
            trampoline = f", trampoline {lab.symbol(ops.trampoline)}" if ops.trampoline else ""
            lines.append(
                f"  {ops.name:12} at {ops.address:#x}, func {lab.symbol(ops.func_address)}{trampoline}  {flags}"
            )
        lines.append("records that somebody wants, or that call somebody:")
        bits = lab.release.bits
        for rec in lab.core.records.values():
            if rec.target or rec.count(bits):
                target = lab.symbol(rec.target) if rec.target else "nobody"
                lines.append(f"  {rec.ip:#x} {rec.symbol:24} {rec.describe(bits):8} calls {target}")
        return "\n".join(lines)

    def _contract(self, _: str) -> str:
        """The clauses of the contract that can be judged of what has been run."""
        return "\n".join(verdicts(self._timeline))

    # -- time ---------------------------------------------------------------------------------------------------------

    def _goto(self, argument: str) -> str:
        """N: to just before step N, counted from the site, backwards or on."""
        if not argument.isdecimal() or len(argument) > len(str(1 << 32)):
            return f"goto {argument}: it takes the number of a step, from 0 (the site) on"
        trouble = self._timeline.go_to(self._timeline.start + int(argument))
        self._target.stop = stopped(trouble)
        text = f" ({trouble.text})" if trouble else ""
        step = self._timeline.position - self._timeline.start
        return f"step {step}: {self._lab.where(self._timeline.pc)}{text}\n{STALE}"

    def _restart(self, _: str) -> str:
        """The call begins anew, at the site; callbacks will act again."""
        self._target.restart()
        return f"at the site of {self._timeline.function}\n{STALE}"
