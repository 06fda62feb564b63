// SPDX-License-Identifier: GPL-2.0-only
// r12 and r13 are stored into each other's slots, and loaded from there.
//
// Variant: 6.12
// Breaks: C5
// So also: W1, W2

        .set    OWN_SAVE_REST, 1

        .macro SAVE_REST
        .irp    register, r15, r14, r11, r10
        mov     %\register, PT_\register(%rsp)
        .endr
        mov     %r13, PT_r12(%rsp)
        mov     %r12, PT_r13(%rsp)
        mov     %rbx, PT_bx(%rsp)
        mov     AREA(%rsp), %rax
        mov     %rax, PT_flags(%rsp)
        movq    $0x10, PT_cs(%rsp)
        movq    $0x18, PT_ss(%rsp)
        .endm

        .set    OWN_LOAD_REST, 1

        .macro LOAD_REST
        mov     PT_flags(%rsp), %rax
        mov     %rax, AREA(%rsp)
        .irp    register, r15, r14, r10
        mov     PT_\register(%rsp), %\register
        .endr
        mov     PT_r12(%rsp), %r13
        mov     PT_r13(%rsp), %r12
        mov     PT_bx(%rsp), %rbx
        .endm

        .include "tiny-6.S"
