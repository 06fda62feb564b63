# SPDX-License-Identifier: GPL-2.0-only
"""show: an annotated listing of a subject's trampolines."""

from __future__ import annotations

import argparse
import json

from emulator.cli import GOOD, colour, write
from emulator.commands import choose
from emulator.listing import listing
from emulator.report import listing as report
from emulator.report.lines import coloured, plain


def run(options: argparse.Namespace) -> int:
    """Print it."""
    chosen = choose.Chosen(options)
    (subject,) = chosen.load(chosen.arch, [chosen.variant(chosen.arch)])
    shown = listing(subject, options.seed)
    if options.format == "json":
        write(options, json.dumps(report.document(shown), indent=1) + "\n")
    else:
        lines = report.render(shown)
        write(options, coloured(lines) if colour(options) else plain(lines))
    return GOOD
