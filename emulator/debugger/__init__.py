# SPDX-License-Identifier: GPL-2.0-only
"""A gdb server for one call of a traced function: transport, packets, target, and the time that can be travelled.

The protocol is that of gdb's manual, appendix "Remote Serial Protocol"; everything here is made for gdb 13 and newer.
"""
