# SPDX-License-Identifier: GPL-2.0-only
"""emulate: run a variant's trampolines and show the picture."""

from __future__ import annotations

import argparse

from emulator.commands import choose


def run(options: argparse.Namespace) -> int:
    """Start the assembler's child first, then all that takes as long as it does."""
    choose.start_assembler(options)
    from emulator.commands import tell  # noqa: PLC0415 - see above

    return tell.run(options)
