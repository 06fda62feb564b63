# SPDX-License-Identifier: GPL-2.0-only
"""32-bit x86."""

from __future__ import annotations

from emulator.images.references.x86_modes import Mode

WORD = "R_386_32"
_MODE = Mode(32, relative={1: "R_386_PC8", 4: "R_386_PC32"}, absolute={4: "R_386_32"})
references, ends, calls = _MODE.references, _MODE.ends, _MODE.calls
