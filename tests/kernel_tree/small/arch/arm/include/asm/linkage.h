/* SPDX-License-Identifier: GPL-2.0-only */
#define ASM_NL ;
#define ON_ENTRY
