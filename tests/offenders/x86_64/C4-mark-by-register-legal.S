// SPDX-License-Identifier: GPL-2.0-only
// cs is cleared by way of a register.
//
// Variant: 6.12
// Keeps: C4

        .set    OWN_MARK, 1

        .macro MARK
        xor     %eax, %eax
        mov     %rax, PT_cs(%rsp)
        .endm

        .include "tiny-6.S"
