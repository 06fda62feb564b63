# SPDX-License-Identifier: GPL-2.0-only
"""32-bit ARM, ARM state. AAPCS; kernel: arch/arm/kernel/{entry-common.S (3.x), entry-ftrace.S (6.x)}."""

from dataclasses import replace

from emulator.description import (
    Abi,
    Ability,
    Arch,
    Branch,
    Engine,
    Entry,
    Gdb,
    GdbFeature,
    Graph,
    GraphCall,
    Kbuild,
    Memory,
    Quirk,
    Reg,
    Return,
    Site,
    Sum,
    Value,
    Variant,
    Word,
    gdb_registers,
    registers,
    words,
)
from emulator.quirks import stale_op

# -- records: arch/arm/include/uapi/asm/ptrace.h, the same in every release here --------------------------------------

PT_REGS = words(
    "pt_regs",
    size=72,
    word=4,
    members={
        **{f"r{number}": (4 * number, Reg(f"r{number}")) for number in range(11)},
        "fp": (44, Reg("fp")),
        "ip": (48, Reg("ip")),
        "sp": (52, Sum("sp", 4)),  # before the site's push
        "lr": (56, Word("sp", 0)),  # the parent, which the site pushed
        "pc": (60, Return()),
        "cpsr": (64, Reg("cpsr")),
        "ORIG_r0": (68, Reg("r0")),
    },
)
EVERY = tuple(member.name for member in PT_REGS.members)
LOADED_BACK = (*(f"r{number}" for number in range(11)), "fp", "ip", "lr", "pc")

# -- sites: push {lr}; bl, behind the function's own prologue (measured with gcc 12 and in Debian's kernels) ----------

BL = Branch(bytes.fromhex("000000eb"), "R_ARM_CALL", addend=-8)
B = Branch(bytes.fromhex("000000ea"), "R_ARM_JUMP24", addend=-8)
NOP = bytes.fromhex("0000a0e1")  # mov r0, r0


def site(nop: str, parent_slot: Value) -> Site:
    """The site; its disabled form undoes the push, in a way that changed between the releases."""
    return Site(
        mcount="__gnu_mcount_nc",
        call=BL,
        nop=bytes.fromhex(nop),
        parent=Word("sp", 0),
        parent_slot=parent_slot,
        pops=4,
        prologue=bytes.fromhex("04e02de5"),  # push {lr}
        bare_slot=Sum("sp", 0),  # prepare_ftrace_return(): the word that the site pushed
    )


SITE_3 = site("0040bde8", Sum("fp", -4))  # pop {lr}; an APCS frame
# add sp, sp, #4; the site's push, sub sp, #8, and r4-r6 lie below the lr that the prologue of kernel.S saved
SITE_6 = site("04d08de2", Sum("sp", 4 + 8 + 12))

# -- configurations ---------------------------------------------------------------------------------------------------

# FUNCTION_GRAPH_TRACER brings frame pointers with it in 3.x (arch/arm/Kconfig.debug); later it can unwind without.
STATIC3 = Ability.FUNCTION_TRACER | Ability.FUNCTION_GRAPH_TRACER | Ability.FRAME_POINTER
STATIC6 = Ability.FUNCTION_TRACER | Ability.FUNCTION_GRAPH_TRACER | Ability.FUNCTION_GRAPH_FP_TEST
FRAMES = {"CONFIG_FRAME_POINTER": 1}
DYNAMIC3 = STATIC3 | Ability.DYNAMIC_FTRACE
WITH_REGS = STATIC6 | Ability.DYNAMIC_FTRACE | Ability.DYNAMIC_FTRACE_WITH_REGS | Ability.ARCH_SUPPORTS_FTRACE_OPS

STATIC_PLAIN = Entry(symbol="__gnu_mcount_nc", clobbers=("ip", "cpsr"), frames="own")
PLAIN_3 = Entry(symbol="ftrace_caller", call="ftrace_call", clobbers=("ip", "cpsr"), frames="own")
PLAIN_6 = Entry(symbol="ftrace_caller", call="ftrace_call", record=3, clobbers=("ip", "cpsr"))
REGS_6 = Entry(
    symbol="ftrace_regs_caller",
    call="ftrace_regs_call",
    record=3,
    promises=tuple(name for name in EVERY if name != "cpsr"),
    honours=LOADED_BACK,
    clobbers=("cpsr",),
)

