# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers: what is open shows what is behind it, and what does not move is not touched."""

import pytest
import torch

from inference_core.model.composite import composite, layers, mouth
from inference_core.model.deform import Moved
from inference_core.model.expression import AXES, EMOTIONS, EYES, VISEMES
from inference_core.model.geometry import Seen
from inference_core.model.identity import Portrait
from inference_core.model.layers import grid
from inference_core.model.template import Template

G = 32
GAZE = 2 * len(EMOTIONS) + EYES.index("gaze_x")
STRAIGHT = torch.zeros(1, 3)
REST = torch.tensor([[0.0, 0.0, 1.0]])
LEFT, RIGHT, MOUTH = (-0.3, -0.3), (0.3, -0.3), (0.0, 0.3)


def portrait(inside=None, alpha=None, below=None):
    """A portrait that knows where eyes and mouth are; green past its edge, blue behind it."""

    def plain(channels, value=0.0):
        return torch.full((1, channels, G, G), value)

    fills = torch.cat(
        [plain(1), plain(1, 1.0), plain(1), plain(2), plain(1, 1.0), plain(3, 0.9)], 1
    )
    return Portrait(
        features=plain(8), code=torch.zeros(1, 128), depth=plain(1), turn=plain(1, 1.0),
        alpha=plain(1, 1.0) if alpha is None else alpha,
        upper=plain(3 * AXES), lower=plain(3 * AXES),
        frame=torch.tensor([[0.0, 0.4, -0.2, 0.1]]),
        below=plain(1) if below is None else below,
        inside=plain(3) if inside is None else inside,
        anchors=torch.tensor([[[*p, 0.0] for p in (LEFT, RIGHT, MOUTH)]]),
        fills=fills, tone=torch.ones(1, 3), gap=torch.zeros(1, 1),
    )  # fmt: skip


def unmoved(person=1.0):
    here = grid(G, G, torch.zeros(1))
    one = torch.ones(1, 1, G, G)
    return Seen(here, one, one, one * person)


def drawn(read, seen, change=None, template=None, picture=None, moved=None):
    change = torch.zeros(1, AXES) if change is None else change
    here = grid(G, G, torch.zeros(1))
    moved = Moved(here, here) if moved is None else moved
    found = layers(read, template or Template(), seen, moved, change, STRAIGHT)
    picture = ramp() if picture is None else picture
    return composite(picture, found)


