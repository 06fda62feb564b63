// SPDX-License-Identifier: GPL-2.0-only
// r8 is not loaded back: the function's fifth argument is what the callback left in it.
//
// Variant: 6.12
// Breaks: T1
// So also: G3, W1, W2

        .set    OWN_LOAD, 1

        .macro LOAD pushed=0
        mov     PT_ip(%rsp), %rax
        mov     %rax, AREA+\pushed(%rsp)
        mov     PT_r9(%rsp), %r9
        .irp    register, di, si, dx, cx, ax, bp
        mov     PT_\register(%rsp), %r\register
        .endr
        .endm

        .include "tiny-6.S"
