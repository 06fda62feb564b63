/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SMALL_LINKAGE_H
#define SMALL_LINKAGE_H
#include <asm/linkage.h>
#include <asm/stringify.h>

#ifndef FUNCTION_ALIGN
#define FUNCTION_ALIGN .balign 4
#endif

#define BEGIN(name)			\
	.globl name ASM_NL		\
	FUNCTION_ALIGN ASM_NL		\
	name: ASM_NL			\
	ON_ENTRY
#define END(name)			\
	.type name STT_FUNC ASM_NL	\
	.size name, . - name
#define INNER(name) .globl name ASM_NL name:

#define EXPORT(name) .pushsection .export_symbol, "a"; .asciz "" __stringify(\0 name); .popsection
#define NOTE_HERE 999: .pushsection .discard.notes; .long 999b; .popsection
#endif
