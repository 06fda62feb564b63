/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Not a trampoline that anybody would run: the mechanisms of the kernel's headers, and nothing else
 */
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/numbers_64.h>		/* only a build has it */

#define SAVE(reg, slot) movq %reg, pt_regs_##slot(%rsp)

.macro save_all added=0 ftr=(( 3*32+21)) | (1 << 4)
	subq	$PTREGS_SIZE - \added, %rsp
	movl	$\ftr, %eax
	SAVE(rax, ax)
	SAVE(rcx, cx); SAVE(rdx,
		dx)
.endm

BEGIN(ftrace_stub)
	RET
END(ftrace_stub)
EXPORT(ftrace_stub)

#ifdef CONFIG_DYNAMIC_FTRACE
BEGIN(ftrace_caller)
#if defined(CONFIG_FRAME_POINTER) && !IS_ENABLED(CONFIG_NOTHING)
	push	%rbp			// a frame
	movq	%rsp, %rbp
#endif
	save_all 8
	NOTE_HERE
INNER(ftrace_call)
	call	ftrace_stub
	# a comment of the assembler's
	addq	$PTREGS_SIZE, %rsp	/* a comment
					   of two lines */
	leaq	ftrace_stub(%rip), %rax
	RET
END(ftrace_caller)
#else
BEGIN(__fentry__)
	cmpq	$ftrace_stub, ftrace_trace_function
	RET
END(__fentry__)
#endif
