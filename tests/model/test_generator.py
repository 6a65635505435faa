# SPDX-License-Identifier: GPL-3.0-or-later
"""Paint goes where the portrait shows nothing, and nowhere else."""

import pytest
import torch

from inference_core.model.composite import layers
from inference_core.model.deform import Moved
from inference_core.model.editing import LATENT
from inference_core.model.expression import AXES
from inference_core.model.generator import Generator, stretched, touched_up, uncovered_by
from inference_core.model.geometry import backward_map
from inference_core.model.identity import FEATURES
from inference_core.model.layers import grid
from inference_core.model.template import Template

from .test_composite import STRAIGHT, portrait, unmoved

G = 32
ONE = torch.ones(1, 1, 1, 1)


def disc():
    """A round person in the middle."""
    return (grid(G, G, torch.zeros(1)).norm(dim=1, keepdim=True) < 0.5).float()


def moved_by(shift):
    """The layers of that person, moved to the right."""
    here = grid(G, G, torch.zeros(1))
    points = torch.cat([here + torch.tensor([shift, 0.0]).view(1, 2, 1, 1), 0 * here[:, :1]], 1)
    read = portrait(alpha=disc())
    seen = backward_map(points, disc())
    return layers(read, Template(), seen, Moved(here, here), torch.zeros(1, AXES), STRAIGHT)


@pytest.fixture(scope="module")
def painter():
    torch.manual_seed(0)
    generator = Generator().eval()
    torch.nn.init.normal_(generator.leave.weight, std=0.5)  # as if it had learned something
    return generator


def frame(painter, found, picture, busy=ONE):
    with torch.no_grad():
        return painter(picture, torch.zeros(1, FEATURES, G, G), found, torch.zeros(1, LATENT), busy)


def test_what_stood_and_is_gone_is_uncovered():
    found = uncovered_by(moved_by(0.4))[0, 0]
    assert found[G // 2, 9] > 0.9  # it stood there
    assert found[G // 2, 22] < 0.1  # it stands there
    assert found[G // 2, 1] < 0.01  # it never did
    assert found[2, G // 2] < 0.01


def test_nothing_is_uncovered_where_nothing_moves():
    assert uncovered_by(moved_by(0.0)).max() == 0


def test_paint_stays_where_it_is_needed(painter):
    found = moved_by(0.4)
    picture = torch.rand(1, 3, 2 * G, 2 * G, generator=torch.Generator().manual_seed(1))
    drawing = frame(painter, found, picture)
    there = torch.nn.functional.interpolate(drawing.needed, scale_factor=2, mode="bilinear")
    changed = (drawing.rgb - drawing.layered).abs().amax(1, keepdim=True)
    assert changed[there == 0].max() < 1e-5
    assert changed[there > 0.9].mean() > 0.05
    still = frame(painter, found, picture, busy=0 * ONE)
    assert torch.equal(still.rgb, picture)


def decided(person, copied=-20.0):
    """A generator that has decided: nothing is tinted, all of it person or none, copied or not."""
    quiet = Generator().eval()
    assert quiet.leave.bias is not None
    with torch.no_grad():
        quiet.leave.weight.zero_()
        quiet.leave.bias.zero_()
        quiet.leave.bias[:4] = 20.0 if person else -20.0
        quiet.leave.bias[-4:] = copied
    return quiet


def test_uncovered_background_is_painted_in_the_colours_of_the_background():
    found = moved_by(0.4)
    drawing = frame(decided(person=False), found, torch.full((1, 3, 2 * G, 2 * G), 0.5))
    behind = found.behind[0, :, 0, 0]
    assert torch.allclose(drawing.rgb[0, :, G, 22], behind, atol=0.05)


def striped():
    """A picture of fine stripes, which no paint on half the grid could hold."""
    rows = torch.arange(2 * G) % 4 < 2
    return (0.5 + 0.3 * (rows.float() - 0.5))[None, None, :, None].expand(1, 3, -1, 2 * G)


def contrast(drawing):
    """Of the rows in what the person uncovers."""
    return drawing.rgb[0, 0, G - 8 : G + 8, 20:26].std(0).mean()


def test_what_a_turn_uncovers_goes_on_with_the_portraits_stripes():
    copied = contrast(frame(decided(person=True, copied=20.0), moved_by(0.4), striped()))
    painted = contrast(frame(decided(person=True), moved_by(0.4), striped()))
    assert copied > 0.1  # the stripes themselves, mirrored
    assert 0.02 < painted < 0.05  # of which paint takes only a little grain


def test_an_uncertain_outline_is_no_smoke():
    found = moved_by(0.4)
    unsure = decided(person=True)
    with torch.no_grad():
        unsure.leave.bias[:4] = 0.6  # 65 % person
    share = frame(unsure, found, torch.full((1, 3, 2 * G, 2 * G), 0.5))
    sure = frame(decided(person=True), found, torch.full((1, 3, 2 * G, 2 * G), 0.5))
    assert torch.allclose(share.rgb[0, :, G, 22], sure.rgb[0, :, G, 22], atol=0.02)


def test_lids_are_touched_only_around_eyes():
    inside = torch.zeros(1, 3, G, G)
    inside[:, 0, 10:13, 8:14] = 1
    here = grid(G, G, torch.zeros(1))
    seen = unmoved()
    seen = seen._replace(where=seen.where + 0.1)
    found = layers(
        portrait(inside=inside), Template(), seen, Moved(here + 0.1, here + 0.1),
        torch.zeros(1, AXES), STRAIGHT,
    )  # fmt: skip
    where = touched_up(found)[0, 0]
    assert where[9, 9] > 0.9
    assert where[25:].max() == 0


def test_skin_that_is_drawn_out_is_stretched():
    found = moved_by(0.0)
    slow = found.upper * torch.tensor([1.0, 0.3]).view(1, 2, 1, 1)  # a third of the rows, drawn out
    assert stretched(found)[0, 0, 4:-4].max() == 0
    assert stretched(found._replace(upper=slow))[0, 0, 4:-4].min() > 0.9
