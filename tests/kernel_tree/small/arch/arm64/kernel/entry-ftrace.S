/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <asm/assembler.h>

	.macro	save, all=0
	stp	x0, x1, [sp, #FREGS_X0]
	.if	\all == 1
	str	x9, [sp, #FREGS_LR]		// don't worry
	.endif
	.endm

#ifdef CONFIG_CFI_CLANG
	.4byte	__kcfi_typeid_ftrace_stub
#endif
BEGIN(ftrace_stub)
	ret
END(ftrace_stub)

BEGIN(ftrace_caller)
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS
	bic	x11, x30, 0x7
	ldr	x11, [x11, #-(4 * 4)]
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
	ldr	x17, [x11, #FTRACE_OPS_DIRECT_CALL]
	cbnz	x17, ftrace_caller_direct
#endif
#endif
	sub	sp, sp, #(FREGS_SIZE + 16)
	save	1
#if IS_ENABLED(CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS)
	ldr	x4, [x11, #FTRACE_OPS_FUNC]
	blr	x4
#else
	load_from x2, function_trace_op
INNER(ftrace_call)
	bl	ftrace_stub
#endif
	ldr	x9, [sp, #FREGS_LR]
	add	sp, sp, #FREGS_SIZE + 16
	ret	x9
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS
INNER(ftrace_caller_direct)
	br	x17
#endif
END(ftrace_caller)
EXPORT(ftrace_caller)
	NOTE_HERE
