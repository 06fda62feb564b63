# SPDX-License-Identifier: GPL-2.0-only
"""32-bit x86. System V i386 ABI with -mregparm=3; kernel: arch/x86/kernel/{entry_32.S (3.x), ftrace_32.S (6.x)}."""

from dataclasses import replace

from emulator.description import (
    Abi,
    Ability,
    Arch,
    Branch,
    Const,
    Engine,
    Entry,
    Gdb,
    GdbFeature,
    Graph,
    GraphCall,
    Kbuild,
    Member,
    Memory,
    Poke,
    Quirk,
    Reg,
    Return,
    Segments,
    Site,
    Struct,
    Sum,
    Variant,
    Word,
    gdb_registers,
    gdb_unavailable,
    registers,
)
from emulator.quirks import NO_CALLS_MEANWHILE, stale_op

# -- records: arch/x86/include/asm/ptrace.h. Selectors are 16 bits wide; the other half of their words is nobody's -----

PT_REGS = Struct(
    "pt_regs",
    68,
    (
        Member("bx", 0, 4, Reg("ebx")),
        Member("cx", 4, 4, Reg("ecx")),
        Member("dx", 8, 4, Reg("edx")),
        Member("si", 12, 4, Reg("esi")),
        Member("di", 16, 4, Reg("edi")),
        Member("bp", 20, 4, Reg("ebp")),
        Member("ax", 24, 4, Reg("eax")),
        Member("ds", 28, 2, Reg("ds")),
        Member("es", 32, 2, Reg("es")),
        Member("fs", 36, 2, Reg("fs")),
        Member("gs", 40, 2, Reg("gs")),
        Member("orig_ax", 44, 4, Const(0)),  # not a system call
        Member("ip", 48, 4, Return()),
        Member("cs", 52, 2, Const(0x60)),  # __KERNEL_CS
        Member("flags", 56, 4, Reg("eflags")),
        Member("sp", 60, 4, Reg("esp")),  # before the site's call: the address of the parent's return address
        Member("ss", 64, 2, Reg("ss")),
    ),
)
EVERY = tuple(member.name for member in PT_REGS.members)
GENERAL = ("bx", "cx", "dx", "si", "di", "bp", "ax")

# -- segments: all of them the whole address space, as a kernel's are -------------------------------------------------

FLAT, CODE = bytes.fromhex("ffff0000 00 93 cf 00"), bytes.fromhex("ffff0000 00 9b cf 00")
FLAT_FOR_USERS = bytes.fromhex("ffff0000 00 f3 cf 00")  # what ds, es and gs of a kernel hold
KERNEL_CS = 0x60


def selectors(first: int) -> range:
    """64 descriptors for users, and the privilege that they ask for."""
    return range(8 * first + 3, 8 * (first + 64), 8)


SEGMENTS = Segments(
    table=0xFFFB0000,  # the fixmap, where cpu_entry_area has it
    descriptors=bytes(8) + 11 * FLAT + CODE + 51 * FLAT + 256 * FLAT_FOR_USERS,
    limit="GDTR",
    code=("CS", KERNEL_CS),
    selectors={
        "ds": selectors(64),
        "es": selectors(128),
        "fs": selectors(192),
        "gs": selectors(256),
        "ss": range(0x68, 8 * 64, 8),
    },
)

# -- sites ------------------------------------------------------------------------------------------------------------

CALL = Branch(b"\xe8\0\0\0\0", "R_386_PC32", at=1, addend=-4)
JUMP = Branch(b"\xe9\0\0\0\0", "R_386_PC32", at=1, addend=-4)
NOP5 = bytes.fromhex("3e8d742600")  # arch/x86/include/asm/nops.h of 6.x, BYTES_NOP5
P6_NOP5 = bytes.fromhex("0f1f440000")  # 3.x arch_init_ideal_nops(): every Intel CPU that has it and likes it

FENTRY = Site(mcount="__fentry__", call=CALL, nop=NOP5, parent=Word("esp", 0), parent_slot=Reg("esp"))
MCOUNT = Site(mcount="mcount", call=CALL, nop=P6_NOP5, parent=Word("ebp", 4), parent_slot=Sum("ebp", 4))

# 3.7 arch/x86/kernel/ftrace.c ftrace_int3_handler(): a site that is hit acts as a NOP.
POKE_3 = Poke(stopped=False, breakpoint=b"\xcc", labels=False, graph=False)
POKE_QUIRKS_3 = (
    NO_CALLS_MEANWHILE,
    Quirk(
        "P3",
        "T2 landing",
        "a task that has passed the test of function_trace_stop dies at the breakpoint at ftrace_call",
        "3.7 arch/x86/kernel/ftrace.c ftrace_int3_handler(): it knows sites only; later releases know ftrace_call too",
        "change-*",
        "CPU exception 3 at ftrace_*",
    ),
)
# arch/x86/kernel/alternative.c poke_int3_handler(): a site that is hit acts as the new instruction.
POKE_6 = Poke(stopped=False, breakpoint=b"\xcc", emulates=True)


