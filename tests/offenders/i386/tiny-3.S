// SPDX-License-Identifier: GPL-2.0-only
// A small trampoline for i386, 3.6, that does everything right: what the files beside it change one step of
//
// A file sets OWN_<step>, defines the macro of that name in its own way, and includes this one:
//
//      TEST_STOP       back to the function if function_trace_stop is set
//
// %esp at each call    | dx | cx | ax | rip |
//                        0    4    8    12

        .macro LABEL name
        .globl  \name
\name:
        .endm

        .macro SAVE
        .irp    register, eax, ecx, edx
        push    %\register
        .endr
        .endm

        .macro LOAD
        .irp    register, edx, ecx, eax
        pop     %\register
        .endr
        .endm

        .ifndef OWN_TEST_STOP
        .macro TEST_STOP
        cmpl    $0, function_trace_stop
        jne     ftrace_stub
        .endm
        .endif

        .text

LABEL mcount
        ret

LABEL ftrace_caller
        TEST_STOP
        SAVE
        mov     12(%esp), %eax
        sub     $5, %eax
        mov     4(%ebp), %edx
LABEL ftrace_call
        call    ftrace_stub
        LOAD
LABEL ftrace_graph_call
        jmp     ftrace_stub
        .weak   ftrace_stub                             // so that the jump to it keeps its long form
ftrace_stub:
        ret

LABEL ftrace_graph_caller
        TEST_STOP
        SAVE
        lea     4(%ebp), %eax
        mov     12(%esp), %edx
        sub     $5, %edx
        mov     (%ebp), %ecx
        call    prepare_ftrace_return
        LOAD
        ret

LABEL return_to_handler
        push    %edx
        push    %eax
        mov     %ebp, %eax
        call    ftrace_return_to_handler
        mov     %eax, %ecx
        pop     %eax
        pop     %edx
        jmp     *%ecx
