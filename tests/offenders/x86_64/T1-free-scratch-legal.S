// SPDX-License-Identifier: GPL-2.0-only
// The way back goes by way of r11, which no site has anything in.
//
// Variant: 6.12
// Keeps: T1

        .set    OWN_LOAD, 1

        .macro LOAD pushed=0
        mov     PT_ip(%rsp), %r11
        mov     %r11, AREA+\pushed(%rsp)
        .irp    register, ax, bp, cx, di, dx, si
        mov     PT_\register(%rsp), %r\register
        .endr
        mov     PT_r8(%rsp), %r8
        mov     PT_r9(%rsp), %r9
        .endm

        .include "tiny-6.S"