# -- 3.6: neither op nor regs -----------------------------------------------------------------------------------------

FRAMES = Ability.FRAME_POINTER | Ability.FUNCTION_GRAPH_FP_TEST  # mcount brings frame pointers with it
STATIC3 = Ability.FUNCTION_TRACER | Ability.FUNCTION_GRAPH_TRACER | Ability.FUNCTION_TRACE_MCOUNT_TEST | FRAMES
X36 = STATIC3 | Ability.DYNAMIC_FTRACE | Ability.ARCH_REPLACE_CODE

PLAIN_36 = Entry(symbol="ftrace_caller", call="ftrace_call", clobbers=("eflags",), frames="own")
STATIC_MCOUNT = Entry(symbol="mcount", clobbers=("eflags",), frames="own")

# arch/x86/kernel/ftrace.c prepare_ftrace_return(parent, self_addr, frame_pointer), ftrace_mod_jmp()
STATIC_GRAPH_3 = Graph(
    prepare=("parent", "self_addr", "frame_pointer"), frame=Word("ebp", 0), handler="frame_pointer", returns=Reg("ebp")
)
GRAPH_CALL = GraphCall("ftrace_graph_call", "ftrace_graph_caller", JUMP, "ftrace_stub")
GRAPH_3 = replace(STATIC_GRAPH_3, calls=(GRAPH_CALL,))

# -- 3.7: the June 2012 series ----------------------------------------------------------------------------------------

X37 = X36 | Ability.ARCH_SUPPORTS_FTRACE_OPS | Ability.DYNAMIC_FTRACE_WITH_REGS
PLAIN_37 = replace(PLAIN_36, record=3)
REGS_37 = Entry(
    symbol="ftrace_regs_caller",
    call="ftrace_regs_call",
    record=3,
    record_size=60,
    promises=tuple(name for name in EVERY if name not in ("sp", "ss")),
    honours=(*GENERAL, "ds", "es", "fs", "gs", "ip", "flags"),
    frames="own",
)
WHERE_37 = "3.7 arch/x86/kernel/entry_32.S"
QUIRKS_37 = (
    *POKE_QUIRKS_3,
    Quirk(
        "C3",
        "op",
        "the callback gets the address of the variable function_trace_op instead of its contents",
        f"{WHERE_37} ftrace_caller, ftrace_regs_caller: an LEA; the variable itself is loaded since 3.13",
        got="&function_trace_op",
    ),
    *(
        Quirk(
            clause,
            "eflags",
            "lost behind ftrace_regs_caller while the graph tracer is on",
            f"{WHERE_37} ftrace_graph_caller: behind both entries, it does arithmetic as behind the plain one",
            exercises,
        )
        for clause, exercises in (("T4", "graph-regs*"), ("W1", "graph-ip"))
    ),
    Quirk(
        "G2",
        "self_addr",
        "where a callback has changed ip the graph tracer takes that for the function",
        f"{WHERE_37} ftrace_graph_caller: behind both entries, it looks at the return address",
        "graph-ip",
    ),
)

# -- 6.1 and 6.12: no private copies, and no record but the full one --------------------------------------------------

X61 = (
    Ability.FUNCTION_TRACER
    | Ability.DYNAMIC_FTRACE
    | Ability.DYNAMIC_FTRACE_WITH_REGS
    | Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS
    | Ability.ARCH_SUPPORTS_FTRACE_OPS
    | Ability.ARCH_REPLACE_CODE
    | Ability.FUNCTION_GRAPH_TRACER
)
X612 = X61 | Ability.FUNCTION_GRAPH_RETVAL | Ability.STATIC_CALL

PLAIN_6 = Entry(symbol="ftrace_caller", call="ftrace_call", record=3, clobbers=("eflags",))
REGS_6 = Entry(
    symbol="ftrace_regs_caller",
    call="ftrace_regs_call",
    record=3,
    promises=EVERY,
    honours=(*GENERAL, "ip", "sp"),
    clobbers=("eflags",),
)
PLAIN_6_FRAMED, REGS_6_FRAMED = replace(PLAIN_6, frames="linked"), replace(REGS_6, frames="encoded")

# arch/x86/kernel/ftrace.c prepare_ftrace_return(ip, parent, frame_pointer), ftrace_mod_jmp(); asm/ftrace.h
GRAPH_61 = Graph(
    calls=(GRAPH_CALL,),
    entry=Entry(symbol="ftrace_graph_caller", clobbers=("eflags",)),
    prepare=("self_addr", "parent", "frame_pointer"),
    handler="frame_pointer",
)
GRAPH_612 = replace(GRAPH_61, handler="fregs", at_exit=("ax", "dx", "bp", "sp"))

