// SPDX-License-Identifier: GPL-2.0-only
// A direct trampoline is gone to by a return that no call belongs to.
//
// Variant: 6.12
// Breaks: H2

        .set    OWN_DIRECT, 1

        .macro DIRECT
        xchg    %rax, AREA(%rsp)
        mov     %rax, AREA-8(%rsp)
        LOAD    pushed=8
        lea     AREA-8(%rsp), %rsp
        popfq
        ret                                             // one return more than there were calls
        .endm

        .include "tiny-6.S"
