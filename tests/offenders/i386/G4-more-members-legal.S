// SPDX-License-Identifier: GPL-2.0-only
// Members are filled that nobody has promised.
//
// Variant: 6.12
// Keeps: G4

        .set    OWN_EXIT, 1

        .macro EXIT
        sub     $PT_SIZE, %esp
        mov     %eax, PT_ax(%esp)
        mov     %edx, PT_dx(%esp)
        movl    $0, PT_bp(%esp)
        movl    $0, PT_ip(%esp)
        mov     %ebx, PT_bx(%esp)
        mov     %esp, %eax
        call    ftrace_return_to_handler
        mov     %eax, %ecx
        mov     PT_ax(%esp), %eax
        mov     PT_dx(%esp), %edx
        add     $PT_SIZE, %esp
        jmp     *%ecx
        .endm

        .include "tiny-6.S"
