/* SPDX-License-Identifier: GPL-2.0-only */
#include <asm/capabilities.h>
#include <asm/asm-offsets.h>

	.macro	load_from, to, symbol		/* what a variable holds */
	adrp	\to, \symbol
	ldr	\to, [\to, :lo12:\symbol]
	.endm

	.macro	get_flags, to			// not called: TSK_TI_FLAGS need not be known
	ldr	\to, [\to, #TSK_TI_FLAGS]
	.endm
