// SPDX-License-Identifier: GPL-2.0-only
// The members are filled in another order.
//
// Variant: 6.12
// Keeps: C5

        .set    OWN_SAVE_REST, 1

        .macro SAVE_REST
        movq    $0x18, PT_ss(%rsp)
        movq    $0x10, PT_cs(%rsp)
        mov     %rbx, PT_bx(%rsp)
        mov     AREA(%rsp), %rbx
        mov     %rbx, PT_flags(%rsp)
        mov     PT_bx(%rsp), %rbx
        .irp    register, r10, r11, r12, r13, r14, r15
        mov     %\register, PT_\register(%rsp)
        .endr
        .endm

        .include "tiny-6.S"
