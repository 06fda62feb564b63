# SPDX-License-Identifier: GPL-2.0-only
"""64-bit ARM. AAPCS64; kernel: arch/arm64/kernel/{entry-ftrace.S, ftrace.c}, little-endian."""

from dataclasses import replace

from emulator.description import (
    Abi,
    Ability,
    Arch,
    BootTable,
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
    SelfRelocation,
    Site,
    Struct,
    Sum,
    Variant,
    Word,
    gdb_registers,
    registers,
    words,
)
from emulator.quirks import stale_op

# -- records ----------------------------------------------------------------------------------------------------------

# arch/arm64/include/asm/ptrace.h of 6.1; there x0 to lr are regs[], and our frame is stackframe[]
PT_REGS = Struct(
    "pt_regs",
    336,
    (
        *(Member(f"x{number}", 8 * number, 8, Reg(f"x{number}")) for number in range(29)),
        Member("fp", 232, 8, Reg("x29")),
        Member("lr", 240, 8, Reg("x9")),  # the parent, which the site has put there
        Member("sp", 248, 8, Reg("sp")),
        Member("pc", 256, 8, Return()),
        Member("pstate", 264, 8, Reg("pstate")),
        Member("orig_x0", 272, 8),
        Member("syscallno", 280, 4),
        Member("unused2", 284, 4),
        Member("sdei_ttbr1", 288, 8),
        Member("pmr_save", 296, 8),
        Member("stackframe_fp", 304, 8, Sum("sp", -16)),  # the function's frame, which lies above the record
        Member("stackframe_lr", 312, 8, Return()),
        Member("lockdep_hardirqs", 320, 8),
        Member("exit_rcu", 328, 8),
    ),
)
ARGUMENTS = tuple(f"x{number}" for number in range(9))
OURS = ("stackframe_fp", "stackframe_lr")
EVERY = (*(f"x{number}" for number in range(29)), "fp", "lr", "sp", "pc", *OURS)


def fregs(word_9: str, **promise: Const) -> Struct:
    """arch/arm64/include/asm/ftrace.h of 6.12: struct __arch_ftrace_regs, where x0 to x8 are regs[]."""
    return words(
        "__arch_ftrace_regs",
        size=112,
        word=8,
        members={
            **{f"x{number}": (8 * number, Reg(f"x{number}")) for number in range(9)},
            word_9: (72, promise.get(word_9)),
            "fp": (80, Reg("x29")),
            "lr": (88, Reg("x9")),
            "sp": (96, Reg("sp")),
            "pc": (104, Return()),
        },
    )


FREGS_DIRECT, FREGS = fregs("direct_tramp", direct_tramp=Const(0)), fregs("__unused")

# -- sites: gcc 12, -fpatchable-function-entry=2 and =4,2, or -pg -----------------------------------------------------

BL = Branch(bytes.fromhex("00000094"), "R_AARCH64_CALL26")
B = Branch(bytes.fromhex("00000014"), "R_AARCH64_JUMP26")
NOP = bytes.fromhex("1f2003d5")

PATCHABLE = Site(
    mcount=None,
    call=BL,
    nop=NOP,
    parent=Reg("x9"),
    parent_slot=None,
    prologue=bytes.fromhex("e9031eaa"),  # mov x9, lr: ftrace_init_nop()
    loc=4,  # ftrace_call_adjust()
)
CALL_OPS = replace(PATCHABLE, ops_literal=12, loc=12)
MCOUNT = Site(
    mcount="_mcount",
    call=BL,
    nop=NOP,
    parent=Word("x29", 8),
    parent_slot=Sum("x29", 8),
    prologue=bytes.fromhex("e0031eaa"),  # mov x0, lr
)

# Words, and the literal, are written by one aligned store each: aarch64_insn_write(), ..._write_literal_u64()
POKE = Poke(stopped=False, whole=8)

# -- configurations ---------------------------------------------------------------------------------------------------