# arch/arm/kernel/ftrace.c: prepare_ftrace_return(), ftrace_modify_graph_caller()
STATIC_GRAPH_3 = Graph(
    prepare=("parent", "self_addr", "frame_pointer"), frame=Reg("fp"), handler="frame_pointer", returns=Reg("fp")
)
STATIC_GRAPH_6 = replace(
    STATIC_GRAPH_3, prepare=("parent", "self_addr", "frame_pointer", "stack_pointer"), returns=Reg("sp")
)
GRAPH_CALL = GraphCall("ftrace_graph_call", "ftrace_graph_caller", B, NOP)
GRAPH_REGS_CALL = GraphCall("ftrace_graph_regs_call", "ftrace_graph_regs_caller", B, NOP)
GRAPH_3 = replace(STATIC_GRAPH_3, calls=(GRAPH_CALL,))
GRAPH_6 = replace(STATIC_GRAPH_6, calls=(GRAPH_CALL, GRAPH_REGS_CALL))


def v6(release: str) -> Variant:
    """6.1 and 6.12 have the same instructions here."""
    return Variant(
        name=release,
        release=release,
        summary="__gnu_mcount_nc; regs NULL, or full but for cpsr for SAVE_REGS",
        source="ftrace-6.1.S",
        abilities=WITH_REGS,
        site=SITE_6,
        plain=PLAIN_6,
        regs=REGS_6,
        graph=GRAPH_6,
        quirks=(
            stale_op(release),
            Quirk(
                "C5",
                "cpsr",
                "never written",
                f"{release} arch/arm/kernel/entry-ftrace.S ftrace_regs_caller: room is made, nothing is stored",
            ),
            Quirk(
                "G2",
                "self_addr",
                "where a callback has changed pc the graph tracer takes that for the function",
                f"{release} arch/arm/kernel/entry-ftrace.S ftrace_graph_regs_caller: it looks at regs->pc",
                "graph-ip",
            ),
        ),
    )


def v6_static(release: str, *quirks: Quirk, **defines: int) -> Variant:
    """The same without DYNAMIC_FTRACE."""
    return Variant(
        name=f"{release}-static",
        release=release,
        summary="__gnu_mcount_nc, never patched: !DYNAMIC_FTRACE",
        source="static-3.6.S",
        defines={"RETURN_TO_HANDLER_SP": 1, **defines},
        abilities=STATIC6,
        site=SITE_6,
        plain=STATIC_PLAIN,
        graph=STATIC_GRAPH_6,
        quirks=quirks,
    )


# -- the kernel's build -----------------------------------------------------------------------------------------------

# Configuration: multi_v7_defconfig, as far as headers of entry-ftrace.S look at it.
KBUILD = Kbuild(
    macros={
        "__arm__": "1",
        "__ARMEL__": "1",
        "__ARM_EABI__": "1",
        "__ARM_ARCH": "7",
        "__ARM_ARCH_7A__": "1",
        "__LINUX_ARM_ARCH__": "7",  # arch/arm/Makefile: cpp-$(CONFIG_CPU_32v7)
        "__SIZEOF_POINTER__": "4",
        "__SIZEOF_LONG__": "4",
        "__CHAR_BIT__": "8",
    },
    before=("arch/arm/include/asm/unified.h",),
    configuration={
        "CONFIG_ARM": "y",
        "CONFIG_MMU": "y",
        "CONFIG_SMP": "y",
        "CONFIG_AEABI": "y",
        "CONFIG_CPU_V7": "y",
        "CONFIG_CPU_32v6K": "y",
        "CONFIG_CPU_32v7": "y",
        "CONFIG_CPU_CP15_MMU": "y",
        "CONFIG_CPU_CACHE_V7": "y",
        "CONFIG_CPU_COPY_V6": "y",
        "CONFIG_CPU_TLB_V7": "y",
        "CONFIG_CPU_SPECTRE": "y",
        "CONFIG_ARM_THUMB": "y",
        "CONFIG_ARM_UNWIND": "y",
        "CONFIG_ARM_HAS_GROUP_RELOCS": "y",
        "CONFIG_ARM_PATCH_PHYS_VIRT": "y",
        "CONFIG_CURRENT_POINTER_IN_TPIDRURO": "y",
        "CONFIG_ARM_L1_CACHE_SHIFT": "6",
        "CONFIG_FUNCTION_ALIGNMENT": "0",
        "CONFIG_PAGE_SHIFT": "12",
        "CONFIG_PAGE_OFFSET": "0xC0000000",
        "CONFIG_PGTABLE_LEVELS": "2",
    },
    offsets={
        **{f"S_{member.name.upper()}": f"PT_{member.name}" for member in PT_REGS.members[:16]},
        "S_PSR": "PT_cpsr",
        "S_OLD_R0": "PT_ORIG_r0",
        "PT_REGS_SIZE": "PT_SIZE",
        "S_FRAME_SIZE": "PT_SIZE",
    },
    unread=(".ARM.ex*", ".alt.smp.init", ".pv_table"),
)

