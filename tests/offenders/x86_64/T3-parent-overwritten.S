// SPDX-License-Identifier: GPL-2.0-only
// The word above the function's return address is not the trampoline's to keep anything in.
//
// Variant: 6.12
// Breaks: T3
// So also: G2

        .set    OWN_LOAD, 1

        .macro LOAD pushed=0
        mov     PT_ip(%rsp), %rax
        mov     %rax, AREA+\pushed(%rsp)
        mov     %rax, AREA+8+\pushed(%rsp)              // one word too high
        mov     PT_r9(%rsp), %r9
        mov     PT_r8(%rsp), %r8
        .irp    register, di, si, dx, cx, ax, bp
        mov     PT_\register(%rsp), %r\register
        .endr
        .endm

        .include "tiny-6.S"
