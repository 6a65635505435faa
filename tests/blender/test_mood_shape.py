# SPDX-License-Identifier: GPL-3.0-or-later
"""Ramps on the screen: their curve, their grab points, what a drag makes of them."""

import numpy as np
import pytest
from speak.speak_addon import mood_shape, moods
from speak.speak_addon.mood_shape import Box, Drag, View

# 100 frames on 400 pixels, 4 a frame; 5 channels on 200.
VIEW = View(width=400, height=200, first=0, last=100, bottom=0, top=5)
BOX = Box(left=40, right=240, bottom=10, top=50, start=10, end=60)


def test_a_strip_lies_where_its_frames_and_its_channel_are():
    box = VIEW.box(10, 60, 2)
    assert (box.left, box.right) == (40, 240)
    margin = 40 * mood_shape.MARGIN
    assert (box.bottom, box.top) == pytest.approx((80 + margin, 120 - margin))
    assert VIEW.frame_width == 4
    assert box.x(35) == 140


@pytest.mark.parametrize("place", [(-50, -1, 2), (101, 120, 2), (10, 60, 6), (10, 60, -2)])
def test_what_is_out_of_sight_has_no_place(place):
    assert VIEW.box(*place) is None


@pytest.mark.parametrize(("ramp_in", "ramp_out"), [(10, 20), (0, 0), (0, 70), (40, 30), (80, 0)])
def test_the_curve_is_the_moods_own(ramp_in, ramp_out):
    points = np.array(mood_shape.curve(BOX, ramp_in, ramp_out))
    assert np.all(np.diff(points[:, 0]) >= 0), "from left to right"
    assert tuple(points[0]) == (40, 10)
    assert tuple(points[-1]) == (240, 10)
    mood = moods.Mood(10, 60, ramp_in, ramp_out, ())
    frames = np.linspace(10.1, 59.9, 400)
    drawn = (np.interp(BOX.left + (frames - 10) * 4, *points.T) - 10) / 40
    assert np.abs(drawn - moods.envelope(frames, mood)).max() < 0.02


def test_grab_points_stand_where_the_ramps_end():
    points = mood_shape.grab_points(BOX, 10, 20, radius=4)
    assert points == {"in": (80, 46), "out": (160, 46)}


def test_grab_points_stay_inside_of_the_strip_beside_its_own_handles():
    assert mood_shape.grab_points(BOX, 0, 0, 4) == {"in": (44, 46), "out": (236, 46)}
    assert mood_shape.grab_points(BOX, 500, 500, 4) == {"in": (236, 46), "out": (44, 46)}
    narrow = Box(40, 44, 10, 50, 10, 11)
    assert mood_shape.grab_points(narrow, 0, 0, 4) == {"in": (42, 46), "out": (42, 46)}


def test_only_what_is_near_is_hit():
    points = mood_shape.grab_points(BOX, 10, 20, 4)
    assert mood_shape.hit((85, 40), points, 8) == "in"
    assert mood_shape.hit((155, 50), points, 8) == "out"
    assert mood_shape.hit((120, 46), points, 8) is None
    assert mood_shape.hit((80, 30), points, 8) is None


def test_the_nearer_one_is_hit_and_of_two_in_one_place_the_one_on_the_mouses_side():
    near = {"in": (80.0, 46.0), "out": (86.0, 46.0)}
    assert mood_shape.hit((82, 46), near, 8) == "in"
    assert mood_shape.hit((84, 46), near, 8) == "out"
    same = {"in": (80.0, 46.0), "out": (80.0, 46.0)}
    assert mood_shape.hit((78, 46), same, 8) == "in"
    assert mood_shape.hit((82, 46), same, 8) == "out"


def test_a_drag_goes_by_whole_frames():
    drag = Drag("in", ramp=7.2, limit=40, last_x=100)
    assert drag.move(101, 4, fine=False) == 7
    assert drag.move(110, 4, fine=False) == 10
    drag = Drag("out", ramp=12.0, limit=40, last_x=100)
    assert drag.move(80, 4, fine=False) == 17, "to the left it becomes longer"


def test_shift_is_finer_and_does_not_jump():
    drag = Drag("in", ramp=10.0, limit=40, last_x=100)
    assert drag.move(120, 4, fine=False) == 15
    assert drag.move(120, 4, fine=True) == 15
    assert drag.move(126, 4, fine=True) == pytest.approx(15.15)


def test_a_drag_stops_at_nothing_and_at_the_limit_and_comes_back_with_the_mouse():
    drag = Drag("in", ramp=10.0, limit=30, last_x=100)
    assert drag.move(0, 4, fine=False) == 0
    assert drag.move(1000, 4, fine=False) == 30
    assert drag.move(104, 4, fine=False) == 11


def test_there_is_room_up_to_the_other_ramp_and_to_the_longest():
    assert mood_shape.room(BOX, other=20, most=120) == 30
    assert mood_shape.room(BOX, other=0, most=25) == 25
    assert mood_shape.room(BOX, other=70, most=120) == 0
