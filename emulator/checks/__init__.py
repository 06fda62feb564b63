# SPDX-License-Identifier: GPL-2.0-only
"""The contract that a trampoline is held to: each clause one small function, written once for all architectures."""
