# SPDX-License-Identifier: GPL-2.0-only
"""What an architecture declares. The record `Arch` is the porting guide; read it from its docstring down.

Everything here is frozen, keyword-only where a reader would otherwise count commas, and free of behaviour: engines are
named by strings and looked up where they are used, so that importing an architecture imports no engine.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

# -- values at the site ------------------------------------------------------------------------------------------------
# A small vocabulary for "which value is meant", used both for what a record promises and for where a byte came from.
# All are taken at the site: before the first byte of the patched instruction runs.


@dataclass(frozen=True, slots=True)
class Reg:
    """The value of a register at the site."""

    name: str


@dataclass(frozen=True, slots=True)
class Sum:
    """A register at the site plus a constant number of bytes."""

    base: str
    offset: int


@dataclass(frozen=True, slots=True)
class Word:
    """The word in memory at a register plus an offset in bytes, at the site."""

    base: str
    offset: int


@dataclass(frozen=True, slots=True)
class Return:
    """The address after the site's call instruction, which is where the trampoline lands."""


@dataclass(frozen=True, slots=True)
class Const:
    """A number that the trampoline writes itself."""

    value: int


Value = Reg | Sum | Word | Return | Const


# -- structures --------------------------------------------------------------------------------------------------------


class Member(NamedTuple):
    """One member of a record: `offset` and `size` in bytes, and what it promises to hold in a full record."""

    name: str
    offset: int
    size: int
    holds: Value | None = None


@dataclass(frozen=True)
class Struct:
    """A record in memory; `size` in bytes, members in the order of their offsets."""

    name: str
    size: int
    members: tuple[Member, ...]

    def member(self, name: str) -> Member:
        """The member called `name`. Raises KeyError."""
        return self._named[name]

    @cached_property
    def _named(self) -> dict[str, Member]:
        return {member.name: member for member in self.members}


def words(name: str, size: int, word: int, members: Mapping[str, tuple[int, Value | None]]) -> Struct:
    """A Struct all of whose members are `word` bytes wide, from {member: (offset, promise)}."""
    return Struct(name, size, tuple(Member(key, at, word, holds) for key, (at, holds) in members.items()))


# -- registers and the C ABI -------------------------------------------------------------------------------------------


class Register(NamedTuple):
    """A register: the name people use, and the tail of unicorn's constant (UC_X86_REG_RAX -> "RAX")."""

    name: str
    unicorn: str


