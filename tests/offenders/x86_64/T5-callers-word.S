// SPDX-License-Identifier: GPL-2.0-only
// A word of the caller's frame is used to keep the way back in.
//
// Variant: 6.12
// Breaks: T5
// So also: G4

        .set    OWN_LOAD, 1

        .macro LOAD pushed=0
        mov     PT_ip(%rsp), %rax
        mov     %rax, AREA+\pushed(%rsp)
        mov     %rax, AREA+16+\pushed(%rsp)
        mov     PT_r9(%rsp), %r9
        mov     PT_r8(%rsp), %r8
        .irp    register, di, si, dx, cx, ax, bp
        mov     PT_\register(%rsp), %r\register
        .endr
        .endm

        .include "tiny-6.S"
