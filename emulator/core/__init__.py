# SPDX-License-Identifier: GPL-2.0-only
"""The architecture-independent half of ftrace: who is called, with which op, and what each site must call.

It knows no architecture and no emulator. What the kernel asks its arch code to do goes through `platform.Platform`.
"""
