// SPDX-License-Identifier: GPL-2.0-only
// The segments are stored in another order, by way of a register.
//
// Variant: 6.12
// Keeps: C5

        .set    OWN_SAVE_REST, 1

        .macro SAVE_REST
        .irp    segment, ss, gs, fs, es, ds
        mov     %\segment, %eax
        mov     %eax, PT_\segment(%esp)
        .endr
        .endm

        .include "tiny-6.S"
