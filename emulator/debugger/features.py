# SPDX-License-Identifier: GPL-2.0-only
"""The documents that describe a target to gdb: its registers, and where its memory is."""

from __future__ import annotations

from emulator.debugger.target import declared
from emulator.description import Arch, GdbFeature
from emulator.machine.memory import Memory


def target_xml(arch: Arch) -> str:
    """The target description (gdb's manual, "Target Description Format"). No operating system: this is a kernel.

    Raises UsageError where the architecture does not say how gdb sees it.
    """
    gdb, number, parts = declared(arch.gdb, arch.name), 0, []
    for feature in gdb.features:
        parts.append(_feature(feature, number))
        number += len(feature.registers)
    return (
        '<?xml version="1.0"?>\n<!DOCTYPE target SYSTEM "gdb-target.dtd">\n<target version="1.0">\n'
        f"<architecture>{arch.engine.gdb}</architecture>\n<osabi>none</osabi>\n{''.join(parts)}</target>\n"
    )


def _feature(feature: GdbFeature, first: int) -> str:
    registers = "".join(
        f'<reg name="{register.name}" bitsize="{register.bits}" type="{register.type}" regnum="{number}"/>\n'
        for number, register in enumerate(feature.registers, first)
    )
    return f'<feature name="{feature.name}">\n{registers}</feature>\n'


def memory_map(memory: Memory) -> str:
    """The memory map; all of it can be written by a debugger, code too."""
    regions = "".join(
        f'<memory type="ram" start="{region.base:#x}" length="{region.size:#x}"/>\n' for region in memory.regions
    )
    return f"<memory-map>\n{regions}</memory-map>\n"
