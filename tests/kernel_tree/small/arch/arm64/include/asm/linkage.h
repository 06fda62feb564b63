/* SPDX-License-Identifier: GPL-2.0-only */
#define ASM_NL ;
#define FUNCTION_ALIGN .balign CONFIG_FUNCTION_ALIGNMENT
#define ON_ENTRY bti c
