// SPDX-License-Identifier: GPL-2.0-only
// Members are filled that nobody has promised.
//
// Variant: 6.12
// Keeps: G4

        .set    OWN_EXIT, 1

        .macro EXIT
        sub     $PT_SIZE+8, %rsp
        mov     %rax, PT_ax(%rsp)
        mov     %rdx, PT_dx(%rsp)
        mov     %rbp, PT_bp(%rsp)
        movq    $0, PT_ip(%rsp)
        mov     %rbx, PT_bx(%rsp)
        lea     PT_SIZE+8(%rsp), %rdi
        mov     %rdi, PT_sp(%rsp)
        mov     %rsp, %rdi
        call    ftrace_return_to_handler
        mov     %rax, %rdi
        mov     PT_ax(%rsp), %rax
        mov     PT_dx(%rsp), %rdx
        add     $PT_SIZE+8, %rsp
        call    3f
        int3
3:      mov     %rdi, (%rsp)
        ret
        .endm

        .include "tiny-6.S"