BASE = (
    Ability.FUNCTION_TRACER
    | Ability.FUNCTION_GRAPH_TRACER
    | Ability.FUNCTION_GRAPH_FP_TEST
    | Ability.FRAME_POINTER  # selected for ever: every kernel has frame records
)
DYNAMIC = BASE | Ability.DYNAMIC_FTRACE
WITH_REGS = DYNAMIC | Ability.DYNAMIC_FTRACE_WITH_REGS | Ability.ARCH_SUPPORTS_FTRACE_OPS
WITH_ARGS = (
    DYNAMIC | Ability.DYNAMIC_FTRACE_WITH_ARGS | Ability.ARCH_SUPPORTS_FTRACE_OPS | Ability.FUNCTION_GRAPH_RETVAL
)
WITH_CALL_OPS = (
    WITH_ARGS | Ability.DYNAMIC_FTRACE_WITH_CALL_OPS | Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS
)  # the latter depends on the former
# arch/arm64/include/asm/alternative.h: struct alt_instr, whose number is one of the kernel's own and not the CPU's
BOOT = (BootTable(".altinstructions", 12, symbols=("__alt_instructions", "__alt_instructions_end")),)

BTI = {"CONFIG_ARM64_BTI_KERNEL": 1}

FREE = (*(f"x{number}" for number in range(9, 18)), "pstate")
C_MAY_CHANGE = (*(f"x{number}" for number in range(18)), "x30", "pstate")  # the site is a call as any other

STATIC_PLAIN = Entry(symbol="_mcount", clobbers=C_MAY_CHANGE, frames="added")
PLAIN_MCOUNT = Entry(symbol="ftrace_caller", call="ftrace_call", uncalled=NOP, clobbers=C_MAY_CHANGE, frames="added")
PLAIN_61 = Entry(
    symbol="ftrace_caller",
    call="ftrace_call",
    record=3,
    promises=(*ARGUMENTS, "x9", "fp", "lr", "sp", "pc", *OURS),
    honours=(*ARGUMENTS, "fp", "lr", "pc"),
    clobbers=FREE,
    frames="linked",
)
REGS_61 = replace(PLAIN_61, symbol="ftrace_regs_caller", promises=EVERY)
PLAIN_612 = Entry(
    symbol="ftrace_caller",
    call="ftrace_call",
    record=3,
    promises=(*ARGUMENTS, "fp", "lr", "sp", "pc"),
    honours=(*ARGUMENTS, "fp", "lr", "pc"),
    clobbers=FREE,
    frames="linked",
)
PLAIN_612_CALL_OPS = replace(
    PLAIN_612,
    call=None,
    promises=(*PLAIN_612.promises, "direct_tramp"),
    honours=(*PLAIN_612.honours, "direct_tramp"),
)

# arch/arm64/kernel/ftrace.c prepare_ftrace_return(self_addr, parent, frame_pointer), which keeps the last one for retp
GRAPH_UNCALLED = Graph(
    prepare=("self_addr", "parent", "frame_pointer"),
    frame=Word("x29", 0),
    handler="frame_pointer",
    returns=Reg("x29"),
    found_by="frame_pointer",
)
STATIC_GRAPH = replace(GRAPH_UNCALLED, beside=True)
GRAPH_MCOUNT = replace(GRAPH_UNCALLED, calls=(GraphCall("ftrace_graph_call", "ftrace_graph_caller", B, NOP),))
GRAPH_61 = Graph(kept_in="lr", frame=Reg("x29"), handler="frame_pointer", returns=Reg("x29"), found_by="frame_pointer")
GRAPH_612 = Graph(
    kept_in="lr",
    frame=Reg("x29"),
    handler="fregs",
    at_exit=(*(f"x{number}" for number in range(8)), "fp"),
    found_by="frame_pointer",
)


