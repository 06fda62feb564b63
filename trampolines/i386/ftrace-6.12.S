// SPDX-License-Identifier: GPL-2.0-only
// ftrace_caller, ftrace_regs_caller, ftrace_graph_caller, return_to_handler; i386, 6.12 (arch/x86/kernel/ftrace_32.S)
//
// The site, disabled:  lea %ds:0(%esi,%eiz,1), %esi    enabled:  call ftrace_caller, ftrace_regs_caller for SAVE_REGS,
//                      first in the function           or ftrace_graph_caller where the graph tracer is alone
// On entry:            0(%esp) = rip, the address behind the site; 4(%esp) = parent_ip, the word at the parent slot
// Live:                eax edx ecx (regparm(3) arguments), ebx esi edi ebp, the segments; flags are free
// Calls:               func(ip = rip - MCOUNT_INSN_SIZE, parent_ip, op = function_trace_op, regs), the last one on the
//                      stack, at ftrace_call and ftrace_regs_call, which the core patches
// Leaves:              ftrace_caller: to rip with every live register as found
//                      ftrace_regs_caller: to regs->ip with esp = regs->sp; ax bx cx dx si di bp as regs has them.
//                      Never loaded back: flags, the segments and orig_ax, so that nobody is called directly from here
//                      both by way of ftrace_graph_call: a jmp to ftrace_stub, which the core points to
//                      ftrace_graph_caller while the graph tracer is on
//
// ftrace_caller passes regs = NULL. ftrace_regs_caller makes what an int3 at the site would: a pt_regs with every
// member filled; but flags are read behind the first arithmetic, and so the arithmetic ones are not the site's.
//
// %esp at ftrace_call          | NULL | dx | cx | ax |                             then, with CONFIG_FRAME_POINTER:
//                                0      4    8    12
//                              | ebp' | rip | ebp | parent_ip |                    two linked frames, ebp at the first
//                                16     20    24    28
//                              | rip | parent_ip |                                 pushed by the site and its caller
//
// %esp at ftrace_regs_call     | regs | struct pt_regs, PT_SIZE = 68 | GAP = 12 | rip | parent_ip |
//                                0      4                              72         84    88
//           regs + 0 .. +67    | bx cx dx si di bp ax | ds es fs gs | orig_ax | ip cs flags sp ss |
//                                0  4  8  12 16 20 24   28 32 36 40   44        48 52 56    60 64
//
// On the way out ip and ax are put below regs->sp, and esp goes there: the gap is for a regs->sp that was lowered, as
// if an instruction had pushed something, by two words at most. More, and they would lie over what is still to be
// loaded.
//
// ftrace-6.1.S includes this file with AS_IN_6_1 set, and says there what 6.1 has otherwise.

        .set    MCOUNT_INSN_SIZE, 5
        .set    __KERNEL_CS, 0x60
        .set    GAP, 3*4

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
FUNC __fentry__
        ret
END __fentry__

FUNC ftrace_caller
        .ifdef CONFIG_FRAME_POINTER
        push    4(%esp)                                 // the parent's frame: return address parent_ip,
        push    %ebp                                    //      next frame *ebp
        mov     %esp, %ebp
        push    2*4(%esp)                               // the traced function's frame: return address rip,
        push    %ebp                                    //      next frame the parent's
        mov     %esp, %ebp
        .set    FRAMES, 4*4
        .else
        .set    FRAMES, 0
        .endif
        push    %eax
        push    %ecx
        push    %edx
        push    $0                                      // regs = NULL
        mov     4*4+FRAMES(%esp), %eax                  // eax = rip
        mov     5*4+FRAMES(%esp), %edx                  // parent_ip
        mov     function_trace_op, %ecx                 // op = function_trace_op
        sub     $MCOUNT_INSN_SIZE, %eax                 // ip = rip - 5: the record's address
LABEL ftrace_call
        call    ftrace_stub                             // func(ip, parent_ip, op, regs)

        add     $4, %esp
        pop     %edx
        pop     %ecx
        pop     %eax
        .ifdef CONFIG_FRAME_POINTER
        pop     %ebp
        add     $4, %esp
        pop     %ebp                                    // ebp at the site
        add     $4, %esp
        .endif

LABEL ftrace_graph_call
        jmp     ftrace_stub                             // e9 rel32: goto ftrace_graph_caller, when patched

        .weak   ftrace_stub                             // so that the assembler does not shorten the jump to it
        .balign 16
