# SPDX-License-Identifier: GPL-2.0-only
"""Mutants: trampolines with one instruction changed, by which the contract is measured."""
