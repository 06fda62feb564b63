# SPDX-License-Identifier: GPL-2.0-only
"""64-bit x86."""

from __future__ import annotations

from emulator.images.references.x86_modes import Mode

WORD = "R_X86_64_64"
_MODE = Mode(64, relative={1: "R_X86_64_PC8", 4: "R_X86_64_PC32"}, absolute={4: "R_X86_64_32S"})
references, ends, calls = _MODE.references, _MODE.ends, _MODE.calls
