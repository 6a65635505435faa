# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's day inside Blender with a real core, each scenario in a process of its own."""


def test_an_edit_makes_the_frames_it_touches_and_says_how_many(play, pack):
    play("only_changed", pack)


def test_shots_are_made_copied_and_brought_from_other_files(play, pack):
    play("many_shots", pack)


def test_sets_the_wheel_and_whole_layers(play, pack):
    play("layers_and_sets", pack)


def test_each_generation_is_a_take_to_go_back_to(play, pack):
    play("take_after_take", pack)


def test_takes_hold_drivers_modifiers_nla_and_mood_strips(play, pack):
    play("driven_takes", pack)


def test_pose_comes_from_bones_objects_and_files(play):
    play("pose_sources")


def test_long_shots_and_every_rate(play, pack):
    print(play("long_shot", pack))


def test_mood_strips_hold_an_emotion_over_their_length(play, pack):
    play("mood_strips", pack)


def test_what_needs_no_sound_works_without_it(play):
    play("without_sound")


def test_pose_is_read_off_movies_and_pictures(play):
    play("clip")


def test_voices_are_mixed_by_another_blender_to_the_same_samples(play):
    play("mixing")


def test_a_job_is_taken_from_the_scene_in_portions_and_out_of_sight(play):
    print(play("in_portions"))
