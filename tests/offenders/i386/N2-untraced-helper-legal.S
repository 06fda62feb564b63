// SPDX-License-Identifier: GPL-2.0-only
// The function called on the way is one without a site.
//
// Variant: 6.12
// Keeps: N2

        .set    OWN_BEGIN, 1

        .macro BEGIN
        push    %eax
        call    ftrace_stub_direct_tramp
        pop     %eax
        .endm

        .include "tiny-6.S"