ftrace_stub:
        ret                                             // to rip
END ftrace_caller

FUNC ftrace_regs_caller
        sub     $GAP, %esp
        push    %ss                                     // regs->ss = ss
        push    %esp                                    // regs->sp = esp before the site's call:
        addl    $5*4, (%esp)                            //      above ss, the gap and rip
        pushf                                           // regs->flags, which sub and add have changed
        push    $__KERNEL_CS                            // regs->cs = __KERNEL_CS
        push    4*4+GAP(%esp)                           // regs->ip = rip
        push    $0                                      // regs->orig_ax = 0: no system call
        .irp    segment, gs, fs, es, ds
        push    %\segment                               // regs->gs = gs, ...
        .endr
        .irp    register, eax, ebp, edi, esi, edx, ecx, ebx
        push    %\register                              // regs->ax = eax, ...
        .endr
        .ifdef CONFIG_FRAME_POINTER
        mov     %esp, %ebp                              // ebp = regs without its topmost bit, by which the unwinder
        and     $0x7fffffff, %ebp                       //      knows a pt_regs
        .endif
        mov     PT_ip(%esp), %eax                       // eax = rip
        sub     $MCOUNT_INSN_SIZE, %eax                 // ip = rip - 5: the record's address
        mov     PT_SIZE+GAP+4(%esp), %edx               // parent_ip
        mov     function_trace_op, %ecx                 // op = function_trace_op
        push    %esp                                    // regs
LABEL ftrace_regs_call
        call    ftrace_stub                             // func(ip, parent_ip, op, regs)

        add     $4, %esp
        mov     PT_sp(%esp), %eax                       // eax = regs->sp
        mov     PT_ip(%esp), %ecx
        mov     %ecx, -4(%eax)                          // the word below it = regs->ip, to return to
        mov     PT_ax(%esp), %ecx
        mov     %ecx, -8(%eax)                          // and below that regs->ax
        .irp    register, ebx, ecx, edx, esi, edi, ebp
        pop     %\register                              // ebx = regs->bx, ...
        .endr
        lea     -8(%eax), %esp
        pop     %eax                                    // eax = regs->ax
        jmp     ftrace_graph_call
END ftrace_regs_caller

        .ifndef AS_IN_6_1
FUNC ftrace_stub_direct_tramp                           // the direct trampoline of the selftest
        ret
END ftrace_stub_direct_tramp
        .endif

// Entered by the jump at ftrace_graph_call, behind either entry, or called by the site; the stack is as at their entry.
//
// Calls:               prepare_ftrace_return(ip, parent slot, frame_pointer = 0), which may put return_to_handler into
//                      the parent slot
FUNC ftrace_graph_caller
        push    %eax
        push    %ecx
        push    %edx
        mov     3*4(%esp), %eax                         // eax = rip
        lea     4*4(%esp), %edx                         // parent
        mov     $0, %ecx                                // frame_pointer = 0: there is no frame yet
        sub     $MCOUNT_INSN_SIZE, %eax                 // ip = rip - 5
        call    prepare_ftrace_return
        pop     %edx
        pop     %ecx
        pop     %eax
        ret                                             // to rip
END ftrace_graph_caller

// Where a function returns to whose return the graph tracer took; esp is as the real return would have left it.
//
// On entry:            eax, edx = the function's return value; esp = the parent slot + 4
// Calls:               ftrace_return_to_handler(fregs), where fregs has ax and dx, and bp = 0
// Leaves:              to the address that this returns; ax and dx as fregs has them, esp as on entry; ecx is spent
        .ifndef AS_IN_6_1
FUNC return_to_handler
        sub     $PT_SIZE, %esp
        movl    $0, PT_bp(%esp)                         // fregs->bp = 0
        mov     %edx, PT_dx(%esp)                       // fregs->dx = edx
        mov     %eax, PT_ax(%esp)                       // fregs->ax = eax
        mov     %esp, %eax                              // fregs
        call    ftrace_return_to_handler
        mov     %eax, %ecx                              // ecx = the function's own return address
        mov     PT_ax(%esp), %eax                       // eax = fregs->ax
        mov     PT_dx(%esp), %edx                       // edx = fregs->dx
        add     $PT_SIZE, %esp
        jmp     *%ecx
END return_to_handler
        .endif
