# SPDX-License-Identifier: GPL-2.0-only
"""list: architectures, variants, abilities and the functions of the fake kernel."""

from __future__ import annotations

import argparse
import json

from emulator import catalog
from emulator.cli import GOOD, colour, write
from emulator.report import support
from emulator.report.lines import coloured, plain


def run(options: argparse.Namespace) -> int:
    """Print what there is."""
    archs = [catalog.load(name) for name in catalog.names()]
    if options.markdown:
        write(options, support.markdown(archs))
    elif options.format == "json":
        write(options, json.dumps(support.document(archs), indent=1) + "\n")
    else:
        lines = support.text(archs)
        write(options, coloured(lines) if colour(options) else plain(lines))
    return GOOD
