/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Beside ftrace_64.S, for the other architecture of arch/x86
 */
#include <linux/linkage.h>
#include <asm/asm-offsets.h>

#ifndef __i386__
# error only for i386
#endif

#define SAVE(reg, slot) movl %reg, PT_##slot(%esp)

BEGIN(ftrace_stub)
	RET
END(ftrace_stub)
EXPORT(ftrace_stub)

BEGIN(ftrace_caller)
#ifdef CONFIG_FRAME_POINTER
	pushl	%ebp			# a frame
	movl	%esp, %ebp
#endif
	subl	$PTREGS_SIZE, %esp
	SAVE(eax, EAX); SAVE(edx, EDX)
	movl	ftrace_trace_function, %ecx
	NOTE_HERE
INNER(ftrace_call)
	call	ftrace_stub
	addl	$PTREGS_SIZE, %esp
	RET
END(ftrace_caller)
