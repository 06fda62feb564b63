// SPDX-License-Identifier: GPL-2.0-only
// The second half of a return value of two words is not loaded back.
//
// Variant: 6.12
// Breaks: G3

        .set    OWN_EXIT, 1

        .macro EXIT
        sub     $PT_SIZE, %esp
        mov     %eax, PT_ax(%esp)
        mov     %edx, PT_dx(%esp)
        movl    $0, PT_bp(%esp)
        mov     %esp, %eax
        call    ftrace_return_to_handler
        mov     %eax, %ecx
        mov     PT_ax(%esp), %eax
        add     $PT_SIZE, %esp
        jmp     *%ecx
        .endm

        .include "tiny-6.S"