DEFINES_6 = {"CC_USING_FENTRY": 1, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS": 1}


def quirks_6(release: str) -> tuple[Quirk, ...]:
    """What is known to be wrong in both of them."""
    where = f"{release} arch/x86/kernel/ftrace_32.S"
    flags = "read behind two instructions of arithmetic: the arithmetic flags are not the site's"
    early = f"{where} ftrace_regs_caller: subl and addl come before pushfl"
    lost = "a direct call is lost where another ops shares the function"
    skipped = f"{where} ftrace_regs_caller: orig_ax is not looked at"
    return (
        stale_op(release),
        Quirk("C5", "flags", flags, early),
        Quirk("P3", "C5 flags", flags, early, "change-*"),
        Quirk("T2", "landing", lost, skipped, "*direct*"),
        Quirk("W2", "landing", lost, skipped, "*direct*"),
        Quirk("P4", "callbacks", lost, skipped, "change-direct*"),
        Quirk(
            "G2",
            "self_addr",
            "where a callback has changed ip the graph tracer takes that for the function",
            f"{where} ftrace_graph_caller: behind both entries, it looks at the return address",
            "graph-ip",
        ),
    )


ENCODED_IN_TWO_STEPS = Quirk(
    "U1",
    "frames on the way",
    "for one instruction the frame pointer is the record's address, as if a frame were there",
    "arch/x86/include/asm/frame.h ENCODE_FRAME_POINTER: a movl, and then an andl",
)
NO_FRAME_AT_EXIT = tuple(
    Quirk(
        "G4",
        f"{member} at the exit",
        f"a retfunc that looks at {member} in its record finds something else",
        f"6.12 arch/x86/kernel/ftrace_32.S return_to_handler: {what}",
        got=got,
    )
    for member, what, got in (("bp", "bp = 0", "0x0"), ("sp", "no store to sp", "*"))
)


def v3(release: str, passes: str, abilities: Ability, regs: Entry | None, *quirks: Quirk) -> tuple[Variant, ...]:
    """3.6 or 3.7, with DYNAMIC_FTRACE and without."""
    dynamic = Variant(
        name=release,
        release=release,
        summary=f"mcount; tests function_trace_stop; {passes}",
        source=f"ftrace-{release}.S",
        abilities=abilities,
        site=MCOUNT,
        plain=PLAIN_37 if regs else PLAIN_36,
        regs=regs,
        graph=GRAPH_3,
        poke=POKE_3,
        quirks=quirks,
    )
    static = Variant(
        name=f"{release}-static",
        release=release,
        summary="mcount, never patched: !DYNAMIC_FTRACE",
        source="static-3.6.S",
        defines={"TEST_STOP_TWICE": 1} if release == "3.6" else {},
        abilities=STATIC3,
        site=MCOUNT,
        plain=STATIC_MCOUNT,
        graph=STATIC_GRAPH_3,
    )
    return dynamic, static


def v6(release: str, abilities: Ability, graph: Graph, *quirks: Quirk) -> tuple[Variant, ...]:
    """The configurations of 6.1 or 6.12."""
    base = Variant(
        name=release,
        release=release,
        summary="fentry; regs NULL, or an int3's for SAVE_REGS; the graph caller called by the site itself",
        source=f"ftrace-{release}.S",
        defines=DEFINES_6,
        abilities=abilities,
        site=FENTRY,
        plain=PLAIN_6,
        regs=REGS_6,
        graph=graph,
        direct="orig_ax",
        poke=POKE_6,
        quirks=(*quirks_6(release), *quirks),
    )
    framed = replace(
        base,
        name=f"{release}-fp",
        summary="fentry, frame pointers",
        defines=DEFINES_6 | {"CONFIG_FRAME_POINTER": 1},
        abilities=abilities | Ability.FRAME_POINTER,
        plain=PLAIN_6_FRAMED,
        regs=REGS_6_FRAMED,
        quirks=(*base.quirks, ENCODED_IN_TWO_STEPS),
    )
    return base, framed


# -- the kernel's build -----------------------------------------------------------------------------------------------

# Configuration: i386_defconfig, as far as headers of ftrace_32.S look at it. Its frame pointers are a variant's.
KBUILD = Kbuild(
    sources="*_32.S",
    macros={"__i386__": "1", "__CHAR_BIT__": "8", "__SIZEOF_POINTER__": "4", "__SIZEOF_LONG__": "4"},
    configuration={
        "CONFIG_X86": "y",
        "CONFIG_X86_32": "y",
        "CONFIG_SMP": "y",
        "CONFIG_X86_32_SMP": "y",
        "CONFIG_HAVE_FENTRY": "y",
        "CONFIG_FUNCTION_ALIGNMENT": "4",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_PAGE_OFFSET": "0xC0000000",
        "CONFIG_PHYSICAL_START": "0x1000000",
        "CONFIG_PHYSICAL_ALIGN": "0x200000",
        "CONFIG_X86_L1_CACHE_SHIFT": "5",
        "CONFIG_X86_INTERNODE_CACHE_SHIFT": "5",
        "CONFIG_RETPOLINE": "y",
        "CONFIG_MITIGATION_RETPOLINE": "y",
    },
    offsets={  # arch/x86/kernel/asm-offsets_32.c
        "PT_EBX": "PT_bx",
        "PT_ECX": "PT_cx",
        "PT_EDX": "PT_dx",
        "PT_ESI": "PT_si",
        "PT_EDI": "PT_di",
        "PT_EBP": "PT_bp",
        "PT_EAX": "PT_ax",
        "PT_DS": "PT_ds",
        "PT_ES": "PT_es",
        "PT_FS": "PT_fs",
        "PT_GS": "PT_gs",
        "PT_ORIG_EAX": "PT_orig_ax",
        "PT_EIP": "PT_ip",
        "PT_CS": "PT_cs",
        "PT_EFLAGS": "PT_flags",
        "PT_OLDESP": "PT_sp",
        "PT_OLDSS": "PT_ss",
        "PTREGS_SIZE": "PT_SIZE",
    },
)

# -- gdb: its features/i386/32bit-core.xml; dwarf: i386 psABI, DWARF Register Number Mapping ---------------------------

GDB = Gdb(
    features=(
        GdbFeature(
            "org.gnu.gdb.i386.core",
            (
                *gdb_registers("eax ecx edx ebx", 32, "int32"),
                *gdb_registers("esp ebp", 32, "data_ptr"),
                *gdb_registers("esi edi", 32, "int32"),
                *gdb_registers("eip", 32, "code_ptr"),
                *gdb_registers("eflags", 32, "int32"),
                *gdb_unavailable("cs", 32, "int32"),
                *gdb_registers("ss ds es fs gs", 32, "int32"),
                *gdb_unavailable("st0 st1 st2 st3 st4 st5 st6 st7", 80, "i387_ext"),
                *gdb_unavailable("fctrl fstat ftag fiseg fioff foseg fooff fop", 32, "int"),
            ),
        ),
    ),
    dwarf=tuple("eax ecx edx ebx esp ebp esi edi eip eflags".split()),
)

ARCH = Arch(
    name="i386",
    title="32-bit x86",
    kernel="x86",
    aliases=("i486", "i586", "i686", "x86_32"),
    engine=Engine(
        unicorn=("X86", ("32",)),
        keystone=("X86", ("32",)),
        capstone=("X86", ("32",)),
        dialect="x86_32",
        gnu=("i686-linux-gnu-", "x86_64-linux-gnu-", ""),
        gnu_flags=("--32",),
        elf_machine=3,
        gnu_emulation="elf_i386",
        gdb="i386",
        qemu="i386",
    ),
    word=4,
    registers=registers("eax ebx ecx edx esi edi ebp esp eip eflags ds es fs gs ss"),
    abi=Abi(
        arguments=("eax", "edx", "ecx"),  # -mregparm=3
        stack_arguments=4,
        returns=("eax", "edx"),
        preserved=("ebx", "esi", "edi", "ebp", "esp", "ds", "es", "fs", "gs", "ss"),
        pc="eip",
        sp="esp",
        frame_pointer="ebp",
        frame_mark=1 << 31,
        flags="eflags",
        arithmetic_flags=0x8D5,  # OF SF ZF AF PF CF
        flags_base=0x202,  # IF, and the bit that is always set
        stack_align=16,
        kernel_stack_align=4,  # -mpreferred-stack-boundary=2
    ),
    memory=Memory(text=0xC1000000, data=0xC1800000, modules=0xF8000000, stack=0xF5C00000),
    segments=SEGMENTS,
    pt_regs=PT_REGS,
    gdb=GDB,
    function_return=b"\xc3",
    thunks=("__x86_return_thunk", "__x86_indirect_thunk_*"),  # arch/x86/lib/retpoline.S
    exit=b"\xf4",
    kbuild=KBUILD,
    variants=(
        *v3("3.6", "passes neither op nor regs", X36, None, *POKE_QUIRKS_3),
        *v3("3.7", "regs NULL, or full but for sp and ss for SAVE_REGS", X37, REGS_37, *QUIRKS_37),
        *v6("6.1", X61, GRAPH_61),
        *v6("6.12", X612, GRAPH_612, *NO_FRAME_AT_EXIT),
    ),
)