V61 = Variant(
    name="6.1",
    release="6.1",
    summary="patchable entry; regs never NULL, stale but for SAVE_REGS",
    source="ftrace-6.1.S",
    abilities=WITH_REGS,
    site=PATCHABLE,
    plain=PLAIN_61,
    regs=REGS_61,
    graph=GRAPH_61,
    poke=POKE,
    boot=BOOT,
    quirks=(
        stale_op("6.1"),
        Quirk(
            "C5",
            "pstate",
            "never written",
            "6.1 arch/arm64/kernel/entry-ftrace.S ftrace_regs_entry: room is made, nothing is stored",
        ),
    ),
)
V612 = Variant(
    name="6.12",
    release="6.12",
    summary="patchable entry, a pointer to the ops before each function; ftrace_regs always, pt_regs never",
    source="ftrace-6.12.S",
    defines={"CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS": 1, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS": 1},
    abilities=WITH_CALL_OPS,
    site=CALL_OPS,
    plain=PLAIN_612_CALL_OPS,
    graph=GRAPH_612,
    direct="direct_tramp",
    poke=POKE,
    boot=BOOT,
    fregs=FREGS_DIRECT,
)


def with_bti(variant: Variant) -> Variant:
    """The same where functions begin with landing pads (clang; gcc cannot: its bug 106671)."""
    return replace(
        variant,
        name=f"{variant.name}-bti",
        summary="the same behind bti c",
        defines={**variant.defines, **BTI},
        abilities=variant.abilities | Ability.KERNEL_IBT,
    )


# -- the kernel's build -----------------------------------------------------------------------------------------------

# Configuration: defconfig, as far as headers of entry-ftrace.S look at it. Functions are aligned as CALL_OPS asks for.
KBUILD = Kbuild(
    macros={
        "__aarch64__": "1",
        "__AARCH64EL__": "1",
        "__LP64__": "1",
        "__CHAR_BIT__": "8",
        "__SIZEOF_POINTER__": "8",
        "__SIZEOF_LONG__": "8",
    },
    configuration={
        "CONFIG_ARM64": "y",
        "CONFIG_64BIT": "y",
        "CONFIG_MMU": "y",
        "CONFIG_SMP": "y",
        "CONFIG_ARCH_USE_SYM_ANNOTATIONS": "y",
        "CONFIG_FUNCTION_ALIGNMENT": "8",
        "CONFIG_ARM64_4K_PAGES": "y",
        "CONFIG_ARM64_PAGE_SHIFT": "12",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_PGTABLE_LEVELS": "4",
        "CONFIG_ARM64_CONT_PTE_SHIFT": "4",
        "CONFIG_ARM64_CONT_PMD_SHIFT": "4",
        "CONFIG_ARM64_VA_BITS": "48",
        "CONFIG_ARM64_PA_BITS": "48",
    },
    offsets={
        **{f"S_X{number}": f"PT_x{number}" for number in range(0, 30, 2)},
        **{f"S_{name.upper()}": f"PT_{name}" for name in ("fp", "lr", "sp", "pc", "pstate", "syscallno", "sdei_ttbr1")},
        "S_PMR_SAVE": "PT_pmr_save",
        "S_STACKFRAME": "PT_stackframe_fp",
        "PT_REGS_SIZE": "PT_SIZE",
        **{f"FREGS_X{number}": f"FREGS_x{number}" for number in range(0, 10, 2)},
        **{f"FREGS_{name.upper()}": f"FREGS_{name}" for name in ("fp", "lr", "sp", "pc", "direct_tramp")},
        "FREGS_SIZE": "FREGS_SIZE",
        "FTRACE_OPS_FUNC": "FTRACE_OPS_func",
        "FTRACE_OPS_DIRECT_CALL": "FTRACE_OPS_direct_call",
    },
)

# -- gdb: its features/aarch64-core.xml; dwarf: aadwarf64, DWARF register names ----------------------------------------

GENERAL = " ".join(f"x{number}" for number in range(31))
GDB = Gdb(
    features=(
        GdbFeature(
            "org.gnu.gdb.aarch64.core",
            (
                *gdb_registers(GENERAL, 64, "int"),
                *gdb_registers("sp", 64, "data_ptr"),
                *gdb_registers("pc", 64, "code_ptr"),
                *gdb_registers("cpsr", 32, "int", holds={"cpsr": "pstate"}),
            ),
        ),
    ),
    dwarf=(*GENERAL.split(), "sp", "pc"),
    watch_before=True,
)

ARCH = Arch(
    name="arm64",
    title="64-bit ARM",
    kernel="arm64",
    aliases=("aarch64",),
    engine=Engine(
        unicorn=("ARM64", ("ARM",)),
        keystone=("ARM64", ("LITTLE_ENDIAN",)),
        capstone=("ARM64", ("ARM",)),
        dialect="arm64",
        gnu=("aarch64-linux-gnu-",),
        gnu_flags=("-march=armv8.5-a",),
        elf_machine=183,
        elf_marks={"$x": True, "$d": False},  # aaelf64, Mapping symbols
        gdb="aarch64",
        qemu="aarch64",
    ),
    word=8,
    registers=registers(f"{GENERAL} sp pc pstate"),
    abi=Abi(
        arguments=tuple(f"x{number}" for number in range(8)),
        returns=tuple(f"x{number}" for number in range(8)),  # in the registers of arguments of that type
        preserved=(*(f"x{number}" for number in range(18, 30)), "sp"),  # x18: -ffixed-x18
        pc="pc",
        sp="sp",
        frame_pointer="x29",
        flags="pstate",
        arithmetic_flags=0xF0000000,  # N Z C V
        flags_base=0x5,  # EL1h, nothing masked
        link="x30",
        stack_align=16,
        kernel_stack_align=16,
    ),
    memory=Memory(
        text=0xFFFF800080000000, data=0xFFFF800081000000, modules=0xFFFF800070000000, stack=0xFFFF800088000000
    ),
    pt_regs=PT_REGS,
    gdb=GDB,
    function_return=bytes.fromhex("c0035fd6"),  # ret
    boot_patches={".altinstructions": "alternatives"},
    self_relocation=SelfRelocation(  # arch/arm64/kernel/vmlinux.lds.S; of 6.12, and before
        tables=(("__pi_rela_start", "__pi_rela_end"), ("__rela_start", "__rela_end")),
        relative=1027,  # aaelf64: R_AARCH64_RELATIVE
    ),
    landing_pad=bytes.fromhex("5f2403d5"),  # bti c
    pads_entries=True,  # SYM_FUNC_START() of arch/arm64/include/asm/linkage.h, and entry-ftrace.S itself
    exit=bytes.fromhex("00000014"),  # b .
    kbuild=KBUILD,
    variants=(
        V61,
        with_bti(V61),
        Variant(
            name="6.1-mcount",
            release="6.1",
            summary="_mcount behind the prologue, for a compiler without -fpatchable-function-entry",
            source="mcount-6.1.S",
            defines={"CC_USING_MCOUNT": 1, "CONFIG_DYNAMIC_FTRACE": 1},
            abilities=DYNAMIC,
            site=MCOUNT,
            plain=PLAIN_MCOUNT,
            graph=GRAPH_MCOUNT,
            poke=POKE,
            boot=BOOT,
        ),
        Variant(
            name="6.1-static",
            release="6.1",
            summary="_mcount, never patched: !DYNAMIC_FTRACE",
            source="mcount-6.1.S",
            defines={"CC_USING_MCOUNT": 1},
            abilities=BASE,
            site=MCOUNT,
            plain=STATIC_PLAIN,
            graph=STATIC_GRAPH,
            boot=BOOT,
            quirks=(
                Quirk(
                    "G1",
                    "off",
                    "every function calls prepare_ftrace_return(), traced or not, which then does nothing",
                    "6.1 arch/arm64/kernel/entry-ftrace.S _mcount: ftrace_graph_return is ftrace_stub_graph then, and "
                    "is compared with ftrace_stub, or with what a callback has left in x0",
                ),
            ),
        ),
        V612,
        with_bti(V612),
        replace(
            V612,
            name="6.12-cfi",
            summary="the same without such pointers, for a kernel with CFI_CLANG: no direct calls",
            defines={},
            abilities=WITH_ARGS,
            site=PATCHABLE,
            plain=PLAIN_612,
            direct=None,
            fregs=FREGS,
            quirks=(stale_op("6.12"),),
        ),
    ),
)
