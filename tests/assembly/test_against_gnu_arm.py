# SPDX-License-Identifier: GPL-2.0-only
"""ARM sources give the very bytes of GNU as and ld."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

Comparison = Callable[[str, str, Mapping[str, int]], None]

SOURCES = {
    "instructions": """
        .syntax unified
        ldrb r0, [r1], #4; ldr r0, [r1, #-4]!; ldr r0, [r1, r2, lsl #2]; ldr fp, [sp, #60]; ldrd r2, r3, [sp, #8]
        strd r2, r3, [sp], #8; strh r1, [r2, #-2]; ldrsb r0, [r1, r2]; ldr pc, [sp], #8; ldr r0, [r1]; str sl, [ip, r3]!
        push {r0-r3, lr}; push {r3}; pop {pc}; pop {r0, r1}; stmdb sp!, {r0-r3}; ldmfd sp!, {r0-r3, ip, lr}
        ldmia sp, {r0-r12}^; stmia r0!, {r4-r9, sl, fp}; ldm sp, {r4, r5, r6, fp, sp, pc}
        mov r0, #-1; mov r0, #0xff00; movw r0, #0x1234; mov r0, #0x1234; movs r0, #-1; cmp r0, #-1; add r0, r0, #-4
        and r0, r0, #-2; bic r0, r0, #-2; sub sp, sp, #4; add r0, pc, #4; sub r0, pc, #8; ldr r0, [pc, #4]; mvn r0, #0
        add r0, r1, r2, lsl #2; mov r0, r1, ror #3; eor r0, r0, r4, ror #17; lsl r0, r1, #3; lsrs r0, r1, r2
        rsb r0, r0, #0; addne lr, pc, #0; moveq r0, r1; bxne lr; movweq r0, #1; movteq r0, #2; subs r0, r0, #1
        teq lr, r1; msr cpsr_f, r0; mrs r0, cpsr; msr cpsr_cxsf, r1; mov pc, lr; bx lr; blx r3; nop; svc #0
        swi 0x1234; bkpt #3; udf #1; dsb sy; isb; dmb ish; cpsid i; mcr p15, 0, r0, c7, c10, 4
        mrc p15, 0, r0, c1, c0, 0; mul r0, r1, r2
        umull r0, r1, r2, r3; mla r0, r1, r2, r3; clz r0, r1; rev r0, r1; uxtb r0, r1; sxth r0, r1; ubfx r0, r1, #3, #4
        bfi r0, r1, #0, #8; ldrex r0, [r1]; strex r0, r1, [r2]; .inst 0xe7f001f2, 0xe320f000; wfi; swp r0, r1, [r2]
    """,
    "branches": """
        .globl g; .weak w
        g: nop; w: nop; l: nop
        b l; b g; b w; bl g; bl w; bl l; bleq l; beq g; bls 1f; blt 1f; ble 1b; bal l; blal l; bcs outside; bl outside
        bne outside+8; 1: b .; b . + 8; b l - 4; bhs 1b; blo 1f; .skip 400; 1: b 1b
    """.replace("ble 1b", "ble l"),
    "addresses and literals": """
        .syntax unified
        .globl g
        g: nop; l: nop
        ldr r0, l; ldr r0, =l; ldr r1, =0xff; ldr r1, =0xffffff00; ldr r1, =0x12345678; ldr r2, =0x12345678
        ldr r3, =outside; ldr r3, =outside+4; ldr r3, =0x1234; ldr r3, =-1; ldr r3, =2; ldreq r3, =0xabcd1234
        ldrne r4, =5; ldr r4, =l; ldr r4, =l+4; ldr pc, =g; ldr r5, =0x12340000; ldr r6, =CONSTANT
        .ltorg
        adr r0, l; adr r0, f; adreq r1, l+4; ldr r0, f; ldrb r1, f; str r1, f; ldr r0, =l; ldr r1, =outside; nop
        f: nop; movw r0, #:lower16:outside; movt r0, #:upper16:outside; movw r0, #:lower16:l+4; movt r1, #:upper16:l
        movw r0, #:lower16:0x12345678; movt r0, #:upper16:0x12345678; movwne r2, #:lower16:outside
        .word outside, l, g, outside+8; .word l-g, outside-., l-.; ldr r0, =0x55aa55aa
        .section .kprobes, "ax"; ldr r1, =l; ldr r2, =0x55aa55aa; bl l; .byte 1; .text; ldr r7, =0x55aa55ab; .byte 1
    """,
    "literals at a distance of nothing, and short loads": """
        .syntax unified
        ldr r0, =outside; bx lr; .ltorg; adr r0, a; nop; a: ldr r0, b; nop; b: ldrh r0, c; nop; c: nop
        ldrh r0, d; ldrsb r1, d; ldrd r2, r3, d; strh r0, a; d: .quad 0; ldrsh r0, a; ldrheq r0, d
    """,
    "constants and aliases": """
        .syntax unified
        .set SIZE, 72; lr_at = 56; pointer .req r10; count .req r1
        str lr, [sp, #lr_at - 68]!; ldr lr, [sp, #SIZE - lr_at]; add sp, sp, #SIZE - 4*2; ldr pc, [sp], #SIZE - lr_at
        ldr count, [pointer, #CONSTANT]; add count, count, #CONSTANT; mov pointer, count, lsl #1 + 1; push {pointer, lr}
        cmp count, #'a'; .unreq count; eor r0, r0, #0x5a; mov r0, $4; sub r0, r0, #(1 << 4) + 1
    """,
    "padding": """
        nop; .byte 1; .balign 4; .byte 1; .balign 16; .align 3; nop; .p2align 4; .data; .byte 1; .align 2; .byte 2
        .text; .byte 1; .balign 8, 0; .byte 3; .align; nop; .align 5; .byte 9; .section .kprobes, "ax"; .byte 1
        .balign 32; nop; .byte 3; .section .only_data, "ax"; .byte 1; .word 2; .balign 2; .byte 1; .section .rest, "a"
        .byte 1; .balign 16; .byte 2; .hword 3; .short 4; .quad 5; .ascii "abc"; .asciz "d"; .fill 3, 2, 0x1234; .skip 5
    """,
    "macros": """
        .macro two a, b=r1, rest:vararg; mov \\a, \\b; .ifnb \\rest; push {\\rest}; .endif; .endm
        two r0; two r2, r3; two b=r4, a=r5; two r0, r1, r2, r3; two r0 r2
        .macro site target; push {lr}; 1: bl \\target
        .pushsection __mcount_loc, "a", %progbits; .word 1b; .popsection; .endm
        site outside; site outside; .irp register, r1, r2, fp; add r0, \\register, r0, ror #3; .endr
        .irpc digit, 0123; mov r\\digit, #\\digit; .endr; .rept 3; nop; .endr
    """,
}


@pytest.mark.gnu_as
@pytest.mark.parametrize("name", SOURCES)
def test_sources(name: str, same_as_gnu: Comparison) -> None:
    same_as_gnu("arm", SOURCES[name], {"CONSTANT": 24})
