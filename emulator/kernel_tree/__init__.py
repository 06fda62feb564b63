# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own .S, out of a tree that need not be configured, let alone built.

tree.py knows where things are, owner.py whose a source is, configuration.py what is switched on, made.py
the headers that only a build has.
"""