def registers(names: str, unicorn: Mapping[str, str] | None = None) -> tuple[Register, ...]:
    """Registers from a string of names; unicorn's name is the upper-case one unless the mapping says otherwise."""
    other = unicorn or {}
    return tuple(Register(name, other.get(name, name.upper())) for name in names.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Abi:
    """The C calling convention, and which register plays which part."""

    arguments: tuple[str, ...]
    """Registers of the first arguments, in order."""
    stack_arguments: int | None = None
    """Where the arguments behind these are at a function's entry, in bytes above sp; None: nobody passes any here."""
    returns: tuple[str, ...]
    """Registers of the return value."""
    preserved: tuple[str, ...]
    """What a C function gives back as found, the stack pointer included."""
    pc: str
    sp: str
    flags: str
    arithmetic_flags: int
    """The bits of the flags register that arithmetic changes and that a run may vary freely."""
    flags_base: int
    """The other bits of the flags register, as a kernel runs with interrupts on."""
    frame_pointer: str | None = None
    """The register that leads from frame to frame, where kernels may be built so; where an Entry builds frames itself,
    [it] = next, [it + word] = return."""
    frame_mark: int = 1
    """The bits of a frame pointer that are turned over where it is the address of a record (ENCODE_FRAME_POINTER)."""
    link: str | None = None
    """The register a call puts its return address into; None where the call pushes it."""
    stack_align: int
    """What the ABI document asks of sp at a call, in bytes."""
    kernel_stack_align: int
    """What kernels are built for; less, maybe."""


# -- encodings ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Branch:
    """A call, a jump or a load relative to pc that the kernel writes into text itself.

    `opcode` is the instruction with its displacement field zero, `fixup` the name of the function in
    emulator/assembly/fixups.py that fills the field, `at` the field's offset in bytes, `addend` what ELF would add.
    """

    opcode: bytes
    fixup: str
    at: int = 0
    addend: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The patchable instruction at a traced function's entry, as one configuration's compiler leaves it.

    The bytes around it stand in the architecture's kernel.S, which is assembled with the variant's defines.
    """

    mcount: str | None
    """What the compiler's call goes to before boot has patched it: mcount, __fentry__, __gnu_mcount_nc; None where it
    leaves NOPs (-fpatchable-function-entry)."""
    call: Branch
    nop: bytes
    """The disabled site, as long as the call."""
    parent: Value
    """Where the traced function's return address is found at the site."""
    parent_slot: Value | None
    """The address of the word through which the function really returns, at the site; None where it will return through
    the link register as it is at landing."""
    pops: int = 0
    """How many bytes higher sp is at landing than at the site: what the compiler pushed for the call's sake."""
    prologue: bytes = b""
    """What is directly before the call for its sake: by the compiler, or, where that leaves NOPs, by boot."""
    bare_slot: Value | None = None
    """parent_slot in a function that begins with `prologue`, without a frame of its own; None: the same."""
    ops_literal: int | None = None
    """With DYNAMIC_FTRACE_WITH_CALL_OPS: how many bytes before the call the pointer to an ops is, before that address
    is rounded down to a multiple of its size."""
    loc: int = 0
    """Bytes from where an entry of a kernel's __mcount_loc leads to the call; where a landing pad stands between the
    two, the call is so much later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A trampoline that a site can be made to call."""

    symbol: str
    call: str | None = None
    """The label whose call instruction the core patches: ftrace_call, ftrace_regs_call; None in static mcount, and
    where the function is found through the site's ops."""
    uncalled: bytes = b""
    """What stands there before that, where it is no call of ftrace_stub: a NOP."""
    record: int | None = None
    """Which argument (from 0) points to the record; None where no record is passed."""
    promises: tuple[str, ...] = ()
    """The members of the record that this entry fills with what Member.holds says; the others may hold anything."""
    record_size: int | None = None
    """Bytes of the record where it is shorter than the struct: what lies above is the traced function's."""
    constants: Mapping[str, int] = field(default_factory=dict)
    """Members to which this entry gives a number of its own instead: a mark, an empty slot."""
    honours: tuple[str, ...] = ()
    """The members that are loaded back, so that a callback's write reaches the traced function."""
    clobbers: tuple[str, ...] = ()
    """Registers that this entry may leave changed, by that release's own word."""
    frames: str | None = None
    """With frame pointers: "own", the traced function has built its frame before the site; "added", it has, and one is
    put in front of that; "linked", two frames are built, the traced function's and its parent's; "encoded", the frame
    pointer is the record's address with Abi.frame_mark turned over; None, nothing is built."""
    end: str | None = None
    """Private copies only: the label behind the last byte copied."""
    op_load: str | None = None
    """Private copies only: the label of the instruction that loads function_trace_op."""
    direct_jump: str | None = None
    """Private copies only: the label of the jump to the direct-call exit, which a copy neutralises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """How a private copy of an Entry is made (create_trampoline); all bytes are written by the kernel itself."""

    op_load: Branch
    """The instruction expected at Entry.op_load; its field is made to lead to the copy's own ops pointer."""
    no_jump: bytes
    """What replaces the jump at Entry.direct_jump."""
    jump: bytes
    """What must stand there: the first bytes of that jump."""
    ending: bytes
    """What is written behind the copied code; the ops pointer follows `ending_size` bytes on."""
    ending_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Poke:
    """How a kernel changes an instruction that somebody may be about to run.

    Either everybody else is stopped meanwhile; or a breakpoint stands in its first byte until the others are new, and
    the breakpoint's handler sends on what runs onto it; or it is written by plain stores.
    """

    stopped: bool = True
    """Everybody else is stopped: stop_machine()."""
    breakpoint: bytes = b""
    """The breakpoint instruction; empty: there is none."""
    emulates: bool = False
    """What the handler does: the new instruction, or nothing but to go on behind the old one."""
    labels: bool = True
    """Whether it knows the calls in trampolines, and not only sites."""
    graph: bool = True
    """Whether the branch to the graph caller is changed in this way too, and not by plain stores."""
    whole: int = 1
    """Bytes of a plain store that others see at once."""


class GraphCall(NamedTuple):
    """A place in a trampoline where the graph caller is switched on and off (ftrace_enable_ftrace_graph_caller())."""

    label: str
    """ftrace_graph_call, ftrace_graph_regs_call."""
    caller: str
    """Where the branch there leads while the graph tracer is on: ftrace_graph_caller."""
    jump: Branch
    off: bytes | str
    """While it is off: a NOP's bytes, or the symbol that the branch leads to instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """How the function graph tracer gets at a traced function's return address, and back.

    Either a trampoline calls prepare_ftrace_return(), at the labels of `calls` or, in static mcount, by itself; or the
    graph tracer is an ordinary ops whose func is ftrace_graph_func(), and `slot` or `kept_in` says where that looks.
    """

    calls: tuple[GraphCall, ...] = ()
    entry: Entry | None = None
    """What a site calls where the graph tracer alone has registered for its function (FTRACE_GRAPH_TRAMP_ADDR); it goes
    to the graph tracer and calls nobody else."""
    beside: bool = False
    """Static mcount goes to the graph tracer behind a callback as well, and not only in its place."""
    prepare: tuple[str, ...] = ()
    """What prepare_ftrace_return() gets, in order: parent, self_addr, frame_pointer, stack_pointer."""
    slot: str | None = None
    """The member of ftrace_regs that holds the address of the parent's return address."""
    kept_in: str | None = None
    """The member that holds that return address itself, and is loaded back."""
    frame: Value | None = None
    """What prepare_ftrace_return() gets for frame_pointer, at the site; None where nobody looks at it."""
    handler: str
    """What ftrace_return_to_handler() gets: frame_pointer, or fregs."""
    returns: Value | None = None
    """What that frame_pointer is, as the function returns."""
    at_exit: tuple[str, ...] = ()
    """The members that return_to_handler fills where it passes fregs, with what the function leaves in registers."""
    found_by: str = "parent"
    """What ftrace_graph_ret_addr() tells taken returns apart by (retp): parent, their address, or frame_pointer."""

    @property
    def is_ops(self) -> bool:
        """Whether the architecture has ftrace_graph_func()."""
        return self.slot is not None or self.kept_in is not None


def ops_literal(site: Site, ip: int, word: int) -> int | None:
    """Where the pointer to an ops of the site at `ip` is, None where it has none of its own."""
    return None if site.ops_literal is None else (ip - site.ops_literal) // word * word


def loaded_into(member: Member, site: Site, abi: Abi) -> str | None:
    """The register that a trampoline loads a member into, if it does; None where that is none.

    The traced function's return address goes into the link register, wherever the site has it; but what is called as
    the register that it holds is that register's.
    """
    if member.holds == site.parent and member.holds != Reg(member.name):
        return abi.link
    match member.holds:
        case Reg(name) | Sum(name, _):
            return name
        case _:
            return None


# -- variants ----------------------------------------------------------------------------------------------------------


class Ability(enum.Flag):
    """What a configuration of a kernel can do, by the kernel's own names (without CONFIG_ and HAVE_)."""

    NONE = 0
    FUNCTION_TRACER = enum.auto()
    DYNAMIC_FTRACE = enum.auto()
    DYNAMIC_FTRACE_WITH_REGS = enum.auto()
    DYNAMIC_FTRACE_WITH_ARGS = enum.auto()
    DYNAMIC_FTRACE_WITH_DIRECT_CALLS = enum.auto()
    DYNAMIC_FTRACE_WITH_CALL_OPS = enum.auto()
    """Each site has a pointer of its own to the ops that its trampoline calls (since 6.3)."""
    FUNCTION_TRACE_MCOUNT_TEST = enum.auto()
    """The trampoline tests function_trace_stop (up to 3.16)."""
    ARCH_SUPPORTS_FTRACE_OPS = enum.auto()
    """The trampoline passes op and, where it can, regs; otherwise the list function steps in."""
    TRAMPOLINE_PER_OPS = enum.auto()
    """arch_ftrace_update_trampoline() makes a private copy for each ops."""
    ARCH_REPLACE_CODE = enum.auto()
    """The architecture has a ftrace_replace_code() of its own, which verifies every site before it writes any."""
    FUNCTION_GRAPH_TRACER = enum.auto()
    FUNCTION_GRAPH_FP_TEST = enum.auto()
    FUNCTION_GRAPH_RETVAL = enum.auto()
    """A graph tracer's retfunc sees what the function returns (since 6.5)."""
    STATIC_CALL = enum.auto()
    """One user of the graph tracer is called without a look at its hash (6.12)."""
    FRAME_POINTER = enum.auto()
    KERNEL_IBT = enum.auto()
    """Indirect branches need landing pads: X86_KERNEL_IBT, ARM64_BTI_KERNEL."""


class BootTable(NamedTuple):
    """The shape of one of Arch.boot_patches.

    An entry begins with the distance, in 4 bytes, from itself to the instruction.
    """

    section: str
    size: int
    """Bytes of an entry."""
    feature: int | None = None
    """Offset of the 2 bytes that say which feature of the CPU it depends on: 32 * word + bit."""
    symbols: tuple[str, str] | None = None
    """The names of its beginning and its end, by which a kernel without section headers has it."""


class SelfRelocation(NamedTuple):
    """How a kernel that can run anywhere says which words of it are addresses of its own: a table of RELA."""

    tables: tuple[tuple[str, str], ...]
    """The symbols at its beginning and its end, as one release or another calls them."""
    relative: int
    """The type of relocation that means load address + addend: R_<machine>_RELATIVE."""


CONFIGURED = (
    Ability.FUNCTION_TRACER
    | Ability.DYNAMIC_FTRACE
    | Ability.DYNAMIC_FTRACE_WITH_REGS
    | Ability.DYNAMIC_FTRACE_WITH_ARGS
    | Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS
    | Ability.DYNAMIC_FTRACE_WITH_CALL_OPS
    | Ability.FUNCTION_GRAPH_TRACER
    | Ability.FRAME_POINTER
)
"""The abilities that a .config shows, each as CONFIG_<name>; of the others it has at most a CONFIG_HAVE_<name>."""


class Quirk(NamedTuple):
    """A known fault of that kernel release: the clause it breaks, what exactly, what happens, and the source.

    `exercises` is a pattern of the exercises that show it, `got` one of what there is then, as fnmatch reads them.
    """

    clause: str
    what: str
    effect: str
    source: str
    exercises: str = "*"
    got: str = "*"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variant:
    """One architecture at one release in one configuration."""

    name: str
    release: str
    summary: str
    """One line: style of the site and what is special here."""
    source: str
    """The trampoline's file below trampolines/<arch>/."""
    defines: Mapping[str, int] = field(default_factory=dict)
    """Symbols that the trampoline's source and kernel.S are assembled with: the configuration."""
    abilities: Ability
    site: Site
    plain: Entry
    """ftrace_caller; in a static variant what its sites call for ever: mcount."""
    regs: Entry | None = None
    """ftrace_regs_caller."""
    graph: Graph | None = None
    direct: str | None = None
    """The member of the record by which a callback asks for a direct call (arch_ftrace_set_direct_caller())."""
    copying: Copying | None = None
    poke: Poke = Poke()
    boot: tuple[BootTable, ...] = ()
    """How a linked kernel of this release lists what it changes as it boots."""
    fregs: Struct | None = None
    """struct ftrace_regs where it is no pt_regs; then ftrace_get_regs() is always NULL."""
    get_regs: str | None = None
    """With partial records: the member that is zero in them, by which ftrace_get_regs() tells (None: no such test)."""
    quirks: tuple[Quirk, ...] = ()
    synthetic: bool = False
    """True for a configuration that no real kernel had."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The trampolines that sites call: ftrace_caller, and ftrace_regs_caller and the graph tracer's own if any."""
        others = (self.regs, self.graph.entry if self.graph else None)
        return (self.plain, *(entry for entry in others if entry))

    @property
    def always_regs(self) -> bool:
        """Whether ftrace_get_regs() takes the record of ftrace_caller for a pt_regs too, though much of it is stale."""
        return bool(self.plain.promises) and self.fregs is None and self.get_regs is None

    @property
    def shares_direct_calls(self) -> bool:
        """Whether a trampoline goes to what a callback has put into `direct`."""
        return any(self.direct in entry.honours for entry in self.entries)


# -- the kernel's build ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Kbuild:
    """How the kernel's own build treats a .S of this architecture, as far as a tree's files don't say it themselves."""

    sources: str = "*"
    """Which files below arch/<kernel> are this architecture's, as fnmatch reads it, where another one has the rest."""
    macros: Mapping[str, str]
    """What the compiler defines and kernel headers look at (cc -dM -E), and what arch/<kernel>/Makefile gives by -D."""
    before: tuple[str, ...] = ()
    """Files, from the tree's root, that arch/<kernel>/Makefile has included before each source."""
    configuration: Mapping[str, str]
    """What a tree without a configuration is taken to have, as .config puts it: y, or a number. What the variant's
    abilities and defines imply comes on top."""
    offsets: Mapping[str, str] = field(default_factory=dict)
    """What asm-offsets.h calls the numbers that emulator/asm_offsets.py has: {its name: ours}."""
    unread: tuple[str, ...] = ()
    """Sections, as fnmatch reads them, that no trampoline needs to run."""


# -- engines -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Engine:
    """The names by which other projects know this architecture; each is one of their constants without its prefix."""

    unicorn: tuple[str, tuple[str, ...]]
    """(UC_ARCH_*, UC_MODE_* to be or-ed)."""
    keystone: tuple[str, tuple[str, ...]]
    """(KS_ARCH_*, KS_MODE_* to be or-ed)."""
    capstone: tuple[str, tuple[str, ...]]
    """(CS_ARCH_*, CS_MODE_* to be or-ed)."""
    dialect: str
    """The module in emulator/assembly/dialects/ that knows this assembler language."""
    gnu: tuple[str, ...]
    """Prefixes of GNU binutils to try on PATH, "" for the host's own."""
    gnu_flags: tuple[str, ...] = ()
    elf_machine: int
    """e_machine of the objects that are this architecture's (the ELF specification's EM_*)."""
    elf_marks: Mapping[str, bool] = field(default_factory=dict, hash=False)
    """The local symbols that say whether code or data follows, where objects have such; others mean other code."""
    gnu_emulation: str = ""
    """The -m of GNU ld where it is not the default of one that the prefixes name."""
    elf_flags: int = 0
    """e_flags of the files that are written for debuggers."""
    gdb: str
    """What gdb calls the architecture (`set architecture`)."""
    qemu: str
    """What QEMU calls the architecture: qemu-* runs a user's program."""


class GdbRegister(NamedTuple):
    """A register as gdb wants to be told of it: its name there, its width, its type in a target description.

    `holds` is its name in Arch.registers; None: gdb insists on it, and is told that its value is not available.
    """

    name: str
    bits: int
    type: str
    holds: str | None


class GdbFeature(NamedTuple):
    """A named group of registers that gdb knows (its manual, "Standard Target Features")."""

    name: str
    registers: tuple[GdbRegister, ...]


def gdb_registers(names: str, bits: int, kind: str, holds: Mapping[str, str] | None = None) -> tuple[GdbRegister, ...]:
    """Registers from a string of names, which are those of Arch.registers too unless the mapping says otherwise."""
    other = holds or {}
    return tuple(GdbRegister(name, bits, kind, other.get(name, name)) for name in names.split())


def gdb_unavailable(names: str, bits: int, kind: str) -> tuple[GdbRegister, ...]:
    """Registers that no trampoline uses and that gdb insists on."""
    return tuple(GdbRegister(name, bits, kind, None) for name in names.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Gdb:
    """What a debugger must know beside the names: how registers travel, and what numbers DWARF gives them."""

    features: tuple[GdbFeature, ...]
    """All registers, in the order in which they are numbered from 0."""
    dwarf: tuple[str, ...]
    """Names of Arch.registers, in the order of their numbers in DWARF, from 0 (the architecture's psABI)."""
    watch_before: bool = False
    """Whether gdb expects a watchpoint to be reported before the instruction has run, not after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Selectors of segments, which a CPU takes only if its table has a descriptor for them.

    A kernel has one value in each such register; in a table full of segments that are all the same, a run can have
    other ones each time, and it shows which register is which.
    """

    table: int
    """The table's address; nothing else of a kernel is near."""
    descriptors: bytes
    limit: str
    """The tail of unicorn's constant for the register that holds the table's address and limit: "GDTR"."""
    code: tuple[str, int]
    """The same for the register of the code segment, and the selector in it."""
    selectors: Mapping[str, range]
    """What a run may find in each of the other registers, by their names in Arch.registers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Where the fake kernel lives; addresses of real kernels, so that a listing looks like one."""

    text: int
    data: int
    modules: int
    """Where private copies and the functions of modules go; within reach of a call from `text` if there are copies."""
    stack: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arch:
    """One architecture. To add one, write arch/<name>.py that ends in ARCH = Arch(...), and trampolines/<name>/.

    Tier 1, recognition: name to uname, engine, word, big_endian, registers, abi, memory. `list` shows it.
    Tier 2, plain mcount: kernel.S (the traced functions and their sites) and one variant with `site` and `plain`.
    Tier 3, ops: a variant whose abilities have ARCH_SUPPORTS_FTRACE_OPS.
    Tier 4, regs: pt_regs with a promise per member, and a variant with `regs`.
    Tier 5, graph: `graph` and FUNCTION_GRAPH_TRACER.  Tier 6, direct calls: `direct`, and their ability.
    Debugging: `gdb`.
    What is not declared is UNSUPPORTED by name. tests/ covers a new file without being told: it reads the folder.
    """

    name: str
    """The stem of the file, the folder below trampolines/, and what ARCH= takes."""
    title: str
    """For people: "64-bit x86"."""
    kernel: str
    """The kernel's folder below arch/."""
    aliases: tuple[str, ...] = ()
    """Other names that ARCH= takes: uname -m, the kernel's ARCH."""
    engine: Engine
    word: int
    """Size of an unsigned long and of a pointer, in bytes."""
    big_endian: bool = False
    registers: tuple[Register, ...]
    """All registers that a run seeds, records and compares, pc and flags included."""
    abi: Abi
    memory: Memory
    segments: Segments | None = None
    """Where there are registers that do not take any number."""
    pt_regs: Struct
    gdb: Gdb | None = None
    """None: there is no debugging yet."""
    function_return: bytes
    """The instruction by which a C function without a frame returns."""
    thunks: tuple[str, ...] = ()
    """Functions, as fnmatch reads their names, that code of kernels jumps to in the place of a return or of an indirect
    branch."""
    boot_patches: Mapping[str, str] = field(default_factory=dict)
    """Sections that list code which a kernel changes as it boots: what that is, in the plural."""
    self_relocation: SelfRelocation | None = None
    """None: the file of a kernel has its own addresses in their places."""
    landing_pad: bytes = b""
    """What an indirect branch must find in a kernel with KERNEL_IBT; empty where there is no such thing."""
    pads_entries: bool = False
    """Whether trampolines begin with it in kernels without KERNEL_IBT, too."""
    exit: bytes
    """Any one instruction that can stand at the exit address; it never runs."""
    kbuild: Kbuild | None = None
    """None: sources of the kernel's own are not taken out of a tree."""
    variants: tuple[Variant, ...]
    """Oldest release first; the one whose name is its release is that release's default."""

    @property
    def order(self) -> Literal["big", "little"]:
        """The order of bytes in memory, as int.from_bytes() calls it."""
        return "big" if self.big_endian else "little"

    def record(self, variant: Variant) -> Struct:
        """What the fourth argument of a variant's callbacks points to."""
        return variant.fregs or self.pt_regs

    def variant(self, name: str) -> Variant:
        """The variant called `name`. Raises KeyError."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise KeyError(name)

    @property
    def releases(self) -> tuple[str, ...]:
        """The releases that have a variant, oldest first."""
        return tuple(dict.fromkeys(variant.release for variant in self.variants))
