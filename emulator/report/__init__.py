# SPDX-License-Identifier: GPL-2.0-only
"""What people and programs get to see of recordings. Nothing here runs anything but the replays behind an origin."""
