# SPDX-License-Identifier: GPL-2.0-only
"""list: architectures, variants, abilities and the functions of the fake kernel."""

from __future__ import annotations

import argparse

from emulator import catalog
from emulator.cli import GOOD, write
from emulator.commands.answer import answer
from emulator.report import support


def run(options: argparse.Namespace) -> int:
    """Print what there is."""
    archs = [catalog.load(name) for name in catalog.names()]
    if options.markdown:
        write(options, support.markdown(archs))
    else:
        answer(options, lambda: support.document(archs), lambda: support.text(archs))
    return GOOD
