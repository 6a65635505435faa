# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the meshes are that training renders from; the project does not ship them."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "assets"
AVATARS = Path(os.environ.get("SPEAK_AVATARS", _BESIDE / "valid"))
ICT = Path(os.environ.get("SPEAK_ICT", _BESIDE / "ict"))
needs_avatars = pytest.mark.skipif(
    not (AVATARS / "geo.npz").is_file(),
    reason="SPEAK_AVATARS names no folder with the avatar archives (geo.npz)",
)
needs_ict = pytest.mark.skipif(
    not (ICT / "ict.npz").is_file(), reason="SPEAK_ICT names no folder with ict.npz"
)