def parting(gap=6 / G):
    """A portrait whose lower half is below a mouth as wide as it, and lips that move apart."""
    below = torch.zeros(1, 1, G, G)
    below[:, :, G // 2 :] = 1
    here = grid(G, G, torch.zeros(1))
    apart = torch.tensor([0.0, gap]).view(1, 2, 1, 1)
    return portrait(below=below), Moved(here + apart, here - apart)


def ramp(size=64):
    """Red grows to the right."""
    picture = torch.full((1, 3, size, size), 0.5)
    picture[:, 0] = torch.linspace(0, 1, size)
    return picture


def at(picture, place):
    """Colour [3] at a place in -1..1."""
    size = picture.shape[-1]
    column, row = (min(size - 1, int((v + 1) / 2 * size)) for v in place)
    return picture[0, :, row, column]


def test_what_neither_moves_nor_opens_is_the_portrait():
    assert torch.equal(drawn(portrait(), unmoved()), ramp())


def test_where_the_person_left_the_background_goes_on():
    seen = unmoved(person=0.0)
    seen = seen._replace(where=seen.where + 0.2)
    assert at(drawn(portrait(), seen), (0.0, 0.0)).tolist() == pytest.approx([0, 0, 1], abs=1e-4)


def test_an_open_eye_shows_the_eyeball_where_the_gaze_takes_it():
    inside = torch.zeros(1, 3, G, G)
    inside[:, 0, :, : G // 2] = 1  # a very large eye at the image's left
    read = portrait(inside=inside)
    change = torch.zeros(1, AXES)
    straight = at(drawn(read, unmoved(), change), LEFT)[0]
    change[:, GAZE] = 1.0
    right = at(drawn(read, unmoved(), change), LEFT)[0]
    # The eye looks to the image's right, so what was at the left of a place is now in it.
    assert float(straight - right) == pytest.approx(0.029 / 2, abs=0.004)


def test_between_parted_lips_it_is_open_and_nowhere_else():
    read, moved = parting()
    found = layers(read, Template(), unmoved(), moved, torch.zeros(1, AXES), STRAIGHT)
    middle, column = G // 2, G // 2
    assert found.open[0, 0, middle - 1 : middle + 1, column].min() > 0.9
    assert found.open[0, 0, : middle - 5].max() < 0.01
    assert found.open[0, 0, middle + 5 :].max() < 0.01


def test_rims_stay_sharp_however_far_they_part():
    read, moved = parting()
    picture = torch.ones(1, 3, 2 * G, 2 * G)
    shade = drawn(read, unmoved(), picture=picture, moved=moved)[0, 0, :, G]
    steps = shade.diff().abs()
    assert shade.min() < 0.2  # into the dark
    assert steps.max() > 0.4  # within two pixels
    assert int((steps > 0.05).sum()) <= 6


def test_a_lower_lid_covers_the_upper_one_where_they_cross():
    read, moved = parting(-6 / G)  # they move over each other
    found = layers(read, Template(), unmoved(), moved, torch.zeros(1, AXES), STRAIGHT)
    assert found.open.max() < 0.01
    picture = torch.zeros(1, 3, 2 * G, 2 * G)
    picture[:, :, G:] = 1.0  # what is below is white
    shade = drawn(read, unmoved(), picture=picture, moved=moved)[0, 0, :, G]
    assert shade[G - 2] > 0.9


def test_no_white_of_the_eye_is_left_between_closed_lids():
    """Where both lids have a share, the mean of their places would lie on the eyeball."""
    inside = torch.zeros(1, 3, G, G)
    inside[:, 0, G // 2 - 4 : G // 2 + 4] = 1  # an open eye across the picture, black lids around
    picture = torch.zeros(1, 3, 2 * G, 2 * G)
    picture[:, :, G - 8 : G + 8] = 1.0
    below = torch.zeros(1, 1, G, G)
    below[:, :, G // 2 :] = 1
    here = grid(G, G, torch.zeros(1))
    shut = torch.tensor([0.0, 10.3 / G]).view(1, 2, 1, 1)  # beyond each other
    read = portrait(inside=inside, below=below)
    shade = drawn(read, unmoved(), picture=picture, moved=Moved(here - shut, here + shut))
    assert shade[0, 0, 8:-8, 8:-8].max() < 0.05


def test_an_open_mouth_shows_teeth_that_the_jaw_takes_along():
    template = Template()
    template.plates[1, :3], template.plates[1, 3, 48:60] = 1.0, 1.0  # a white lower row
    jaw = 2 * len(EMOTIONS) + len(EYES)
    template.motions[1, jaw] = torch.tensor([0.0, 0.09])
    tone = torch.tensor([[1.0, 0.8, 0.6]])
    shut = mouth(template, torch.zeros(1, AXES), tone)
    change = torch.zeros(1, AXES)
    change[:, jaw] = 1.0
    down = mouth(template, change, tone)
    # The face's brightness, and some of its colour: teeth are not as yellow as the skin.
    white, _, yellow = shut[0, :, 54, 64].tolist()
    assert (white + yellow) / 2 == pytest.approx(0.8, abs=1e-4)
    assert 0.1 < white - yellow < 0.4
    assert down[0, 0, 54, 64] < 0.2
    assert down[0, 0, 54 + 24, 64] == pytest.approx(white, abs=0.02)  # 0.09 of 0.18: a quarter down
    read, moved = parting()
    read = read._replace(anchors=torch.tensor([[[*LEFT, 0.0], [*RIGHT, 0.0], [0.0, -0.03, 0.0]]]))
    seen = drawn(read, unmoved(), template=template, moved=moved)
    assert at(seen, (0.0, 0.0))[0] > 0.3  # in the shade of the lips
    dark = drawn(read, unmoved(), moved=moved)
    assert at(dark, (0.0, 0.0))[0] < 0.2


def test_all_axes_have_names():
    assert 2 * len(EMOTIONS) + len(EYES) + 1 + len(VISEMES) - 1 == AXES
