# SPDX-License-Identifier: GPL-2.0-only
"""32-bit x86 in AT&T syntax: the language of dialects.x86 in the other mode."""

from emulator.assembly.dialects.x86 import X86
from emulator.assembly.dialects.x86_modes import PROTECTED

DIALECT = X86(PROTECTED)
