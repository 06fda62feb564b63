# SPDX-License-Identifier: GPL-2.0-only
"""One command a module, each with run(options) -> exit code."""
