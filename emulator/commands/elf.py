# SPDX-License-Identifier: GPL-2.0-only
"""elf: the kernel that trampolines run in, as a file for objdump, readelf and gdb."""

from __future__ import annotations

import argparse

from emulator.cli import GOOD, write_file
from emulator.commands import choose


def run(options: argparse.Namespace) -> int:
    """Write it."""
    choose.start_assembler(options)
    from emulator.commands.kernel import kernel  # noqa: PLC0415 - see choose.start_assembler()
    from emulator.debuginfo.kernel import elf  # noqa: PLC0415
    from emulator.unwind import unwinding  # noqa: PLC0415

    lab = kernel(options).lab
    known = unwinding(lab.subject, lab.seed)
    known.expect_agreement(lab)
    write_file(options.output, elf(lab, known))
    return GOOD
