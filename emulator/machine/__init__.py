# SPDX-License-Identifier: GPL-2.0-only
"""Unicorn behind a small interface: memory, registers, runs, and raw traces. Knows nothing of ftrace."""
