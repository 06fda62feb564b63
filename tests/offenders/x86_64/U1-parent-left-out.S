// SPDX-License-Identifier: GPL-2.0-only
// Both frames say that they belong to the traced function: the parent is missing.
//
// Variant: 6.12-fp
// Breaks: U1

        .set    OWN_FRAMES, 1

        .macro FRAMES pushed
        push    %rbp
        pushq   8+\pushed(%rsp)
        push    %rbp
        mov     %rsp, %rbp
        pushq   24+\pushed(%rsp)
        push    %rbp
        mov     %rsp, %rbp
        .endm

        .include "tiny-6.S"
