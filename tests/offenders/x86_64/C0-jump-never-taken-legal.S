// SPDX-License-Identifier: GPL-2.0-only
// The jump over the call is there for a stack pointer of 0, which no function has.
//
// Variant: 6.12
// Keeps: C0

        .set    OWN_MARK, 1

        .macro MARK
        movq    $0, PT_cs(%rsp)
        test    %rsp, %rsp
        jz      4f
        .endm

        .set    OWN_LOAD, 1

        .macro LOAD pushed=0
4:
        mov     PT_ip(%rsp), %rax
        mov     %rax, AREA+\pushed(%rsp)
        mov     PT_r9(%rsp), %r9
        mov     PT_r8(%rsp), %r8
        .irp    register, di, si, dx, cx, ax, bp
        mov     PT_\register(%rsp), %r\register
        .endr
        .endm

        .include "tiny-6.S"
