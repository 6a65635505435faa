# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on inside Blender with a real core, each scenario in a process of its own."""


def test_from_portrait_and_voice_to_an_edited_shot(play, pack):
    play("first_shot", pack)
