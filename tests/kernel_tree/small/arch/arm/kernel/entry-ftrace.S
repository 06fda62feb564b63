/* SPDX-License-Identifier: GPL-2.0-only */
#include "entry-header.S"

BEGIN(ftrace_stub)
	bx	lr
END(ftrace_stub)

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_REGS
BEGIN(ftrace_regs_caller)
	sub	sp, sp, #PT_REGS_SIZE		@ don't worry
	str	lr, [sp, #S_LR]
	ldr	r2, =function_trace_op
INNER(ftrace_regs_call)
	bl	ftrace_stub
ARM(	mov	r0, r0	)
THUMB(	nop.w		)
	add	sp, sp, #PT_REGS_SIZE
	ldr	pc, [sp], #4
END(ftrace_regs_caller)
#endif

	.section .init.text, "ax"
BEGIN(from_init)
	ldr	pc, =ftrace_stub
END(from_init)
