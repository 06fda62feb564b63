# SPDX-License-Identifier: GPL-2.0-only
"""show: an annotated listing of a subject's trampolines, or the layouts of the structs that they build."""

from __future__ import annotations

import argparse

from emulator.cli import GOOD
from emulator.commands import choose
from emulator.commands.answer import answer
from emulator.listing import listing
from emulator.report import layouts
from emulator.report import listing as report


def run(options: argparse.Namespace) -> int:
    """Print it."""
    chosen = choose.Chosen(options)
    arch = chosen.arch
    variant = chosen.variant(arch)
    if options.layouts:
        title = chosen.brought, arch.name, variant
        rows = chosen.layouts(arch, variant)
        answer(options, lambda: layouts.document(*title, rows), lambda: layouts.render(*title, rows))
        return GOOD
    (subject,) = chosen.load(arch, [variant])
    shown = listing(subject, options.seed)
    answer(options, lambda: report.document(shown), lambda: report.render(shown))
    return GOOD