# -- gdb: its features/arm/arm-core.xml; dwarf: aadwarf32, DWARF register names ----------------------------------------

GDB = Gdb(
    features=(
        GdbFeature(
            "org.gnu.gdb.arm.core",
            (
                *gdb_registers(
                    "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12", 32, "uint32", holds={"r11": "fp", "r12": "ip"}
                ),
                *gdb_registers("sp", 32, "data_ptr"),
                *gdb_registers("lr", 32, "int"),
                *gdb_registers("pc", 32, "code_ptr"),
                *gdb_registers("cpsr", 32, "int"),
            ),
        ),
    ),
    dwarf=tuple("r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 fp ip sp lr pc".split()),
    watch_before=True,
)

ARCH = Arch(
    name="arm",
    title="32-bit ARM, ARM state",
    kernel="arm",
    aliases=("armv7l", "armv6l", "armhf"),
    engine=Engine(
        unicorn=("ARM", ("ARM",)),
        keystone=("ARM", ("ARM",)),
        capstone=("ARM", ("ARM",)),
        dialect="arm",
        gnu=("arm-linux-gnueabihf-", "arm-linux-gnueabi-", "arm-none-eabi-"),
        gnu_flags=("-march=armv7-a",),
        elf_machine=40,
        elf_marks={"$a": True, "$d": False},  # aaelf32, Mapping symbols; $t is Thumb code
        elf_flags=0x5000200,  # aaelf32: EABI version 5, soft float
        gdb="armv7",
        qemu="arm",
    ),
    word=4,
    registers=registers("r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 fp ip sp lr pc cpsr", unicorn={"fp": "R11", "ip": "R12"}),
    abi=Abi(
        arguments=("r0", "r1", "r2", "r3"),
        returns=("r0", "r1"),
        preserved=("r4", "r5", "r6", "r7", "r8", "r9", "r10", "fp", "sp"),
        pc="pc",
        sp="sp",
        frame_pointer="fp",
        flags="cpsr",
        arithmetic_flags=0xF8000000,  # N Z C V Q
        flags_base=0x13,  # SVC mode, ARM state
        link="lr",
        stack_align=8,
        kernel_stack_align=8,
    ),
    memory=Memory(text=0xC0100000, data=0xC0800000, modules=0xBF000000, stack=0xC1800000),
    pt_regs=PT_REGS,
    gdb=GDB,
    function_return=bytes.fromhex("1eff2fe1"),  # bx lr
    exit=bytes.fromhex("feffffea"),  # b .
    kbuild=KBUILD,
    variants=(
        Variant(
            name="3.6",
            release="3.6",
            summary="__gnu_mcount_nc; ftrace_test_stop_func tests function_trace_stop, then calls on",
            source="ftrace-3.6.S",
            defines={**FRAMES, "FTRACE_TEST_STOP_FUNC": 1},
            abilities=DYNAMIC3,
            site=SITE_3,
            plain=PLAIN_3,
            graph=GRAPH_3,
        ),
        Variant(
            name="3.6-static",
            release="3.6",
            summary="__gnu_mcount_nc, never patched: !DYNAMIC_FTRACE",
            source="static-3.6.S",
            defines={**FRAMES, "FTRACE_TEST_STOP_FUNC": 1},
            abilities=STATIC3,
            site=SITE_3,
            plain=STATIC_PLAIN,
            graph=STATIC_GRAPH_3,
        ),
        Variant(
            name="3.7",
            release="3.7",
            summary="__gnu_mcount_nc; the list function is forced and tests function_trace_stop itself",
            source="ftrace-3.6.S",
            defines=FRAMES,
            abilities=DYNAMIC3,
            site=SITE_3,
            plain=PLAIN_3,
            graph=GRAPH_3,
        ),
        Variant(
            name="3.7-static",
            release="3.7",
            summary="__gnu_mcount_nc, never patched: !DYNAMIC_FTRACE",
            source="static-3.6.S",
            defines=FRAMES,
            abilities=STATIC3,
            site=SITE_3,
            plain=STATIC_PLAIN,
            graph=STATIC_GRAPH_3,
        ),
        v6("6.1"),
        v6_static("6.1"),
        v6("6.12"),
        v6_static(
            "6.12",
            Quirk(
                "G1",
                "off",
                "with nobody tracing, every function calls prepare_ftrace_return(), which then does nothing",
                "6.12 arch/arm/kernel/entry-ftrace.S: ftrace_graph_return is ftrace_stub_graph then, and is compared "
                "with ftrace_stub",
            ),
            FTRACE_STUB_GRAPH=1,
        ),
    ),
)
