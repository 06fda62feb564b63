/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <asm/asm-offsets.h>

	.macro	get_flags, rd		@ not called: TI_FLAGS need not be known
	ldr	\rd, [\rd, #TI_FLAGS]
	.endm
