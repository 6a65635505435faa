# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers: what is open shows what is behind it, and what does not move is not touched."""

import pytest
import torch

from inference_core.model.composite import composite, layers, mouth
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


def portrait(inside=None, alpha=None):
    """A portrait that knows where eyes and mouth are; green past its edge, blue behind it."""

    def plain(channels, value=0.0):
        return torch.full((1, channels, G, G), value)

    fills = torch.cat(
        [plain(1), plain(1, 1.0), plain(1), plain(2), plain(1, 1.0), plain(3, 0.9)], 1
    )
    return Portrait(
        features=plain(24), code=torch.zeros(1, 128), depth=plain(1), turn=plain(1, 1.0),
        alpha=plain(1, 1.0) if alpha is None else alpha, axes=plain(3 * AXES),
        frame=torch.tensor([[0.0, 0.4, -0.2, 0.1]]), below=plain(1),
        inside=plain(3) if inside is None else inside,
        anchors=torch.tensor([[[*p, 0.0] for p in (LEFT, RIGHT, MOUTH)]]),
        fills=fills, tone=torch.ones(1, 3),
    )  # fmt: skip


def unmoved(opening=0.0, person=1.0):
    here = grid(G, G, torch.zeros(1))
    one = torch.ones(1, 1, G, G)
    return Seen(here, one, one * person, one * opening)


def drawn(read, seen, change=None, template=None, picture=None):
    change = torch.zeros(1, AXES) if change is None else change
    found = layers(read, template or Template(), seen, change, STRAIGHT, STRAIGHT, REST)
    picture = ramp() if picture is None else picture
    return composite(picture, found)


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
    straight = at(drawn(read, unmoved(1.0), change), LEFT)[0]
    change[:, GAZE] = 1.0
    right = at(drawn(read, unmoved(1.0), change), LEFT)[0]
    # The eye looks to the image's right, so what was at the left of a place is now in it.
    assert float(straight - right) == pytest.approx(0.029 / 2, abs=0.004)


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
    assert shut[0, :, 54, 64].tolist() == pytest.approx([1.0, 0.8, 0.6], abs=1e-4)
    assert down[0, 0, 54, 64] < 0.2
    assert down[0, 0, 54 + 24, 64] == pytest.approx(1.0, abs=0.02)  # 0.09 of 0.18: a quarter down
    seen = drawn(portrait(), unmoved(1.0), template=template)
    assert at(seen, (MOUTH[0], MOUTH[1] + 0.02))[0] > 0.8


def test_all_axes_have_names():
    assert 2 * len(EMOTIONS) + len(EYES) + 1 + len(VISEMES) - 1 == AXES
