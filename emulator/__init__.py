# SPDX-License-Identifier: GPL-2.0-only
"""A laboratory for the function tracer's trampolines."""
