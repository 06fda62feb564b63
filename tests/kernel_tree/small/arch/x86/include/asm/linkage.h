/* SPDX-License-Identifier: GPL-2.0-only */
#define ASM_NL ;
#define FUNCTION_ALIGN .balign CONFIG_FUNCTION_ALIGNMENT, 0x90
#ifdef CONFIG_X86_KERNEL_IBT
#define ON_ENTRY endbr64
#else
#define ON_ENTRY
#endif
#if IS_ENABLED(CONFIG_MITIGATION_RETHUNK)
#define RET jmp __x86_return_thunk
#else
#define RET ret
#endif
