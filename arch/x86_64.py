# SPDX-License-Identifier: GPL-2.0-only
"""64-bit x86. System V AMD64 ABI; kernel: arch/x86/kernel/{entry_64.S (3.x), ftrace_64.S (6.x)}."""

from dataclasses import replace

from emulator.description import (
    Abi,
    Ability,
    Arch,
    BootTable,
    Branch,
    Const,
    Copying,
    Engine,
    Entry,
    Gdb,
    GdbFeature,
    Graph,
    GraphCall,
    Kbuild,
    Memory,
    Poke,
    Quirk,
    Reg,
    Return,
    Site,
    Sum,
    Variant,
    Word,
    gdb_registers,
    gdb_unavailable,
    registers,
    words,
)
from emulator.quirks import NO_CALLS_MEANWHILE, stale_op

# -- records: arch/x86/include/asm/ptrace.h, the same in every release here -------------------------------------------

PT_REGS = words(
    "pt_regs",
    size=168,
    word=8,
    members={
        "r15": (0, Reg("r15")),
        "r14": (8, Reg("r14")),
        "r13": (16, Reg("r13")),
        "r12": (24, Reg("r12")),
        "bp": (32, Reg("rbp")),
        "bx": (40, Reg("rbx")),
        "r11": (48, Reg("r11")),
        "r10": (56, Reg("r10")),
        "r9": (64, Reg("r9")),
        "r8": (72, Reg("r8")),
        "ax": (80, Reg("rax")),
        "cx": (88, Reg("rcx")),
        "dx": (96, Reg("rdx")),
        "si": (104, Reg("rsi")),
        "di": (112, Reg("rdi")),
        "orig_ax": (120, Const(0)),  # not a system call; since 5.5 also: no direct call
        "ip": (128, Return()),
        "cs": (136, Const(0x10)),  # __KERNEL_CS
        "flags": (144, Reg("eflags")),
        "sp": (152, Reg("rsp")),  # before the site's call: the address of the parent's return address
        "ss": (160, Const(0x18)),  # __KERNEL_DS
    },
)

EVERY = tuple(member.name for member in PT_REGS.members)
ARGUMENTS = ("ax", "cx", "dx", "si", "di", "r8", "r9")
PRESERVED = ("r15", "r14", "r13", "r12", "r10", "bp", "bx")

# -- sites ------------------------------------------------------------------------------------------------------------

CALL = Branch(b"\xe8\0\0\0\0", "R_X86_64_PC32", at=1, addend=-4)
JUMP = Branch(b"\xe9\0\0\0\0", "R_X86_64_PC32", at=1, addend=-4)
NOP5 = bytes.fromhex("0f1f440000")  # P6_NOP5; arch_init_ideal_nops() chooses it on every Intel CPU that matters

FENTRY = Site(mcount="__fentry__", call=CALL, nop=NOP5, parent=Word("rsp", 0), parent_slot=Reg("rsp"))
MCOUNT = Site(mcount="mcount", call=CALL, nop=NOP5, parent=Word("rbp", 8), parent_slot=Sum("rbp", 8))

# 3.7 arch/x86/kernel/ftrace.c ftrace_int3_handler(): a site that is hit acts as a NOP.
# 6.x arch/x86/kernel/alternative.c poke_int3_handler(): it acts as the new instruction.
POKE_3 = Poke(stopped=False, breakpoint=b"\xcc", labels=False, graph=False)
POKE_6 = Poke(stopped=False, breakpoint=b"\xcc", emulates=True)
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
TORN_JUMP = Quirk(
    "P3",
    "a store seen in part",
    "another CPU may see the jump to the graph caller half changed",
    "3.7 arch/x86/kernel/ftrace.c ftrace_mod_jmp(): one plain store; later releases use a breakpoint",
    "change-graph*",
)


# -- 3.6: neither op nor regs -----------------------------------------------------------------------------------------

X3 = Ability.FUNCTION_TRACER | Ability.FUNCTION_GRAPH_TRACER
X36 = X3 | Ability.DYNAMIC_FTRACE | Ability.ARCH_REPLACE_CODE | Ability.FUNCTION_TRACE_MCOUNT_TEST
STATIC3 = X3 | Ability.FUNCTION_TRACE_MCOUNT_TEST

