// SPDX-License-Identifier: GPL-2.0-only
// A direct trampoline is gone to by a jump, which is neither a call nor a return.
//
// Variant: 6.12
// Keeps: H2

        .set    OWN_DIRECT, 1

        .macro DIRECT
        mov     %rax, AREA-8(%rsp)
        LOAD    pushed=8
        mov     AREA-8(%rsp), %r11
        lea     AREA(%rsp), %rsp
        popfq
        jmp     *%r11
        .endm

        .include "tiny-6.S"
