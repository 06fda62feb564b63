# SPDX-License-Identifier: GPL-2.0-only
"""show: an annotated listing of a subject's trampolines, or the layouts of the structs that they build."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from emulator.cli import GOOD, colour, write
from emulator.commands import choose
from emulator.listing import listing
from emulator.report import layouts
from emulator.report import listing as report
from emulator.report.lines import Line, coloured, plain


def run(options: argparse.Namespace) -> int:
    """Print it."""
    chosen = choose.Chosen(options)
    arch = chosen.arch
    variant = chosen.variant(arch)
    if options.layouts:
        title = chosen.brought, arch.name, variant
        rows = chosen.layouts(arch, variant)
        _print(options, lambda: layouts.document(*title, rows), lambda: layouts.render(*title, rows))
        return GOOD
    (subject,) = chosen.load(arch, [variant])
    shown = listing(subject, options.seed)
    _print(options, lambda: report.document(shown), lambda: report.render(shown))
    return GOOD


def _print(options: argparse.Namespace, document: Callable[[], object], text: Callable[[], list[Line]]) -> None:
    if options.format == "json":
        write(options, json.dumps(document(), indent=1) + "\n")
    else:
        write(options, coloured(text()) if colour(options) else plain(text()))
