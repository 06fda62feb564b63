# SPDX-License-Identifier: GPL-2.0-only
"""The C types of what the laboratory has in memory: struct pt_regs, ftrace_regs, ftrace_ops, and its variables."""

from __future__ import annotations

from emulator.core.release import VARIABLES
from emulator.debuginfo.entries import At, Entry, Form, Tag
from emulator.description import Member, Struct
from emulator.lab import Lab

SIGNED, UNSIGNED, UNSIGNED_CHAR = 0x05, 0x07, 0x08
"""DW_ATE_* (section 7.8)."""
NAMES = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long"}
FUNC_MEMBERS, OPS_MEMBERS = ("func", "saved_func", "ops_func"), ("next", "managed")
"""The members of struct ftrace_ops that are pointers to functions, and to other ops (include/linux/ftrace.h)."""


class Types:
    """Entries of types below a unit's root; each is made when it is first asked for."""

    def __init__(self, root: Entry, lab: Lab) -> None:
        self._root, self._word = root, lab.arch.word
        self._unsigned: dict[int, Entry] = {}
        self._int = self._base("int", 4, SIGNED)
        self.function = self._pointer(self._add(Entry(Tag.SUBROUTINE_TYPE).add(At.PROTOTYPED, Form.FLAG_PRESENT)))
        self.pt_regs = self._struct(lab.arch.pt_regs)
        if lab.struct is not lab.arch.pt_regs:
            self._struct(lab.struct)
        elif lab.release.callback_gets_fregs:
            self._wrap("ftrace_regs", "regs", self.pt_regs, lab.arch.pt_regs.size)
        self.ops = self._structure("ftrace_ops", lab.patcher.ops_layout.size)
        self._ops_pointer = self._pointer(self.ops)
        for member in lab.patcher.ops_layout.members:
            self._member(self.ops, member.name, member.offset, self._of_ops(member))

    def variable(self, name: str) -> Entry:
        """The type of a variable of kernel/trace."""
        if VARIABLES[name] == "int":
            return self._int
        return self._ops_pointer if name == "function_trace_op" else self.function

    def _of_ops(self, member: Member) -> Entry:
        if member.name in FUNC_MEMBERS:
            return self.function
        return self._ops_pointer if member.name in OPS_MEMBERS else self._number(member.size)

    def _number(self, size: int) -> Entry:
        """An unsigned number of that size, or a row of longs or bytes where there is none."""
        if size in NAMES and size <= self._word:
            if size not in self._unsigned:
                name = "unsigned long" if size == self._word else NAMES[size]
                self._unsigned[size] = self._base(name, size, UNSIGNED if size > 1 else UNSIGNED_CHAR)
            return self._unsigned[size]
        step = 1 if size % self._word else self._word
        row = self._add(Entry(Tag.ARRAY_TYPE).typed(self._number(step)))
        row.child(Entry(Tag.SUBRANGE_TYPE).add(At.UPPER_BOUND, Form.UDATA, size // step - 1))
        return row

    def _add(self, entry: Entry) -> Entry:
        return self._root.child(entry)

    def _base(self, name: str, size: int, encoding: int) -> Entry:
        entry = Entry(Tag.BASE_TYPE).named(name).add(At.BYTE_SIZE, Form.UDATA, size)
        return self._add(entry.add(At.ENCODING, Form.UDATA, encoding))

    def _pointer(self, to: Entry) -> Entry:
        return self._add(Entry(Tag.POINTER_TYPE).add(At.BYTE_SIZE, Form.UDATA, self._word).typed(to))

    def _structure(self, name: str, size: int) -> Entry:
        return self._add(Entry(Tag.STRUCTURE_TYPE).named(name).add(At.BYTE_SIZE, Form.UDATA, size))

    def _struct(self, struct: Struct) -> Entry:
        entry = self._structure(struct.name, struct.size)
        for member in struct.members:
            self._member(entry, member.name, member.offset, self._number(member.size))
        return entry

    def _wrap(self, name: str, member: str, inner: Entry, size: int) -> Entry:
        """A struct around another one."""
        entry = self._structure(name, size)
        self._member(entry, member, 0, inner)
        return entry

    def _member(self, struct: Entry, name: str, offset: int, kind: Entry) -> None:
        struct.child(Entry(Tag.MEMBER).named(name).typed(kind).add(At.DATA_MEMBER_LOCATION, Form.UDATA, offset))
