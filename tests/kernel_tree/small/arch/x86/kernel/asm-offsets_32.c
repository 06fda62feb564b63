/* SPDX-License-Identifier: GPL-2.0-only */
	OFFSET(PT_EAX, pt_regs, ax);
	OFFSET(PT_EDX, pt_regs, dx);
