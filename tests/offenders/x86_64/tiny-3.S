// SPDX-License-Identifier: GPL-2.0-only
// A small trampoline for x86_64, 3.6 with mcount, that does everything right: what the files beside it change one step of
//
// A file sets OWN_<step>, defines the macro of that name in its own way, and includes this one:
//
//      TEST_STOP       back to the function if function_trace_stop is set
//      ARGUMENTS       rdi = ip, rsi = parent_ip
//      GRAPH           what comes behind the callback: the jump that the core patches
//      GRAPH_ARGUMENTS rdi = the parent slot, rsi = ip, rdx = the caller's rbp
//      EXIT            return_to_handler
//
// %rsp at each call    | ax | cx | dx | si | di | r8 | r9 | rip |
//                        0                             48   56

        .macro LABEL name
        .globl  \name
\name:
        .endm

        .macro SAVE
        .irp    register, r9, r8, rdi, rsi, rdx, rcx, rax
        push    %\register
        .endr
        .endm

        .macro LOAD
        .irp    register, rax, rcx, rdx, rsi, rdi, r8, r9
        pop     %\register
        .endr
        .endm

        .ifndef OWN_TEST_STOP
        .macro TEST_STOP
        cmpl    $0, function_trace_stop(%rip)
        jne     ftrace_stub
        .endm
        .endif

        .ifndef OWN_ARGUMENTS
        .macro ARGUMENTS
        mov     56(%rsp), %rdi
        sub     $5, %rdi
        mov     8(%rbp), %rsi
        .endm
        .endif

        .ifndef OWN_GRAPH
        .macro GRAPH
LABEL ftrace_graph_call
        jmp     ftrace_stub
        .endm
        .endif

        .ifndef OWN_GRAPH_ARGUMENTS
        .macro GRAPH_ARGUMENTS
        lea     8(%rbp), %rdi
        mov     56(%rsp), %rsi
        sub     $5, %rsi
        mov     (%rbp), %rdx
        .endm
        .endif

        .ifndef OWN_EXIT
        .macro EXIT
        push    %rdx
        push    %rax
        mov     %rbp, %rdi
        call    ftrace_return_to_handler
        mov     %rax, %rcx
        pop     %rax
        pop     %rdx
        jmp     *%rcx
        .endm
        .endif

        .text

LABEL mcount
        ret

LABEL ftrace_caller
        TEST_STOP
        SAVE
        ARGUMENTS
LABEL ftrace_call
        call    ftrace_stub
        LOAD
        GRAPH
        .weak   ftrace_stub                             // so that the jump to it keeps its long form
ftrace_stub:
        ret

LABEL ftrace_graph_caller
        TEST_STOP
        SAVE
        GRAPH_ARGUMENTS
        call    prepare_ftrace_return
        LOAD
        ret

LABEL return_to_handler
        EXIT