PLAIN_36 = Entry(symbol="ftrace_caller", call="ftrace_call", clobbers=("r10", "r11", "eflags"), frames="own")
STATIC_MCOUNT = Entry(symbol="mcount", clobbers=("r10", "r11", "eflags"), frames="own")
STATIC_FENTRY = Entry(symbol="__fentry__", clobbers=("r10", "r11", "eflags"))

# arch/x86/kernel/ftrace.c prepare_ftrace_return(parent, self_addr, frame_pointer), ftrace_mod_jmp()
STATIC_GRAPH_3 = Graph(prepare=("parent", "self_addr", "frame_pointer"), handler="frame_pointer", returns=Reg("rbp"))
GRAPH_3 = replace(STATIC_GRAPH_3, calls=(GraphCall("ftrace_graph_call", "ftrace_graph_caller", JUMP, "ftrace_stub"),))
CALLERS_FRAME = Word("rbp", 0)  # behind mcount's prologue
STATIC_GRAPH_MCOUNT, GRAPH_MCOUNT = replace(STATIC_GRAPH_3, frame=CALLERS_FRAME), replace(GRAPH_3, frame=CALLERS_FRAME)

# The frame-pointer test of the graph tracer is compiled out where fentry leaves no frame to compare.
FRAMES = Ability.FRAME_POINTER | Ability.FUNCTION_GRAPH_FP_TEST

# -- 3.7: the June 2012 series ----------------------------------------------------------------------------------------

X37 = X36 | Ability.ARCH_SUPPORTS_FTRACE_OPS | Ability.DYNAMIC_FTRACE_WITH_REGS
LEA = Quirk(
    "C3",
    "op",
    "the callback gets the address of the variable function_trace_op instead of its contents",
    "3.7 arch/x86/kernel/entry_64.S ftrace_caller_setup: an LEA; the variable itself is loaded since 3.13",
    got="&function_trace_op",
)
PLAIN_37 = Entry(symbol="ftrace_caller", call="ftrace_call", record=3, clobbers=("r10", "r11", "eflags"), frames="own")
REGS_37 = Entry(
    symbol="ftrace_regs_caller",
    call="ftrace_regs_call",
    record=3,
    promises=tuple(name for name in EVERY if name != "orig_ax"),
    honours=(*ARGUMENTS, *PRESERVED, "ip", "flags"),
    clobbers=("r11",),
    frames="own",
)
QUIRKS_37 = (
    *POKE_QUIRKS_3,
    TORN_JUMP,
    LEA,
    *(
        Quirk(
            clause,
            what,
            "lost behind ftrace_regs_caller while the graph tracer is on",
            "3.7 arch/x86/kernel/entry_64.S ftrace_graph_caller: behind both entries, it saves as the plain one",
            exercises,
        )
        for clause, what, exercises in (
            ("T1", "r10", "graph-regs*"),
            ("T4", "eflags", "graph-regs*"),
            ("W1", "r10", "graph-ip"),
            ("W1", "eflags", "graph-ip"),
        )
    ),
    Quirk(
        "G2",
        "self_addr",
        "where a callback has changed ip the graph tracer takes that for the function",
        "3.7 arch/x86/kernel/entry_64.S ftrace_graph_caller: behind both entries, it looks at the return address",
        "graph-ip",
    ),
    Quirk("C5", "orig_ax", "never written", "3.7 arch/x86/kernel/entry_64.S ftrace_regs_caller: no store to ORIG_RAX"),
)

# -- 6.1 and 6.12: ftrace_regs always, direct calls, private copies ----------------------------------------------------

X61 = (
    Ability.FUNCTION_TRACER
    | Ability.DYNAMIC_FTRACE
    | Ability.DYNAMIC_FTRACE_WITH_REGS
    | Ability.DYNAMIC_FTRACE_WITH_ARGS
    | Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS
    | Ability.ARCH_SUPPORTS_FTRACE_OPS
    | Ability.ARCH_REPLACE_CODE
    | Ability.TRAMPOLINE_PER_OPS
    | Ability.FUNCTION_GRAPH_TRACER
)
X612 = X61 | Ability.FUNCTION_GRAPH_RETVAL | Ability.STATIC_CALL

