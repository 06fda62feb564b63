# SPDX-License-Identifier: GPL-2.0-only
"""Every file says on its first line under which licence it is."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TAG = re.compile(r"(#|//|/\*|@|;|<!--) SPDX-License-Identifier: GPL-2\.0-only( \*/| -->)?")
TAKES_NO_COMMENT = {".json"}
MADE_BY_TOOLS = {".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines())}


def files() -> Iterator[Path]:
    """What git tracks or would track; without git, everything but what tools have made."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not set(path.relative_to(ROOT).parts) & MADE_BY_TOOLS]
    return (path for path in paths if path.is_file())


def lacks_tag(data: bytes, suffix: str = "") -> bool:
    """Whether a file with this content should carry the SPDX line and doesn't."""
    if not data or b"\0" in data or suffix in TAKES_NO_COMMENT:
        return False
    lines = data.decode().splitlines()[:2]
    return not TAG.fullmatch(lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0])


def test_every_file_has_the_tag() -> None:
    listed = [path for path in files() if path != ROOT / "COPYING"]
    assert len(listed) > 10
    assert [str(path.relative_to(ROOT)) for path in listed if lacks_tag(path.read_bytes(), path.suffix)] == []


@pytest.mark.parametrize(
    "text",
    [
        "nop\n",
        "\n# SPDX-License-Identifier: GPL-2.0-only\n",
        "# SPDX-License-Identifier: GPL-2.0-or-later\n",
        "# SPDX-License-Identifier: GPL-2.0\n",
        "SPDX-License-Identifier: GPL-2.0-only\n",
        "#!/bin/sh\n",
        "#!/bin/sh\necho\n# SPDX-License-Identifier: GPL-2.0-only\n",
    ],
)
def test_a_missing_or_different_tag_is_seen(text: str) -> None:
    assert lacks_tag(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# SPDX-License-Identifier: GPL-2.0-only\n",
        "// SPDX-License-Identifier: GPL-2.0-only\nnop\n",
        "/* SPDX-License-Identifier: GPL-2.0-only */\n",
        "<!-- SPDX-License-Identifier: GPL-2.0-only -->\n",
        "#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0-only\n",
        "\x7fELF\0",
    ],
)
def test_the_tag_is_accepted_in_every_comment(text: str) -> None:
    assert not lacks_tag(text.encode())


def test_the_licence_itself_is_there() -> None:
    text = (ROOT / "COPYING").read_text()
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2, June 1991" in text
    assert "How to Apply These Terms to Your New Programs" in text
