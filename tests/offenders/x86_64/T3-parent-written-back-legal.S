// SPDX-License-Identifier: GPL-2.0-only
// The parent's address is read and written back, whoever it belongs to by then.
//
// Variant: 6.12
// Keeps: T3

        .set    OWN_LOAD, 1

        .macro LOAD pushed=0
        mov     AREA+8+\pushed(%rsp), %rax
        mov     %rax, AREA+8+\pushed(%rsp)
        mov     PT_ip(%rsp), %rax
        mov     %rax, AREA+\pushed(%rsp)
        mov     PT_r9(%rsp), %r9
        mov     PT_r8(%rsp), %r8
        .irp    register, di, si, dx, cx, ax, bp
        mov     PT_\register(%rsp), %r\register
        .endr
        .endm

        .include "tiny-6.S"
