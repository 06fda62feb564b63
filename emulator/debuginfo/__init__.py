# SPDX-License-Identifier: GPL-2.0-only
"""What a debugger reads about code: DWARF 4 and the ELF file around it, written for a kernel of the laboratory.

Sections and numbers are in the order of "DWARF Debugging Information Format, Version 4", whose names are kept.
"""
