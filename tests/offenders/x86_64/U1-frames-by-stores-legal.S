// SPDX-License-Identifier: GPL-2.0-only
// The frames are stored, not pushed.
//
// Variant: 6.12-fp
// Keeps: U1

        .set    OWN_FRAMES, 1

        .macro FRAMES pushed
        lea     -8(%rsp), %rsp
        mov     %rbp, (%rsp)
        pushq   16+\pushed(%rsp)                        // parent_ip
        lea     -8(%rsp), %rsp
        mov     %rbp, (%rsp)
        lea     (%rsp), %rbp
        pushq   24+\pushed(%rsp)                        // rip
        lea     -8(%rsp), %rsp
        mov     %rbp, (%rsp)
        lea     (%rsp), %rbp
        .endm

        .include "tiny-6.S"
