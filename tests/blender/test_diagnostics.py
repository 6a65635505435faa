# SPDX-License-Identifier: GPL-3.0-or-later
"""What is copied for a bug report names no folders and no people, without Blender's window."""


def test_diagnostics_and_further_places(play, pack):
    said = play("further_places", pack)
    assert "SPEAK 0." in said
