/* SPDX-License-Identifier: GPL-2.0-only */
	OFFSET(pt_regs_ax, pt_regs, ax);
	OFFSET(TASK_depth, task_struct, depth);
	DEFINE(PTREGS_SIZE, sizeof(struct pt_regs));
