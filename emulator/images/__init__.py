# SPDX-License-Identifier: GPL-2.0-only
"""Kernel images: vmlinux, or vmlinuz with a System.map. Their real trampolines become a Subject like any other."""