PLAIN_6 = Entry(
    symbol="ftrace_caller",
    call="ftrace_call",
    record=3,
    promises=(*ARGUMENTS, "bp", "ip", "sp", "orig_ax"),
    constants={"cs": 0},
    honours=(*ARGUMENTS, "bp", "ip"),
    clobbers=("r10", "r11", "eflags"),
    end="ftrace_caller_end",
    op_load="ftrace_caller_op_ptr",
)
REGS_6 = Entry(
    symbol="ftrace_regs_caller",
    call="ftrace_regs_call",
    record=3,
    promises=EVERY,
    honours=(*ARGUMENTS, *PRESERVED, "ip", "flags", "orig_ax"),
    clobbers=("r11",),
    end="ftrace_regs_caller_end",
    op_load="ftrace_regs_caller_op_ptr",
    direct_jump="ftrace_regs_caller_jmp",
)
PLAIN_6_FRAMED, REGS_6_FRAMED = replace(PLAIN_6, frames="linked"), replace(REGS_6, frames="encoded")

# arch/x86/kernel/ftrace.c ftrace_graph_func(); return_to_handler passes a record since 6.5
GRAPH_61 = Graph(slot="sp", handler="frame_pointer", returns=Reg("rbp"))
GRAPH_612 = Graph(slot="sp", handler="fregs", at_exit=("ax", "dx", "bp", "sp"))

DIRECT_61 = Quirk(
    "H2",
    "calls without a return",
    "a direct call beside another ops is gone to by a return that no call belongs to",
    "6.1 arch/x86/kernel/ftrace_64.S ftrace_regs_caller: a bare ret; since 6.2 a call balances it",
    "*direct*",
)
DIRECT_612 = Quirk(
    "W2",
    "eflags",
    "arithmetic flags are lost on the way to a direct call",
    "6.12 arch/x86/kernel/ftrace_64.S ftrace_regs_caller: flags are popped before the addition that balances the call",
    "*direct*",
)

COPYING = Copying(  # arch/x86/kernel/ftrace.c create_trampoline(), RET_SIZE 5 of a MITIGATION_RETPOLINE kernel
    op_load=Branch(b"\x48\x8b\x15\0\0\0\0", "R_X86_64_PC32", at=3, addend=-4),  # mov disp32(%rip), %rdx
    jump=b"\x75",  # jnz rel8
    no_jump=b"\x66\x90",
    ending=b"\xc3\xcc\xcc\xcc\xcc",
    ending_size=5,
)


