/* SPDX-License-Identifier: GPL-2.0-only */
#define ARM(x...) x
#define THUMB(x...)
#if __LINUX_ARM_ARCH__ < 7
#error only for ARMv7
#endif
