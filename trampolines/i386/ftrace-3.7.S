// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_regs_caller, ftrace_graph_caller, return_to_handler; i386, 3.7 (arch/x86/kernel/entry_32.S)
//
// The site, disabled:  nopl 0(%eax,%eax)       enabled:  call ftrace_caller, or ftrace_regs_caller for SAVE_REGS
//                      behind push %ebp; mov %esp, %ebp
// On entry:            0(%esp) = rip, the address behind the site; 4(%ebp) = parent_ip, the word at the parent slot
// Live:                eax edx ecx (regparm(3) arguments), ebx esi edi ebp, the segments; flags are free in
//                      ftrace_caller
// Calls:               func(ip = rip - MCOUNT_INSN_SIZE, parent_ip, op, regs), the last one on the stack, at
//                      ftrace_call and ftrace_regs_call, which the core patches; regs = NULL from ftrace_caller
//                      op = &function_trace_op, where function_trace_op itself was meant: a fault of this release
// Leaves:              to rip, from ftrace_regs_caller to regs->ip, with esp as before the site's call; every live
//                      register as found, from ftrace_regs_caller as regs has it, flags and segments too;
//                      both by way of ftrace_graph_call: a jmp to ftrace_stub, which the core points to
//                      ftrace_graph_caller while the graph tracer is on
// Stopped:             function_trace_stop != 0: to rip at once, nothing called
//
// %esp at ftrace_call          | NULL | dx | cx | ax | rip |
//                                0      4    8    12   16
//
// %esp at ftrace_regs_call     | regs | struct pt_regs without its last two members | the function's stack
//                                0      4                                              64
//           regs + 0 .. +59    | bx cx dx si di bp ax | ds es fs gs | orig_ax | ip cs flags |
//                                0  4  8  12 16 20 24   28 32 36 40   44        48 52 56
//
// An exception in the kernel pushes neither sp nor ss, and so &regs->sp is what esp was (kernel_stack_pointer()). The
// site has pushed rip where flags belong, and pushf comes to lie in cs: flags move up on the way in, and down on the
// way out.

        .set    MCOUNT_INSN_SIZE, 5
        .set    __KERNEL_CS, 0x60

        .macro FUNC name
        .balign 16
        .globl  \name
        .type   \name, @function
\name:
        .endm

        .macro LABEL name
        .globl  \name
\name:
        .endm

        .macro END name
        .size   \name, . - \name
        .endm

        .text

// What every site calls until boot has patched it.
FUNC mcount
        ret
END mcount

FUNC ftrace_caller
        cmpl    $0, function_trace_stop                 // if (function_trace_stop)
        jne     ftrace_stub                             //      return

        push    %eax
        push    %ecx
        push    %edx
        push    $0                                      // regs = NULL
        mov     4*4(%esp), %eax                         // eax = rip
        mov     4(%ebp), %edx                           // parent_ip
        lea     function_trace_op, %ecx                 // op = &function_trace_op, an ops ** (3.13 made it a mov)
        sub     $MCOUNT_INSN_SIZE, %eax                 // ip = rip - 5: the record's address
LABEL ftrace_call
        call    ftrace_stub                             // func(ip, parent_ip, op, regs)
        add     $4, %esp
        pop     %edx
        pop     %ecx
        pop     %eax

LABEL ftrace_graph_call
        jmp     ftrace_stub                             // e9 rel32: goto ftrace_graph_caller, when patched

        .weak   ftrace_stub                             // so that the assembler does not shorten the jump to it
ftrace_stub:
        ret                                             // to rip
END ftrace_caller

FUNC ftrace_regs_caller
        pushf                                           // first: everything below changes flags. Into regs->cs
        cmpl    $0, function_trace_stop                 // if (function_trace_stop)
        jne     1f                                      //      give flags back and return

        push    4(%esp)                                 // regs->ip = rip
        push    $0                                      // regs->orig_ax = 0: no system call
        .irp    segment, gs, fs, es, ds
        push    %\segment                               // regs->gs = gs, ...
        .endr
        .irp    register, eax, ebp, edi, esi, edx, ecx, ebx
        push    %\register                              // regs->ax = eax, ...
        .endr
        mov     PT_cs(%esp), %eax                       // regs->flags = flags at the site, over rip
        mov     %eax, PT_flags(%esp)
        movl    $__KERNEL_CS, PT_cs(%esp)               // regs->cs = __KERNEL_CS
        mov     PT_ip(%esp), %eax                       // eax = rip
        sub     $MCOUNT_INSN_SIZE, %eax                 // ip = rip - 5: the record's address
        mov     4(%ebp), %edx                           // parent_ip
        lea     function_trace_op, %ecx                 // op = &function_trace_op, as above
        push    %esp                                    // regs
LABEL ftrace_regs_call
        call    ftrace_stub                             // func(ip, parent_ip, op, regs)
        add     $4, %esp

        mov     PT_flags(%esp), %eax                    // regs->cs = regs->flags: where popf will look
        mov     %eax, PT_cs(%esp)
        mov     PT_ip(%esp), %eax                       // rip = regs->ip: func may have moved it
        mov     %eax, PT_flags(%esp)
        .irp    register, ebx, ecx, edx, esi, edi, ebp, eax
        pop     %\register                              // ebx = regs->bx, ...
        .endr
        .irp    segment, ds, es, fs, gs
        pop     %\segment                               // ds = regs->ds, ...
        .endr
        add     $2*4, %esp                              // over orig_ax and ip
        popf                                            // flags
        jmp     ftrace_graph_call

1:      popf                                            // flags, which the comparison changed
        jmp     ftrace_stub
END ftrace_regs_caller

// Entered by the jump at ftrace_graph_call, behind either entry; the stack is as at their entry. Where func has moved
// regs->ip, rip is the new address, and so self_addr is wrong: a weakness of this release.
        .include "graph-3.6.S"