DEFINES_6 = {"CC_USING_FENTRY": 1, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS": 1}
IBT, FP = {"CONFIG_X86_KERNEL_IBT": 1}, {"CONFIG_FRAME_POINTER": 1}


# arch/x86/include/asm/alternative.h: struct alt_instr has grown by flags since 6.3; the others are plain distances
SITES_6 = (BootTable(".return_sites", 4), BootTable(".retpoline_sites", 4), BootTable(".call_sites", 4))
BOOT_61 = (*SITES_6, BootTable(".altinstructions", 12, feature=8))
BOOT_612 = (*SITES_6, BootTable(".altinstructions", 14, feature=8))


def v6(
    release: str, abilities: Ability, graph: Graph, quirk: Quirk, boot: tuple[BootTable, ...]
) -> tuple[Variant, ...]:
    """The configurations of 6.1 or 6.12; they differ in the entry's landing pad and in the frame pointers."""
    base = Variant(
        name=release,
        release=release,
        summary="fentry, ORC; ftrace_regs always, full for SAVE_REGS; a private copy per ops",
        source=f"ftrace-{release}.S",
        defines=DEFINES_6,
        abilities=abilities,
        site=FENTRY,
        plain=PLAIN_6,
        regs=REGS_6,
        graph=graph,
        direct="orig_ax",
        copying=COPYING,
        poke=POKE_6,
        boot=boot,
        get_regs="cs",
        quirks=(quirk, stale_op(release)),
    )
    return (
        base,
        replace(
            base,
            name=f"{release}-ibt",
            summary="fentry behind endbr64, ORC",
            defines=DEFINES_6 | IBT,
            abilities=abilities | Ability.KERNEL_IBT,
        ),
        replace(
            base,
            name=f"{release}-fp",
            summary="fentry, frame pointers",
            defines=DEFINES_6 | FP,
            abilities=abilities | Ability.FRAME_POINTER,
            plain=PLAIN_6_FRAMED,
            regs=REGS_6_FRAMED,
        ),
        replace(
            base,
            name=f"{release}-ibt-fp",
            summary="fentry behind endbr64, frame pointers",
            defines=DEFINES_6 | IBT | FP,
            abilities=abilities | Ability.KERNEL_IBT | Ability.FRAME_POINTER,
            plain=PLAIN_6_FRAMED,
            regs=REGS_6_FRAMED,
        ),
        Variant(
            name=f"{release}-static",
            release=release,
            summary="fentry, never patched: !DYNAMIC_FTRACE, and so no graph tracer",
            source="static-6.1.S",
            defines={"CC_USING_FENTRY": 1},
            abilities=Ability.FUNCTION_TRACER,
            site=FENTRY,
            plain=STATIC_FENTRY,
        ),
    )


# -- the kernel's build -----------------------------------------------------------------------------------------------

# Configuration: x86_64_defconfig, as far as headers of ftrace_64.S look at it, without CALL_DEPTH_TRACKING, for which
# asm-offsets.h would have to know struct pcpu_hot. Before 6.9 mitigations have no MITIGATION_ in their names.
KBUILD = Kbuild(
    sources="*_64.S",
    macros={"__x86_64__": "1", "__LP64__": "1", "__CHAR_BIT__": "8", "__SIZEOF_POINTER__": "8", "__SIZEOF_LONG__": "8"},
    configuration={
        "CONFIG_X86": "y",
        "CONFIG_X86_64": "y",
        "CONFIG_64BIT": "y",
        "CONFIG_SMP": "y",
        "CONFIG_X86_64_SMP": "y",
        "CONFIG_OBJTOOL": "y",
        "CONFIG_HAVE_FENTRY": "y",
        "CONFIG_FUNCTION_ALIGNMENT": "16",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_PHYSICAL_START": "0x1000000",
        "CONFIG_PHYSICAL_ALIGN": "0x200000",
        "CONFIG_X86_L1_CACHE_SHIFT": "6",
        "CONFIG_X86_INTERNODE_CACHE_SHIFT": "6",
        "CONFIG_RETPOLINE": "y",
        "CONFIG_RETHUNK": "y",
        "CONFIG_MITIGATION_RETPOLINE": "y",
        "CONFIG_MITIGATION_RETHUNK": "y",
    },
    offsets={**{f"pt_regs_{name}": f"PT_{name}" for name in EVERY}, "PTREGS_SIZE": "PT_SIZE"},
    # what boot, objtool and the unwinder read
    unread=(".alt*", ".orc_*", ".return_sites", ".retpoline_sites", ".call_sites", ".ibt_endbr_seal", "__bug_table"),
)

# -- gdb: its features/i386/64bit-core.xml; dwarf: AMD64 psABI, DWARF Register Number Mapping --------------------------

GDB = Gdb(
    features=(
        GdbFeature(
            "org.gnu.gdb.i386.core",
            (
                *gdb_registers("rax rbx rcx rdx rsi rdi", 64, "int64"),
                *gdb_registers("rbp rsp", 64, "data_ptr"),
                *gdb_registers("r8 r9 r10 r11 r12 r13 r14 r15", 64, "int64"),
                *gdb_registers("rip", 64, "code_ptr"),
                *gdb_registers("eflags", 32, "int32"),
                *gdb_unavailable("cs ss ds es fs gs", 32, "int32"),
                *gdb_unavailable("st0 st1 st2 st3 st4 st5 st6 st7", 80, "i387_ext"),
                *gdb_unavailable("fctrl fstat ftag fiseg fioff foseg fooff fop", 32, "int"),
            ),
        ),
    ),
    dwarf=tuple("rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split()),
)

ARCH = Arch(
    name="x86_64",
    title="64-bit x86",
    kernel="x86",
    aliases=("x86", "amd64"),
    engine=Engine(
        unicorn=("X86", ("64",)),
        keystone=("X86", ("64",)),
        capstone=("X86", ("64",)),
        dialect="x86",
        gnu=("x86_64-linux-gnu-", ""),
        gnu_flags=("--64",),
        elf_machine=62,
        gdb="i386:x86-64",
        qemu="x86_64",
    ),
    word=8,
    registers=registers("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags"),
    abi=Abi(
        arguments=("rdi", "rsi", "rdx", "rcx", "r8", "r9"),
        returns=("rax", "rdx"),
        preserved=("rbx", "rbp", "rsp", "r12", "r13", "r14", "r15"),
        pc="rip",
        sp="rsp",
        frame_pointer="rbp",
        flags="eflags",
        arithmetic_flags=0x8D5,  # OF SF ZF AF PF CF
        flags_base=0x202,  # IF, and the bit that is always set
        stack_align=16,
        kernel_stack_align=8,  # -mpreferred-stack-boundary=3
    ),
    memory=Memory(
        text=0xFFFFFFFF81000000, data=0xFFFFFFFF82000000, modules=0xFFFFFFFFC0000000, stack=0xFFFFC90000000000
    ),
    pt_regs=PT_REGS,
    gdb=GDB,
    function_return=b"\xc3",
    thunks=("__x86_return_thunk", "__x86_indirect_thunk_*"),  # arch/x86/lib/retpoline.S
    boot_patches={  # arch/x86/kernel/alternative.c
        ".altinstructions": "alternatives",
        ".retpoline_sites": "retpolines",
        ".return_sites": "return thunks",
        ".call_sites": "calls that call depth tracking counts",
    },
    landing_pad=bytes.fromhex("f30f1efa"),  # endbr64
    exit=b"\xf4",
    kbuild=KBUILD,
    variants=(
        Variant(
            name="3.6",
            release="3.6",
            summary="mcount; tests function_trace_stop; passes neither op nor regs",
            source="ftrace-3.6.S",
            abilities=X36 | FRAMES,
            site=MCOUNT,
            plain=PLAIN_36,
            graph=GRAPH_MCOUNT,
            poke=POKE_3,
            quirks=POKE_QUIRKS_3,
        ),
        Variant(
            name="3.6-static",
            release="3.6",
            summary="mcount, never patched: !DYNAMIC_FTRACE",
            source="static-3.6.S",
            abilities=STATIC3 | FRAMES,
            site=MCOUNT,
            plain=STATIC_MCOUNT,
            graph=STATIC_GRAPH_MCOUNT,
        ),
        Variant(
            name="3.7",
            release="3.7",
            summary="fentry; regs NULL, or full for SAVE_REGS",
            source="ftrace-3.7.S",
            defines={"CC_USING_FENTRY": 1},
            abilities=X37,
            site=FENTRY,
            plain=PLAIN_37,
            regs=REGS_37,
            graph=GRAPH_3,
            poke=POKE_3,
            quirks=QUIRKS_37,
        ),
        Variant(
            name="3.7-mcount",
            release="3.7",
            summary="mcount, for a compiler without -mfentry",
            source="ftrace-3.7.S",
            abilities=X37 | FRAMES,
            site=MCOUNT,
            plain=PLAIN_37,
            regs=REGS_37,
            graph=GRAPH_MCOUNT,
            poke=POKE_3,
            quirks=QUIRKS_37,
        ),
        Variant(
            name="3.7-static",
            release="3.7",
            summary="fentry, never patched: !DYNAMIC_FTRACE",
            source="static-3.6.S",
            defines={"CC_USING_FENTRY": 1},
            abilities=STATIC3,
            site=FENTRY,
            plain=STATIC_FENTRY,
            graph=STATIC_GRAPH_3,
        ),
        Variant(
            name="3.7-ops-no-regs",
            release="3.7",
            summary='passes op but never regs: NULL, "Sorry!"',
            source="ops-no-regs-3.7.S",
            defines={"CC_USING_FENTRY": 1},
            abilities=X36 | Ability.ARCH_SUPPORTS_FTRACE_OPS,
            site=FENTRY,
            plain=PLAIN_37,
            graph=GRAPH_3,
            poke=POKE_3,
            quirks=(*POKE_QUIRKS_3, stale_op("3.7")),
            synthetic=True,
        ),
        Variant(
            name="3.7-stop-no-ops",
            release="3.7",
            summary="tests function_trace_stop but passes no op: the list function steps in",
            source="ftrace-3.6.S",
            defines={"CC_USING_FENTRY": 1},
            abilities=X36,
            site=FENTRY,
            plain=PLAIN_36,
            graph=GRAPH_3,
            poke=POKE_3,
            quirks=POKE_QUIRKS_3,
            synthetic=True,
        ),
        *v6("6.1", X61, GRAPH_61, DIRECT_61, BOOT_61),
        *v6("6.12", X612, GRAPH_612, DIRECT_612, BOOT_612),
    ),
)
