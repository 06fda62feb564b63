// SPDX-License-Identifier: GPL-2.0-only
// fregs->ip is never looked at again.
//
// Variant: 6.12
// Breaks: W1
// So also: T2

        .set    OWN_LOAD, 1

        .macro LOAD pushed=0
        mov     PT_r9(%rsp), %r9
        mov     PT_r8(%rsp), %r8
        .irp    register, di, si, dx, cx, ax, bp
        mov     PT_\register(%rsp), %r\register
        .endr
        .endm

        .include "tiny-6.S"
