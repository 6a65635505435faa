# SPDX-License-Identifier: GPL-3.0-or-later
"""What people wear and hold: meshes, how they follow the head, and their labels."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from inference_core.training.data.dataset import HELD_MATERIAL, GroupFolder
from inference_core.training.data.head import Posed, rotation
from inference_core.training.data.solids import ball, box, disc, joined, normals, sheet, tube
from inference_core.training.data.worn import WORN_MATERIAL, Kind, Lid, Piece, Worn
from inference_core.training.surface import surface_losses
from inference_core.training.train_surface import SIDE, views
from tests.training.assets import AVATARS, needs_avatars
from tests.training.test_losses import made_up_group
from tests.training.test_surface import G, place, sure

GREY = (0.5, 0.5, 0.5)


JOINTS = np.array([[0, 0, 0], [0, -0.1, 0], [0.03, 0.05, 0.1], [-0.03, 0.05, 0.1]])
HEAD: Any = SimpleNamespace(joints=JOINTS)


def turned(*degrees):
    turn = rotation(*degrees)
    joints = JOINTS @ turn.T + [0.01, 0.02, 0]
    eyes = tuple((joints[j], turn[:, 2]) for j in (2, 3))
    points = np.array([[0.02, 0.055, 0.12], [0.03, 0.057, 0.122], [0.04, 0.055, 0.12]])
    return Posed(points @ turn.T + [0.01, 0.02, 0], eyes, turn)


@pytest.mark.parametrize(
    "mesh",
    [
        sheet(np.stack(np.meshgrid([0, 1, 2], [0, 1], [0]), -1)[..., 0, :].astype(float)),
        tube(np.array([[0, 0, 0], [0, 0.1, 0], [0, 0.2, 0.05]]), 0.01),
        ball(np.zeros(3), np.array([0.1, 0.2, 0.1])),
        box(np.array([0.1, 0.2, 0.3])),
        disc(np.array([[0.1, 0, 0], [0, 0.1, 0], [-0.1, 0, 0], [0, -0.1, 0]]), np.zeros(3)),
    ],
)
def test_meshes_are_whole(mesh):
    points, faces, uv = mesh
    assert faces.min() == 0
    assert faces.max() < len(points) == len(uv)
    assert 0 <= uv.min() <= uv.max() <= 1
    assert np.linalg.norm(normals(points, faces), axis=1) == pytest.approx(1, abs=1e-6)
    twice = joined([mesh, mesh])
    assert twice[1].max() == faces.max() + len(points)


def test_a_balls_normals_point_the_same_way_as_its_radius():
    points, faces, _ = ball(np.zeros(3), np.full(3, 0.1))
    along = (normals(points, faces) * points / 0.1).sum(1)
    assert np.abs(along).min() > 0.98
    assert len(set(np.sign(along))) == 1


def test_worn_things_are_rigid_with_the_head_and_held_ones_stay():
    mesh = box(np.full(3, 0.02))
    worn = Worn(
        [
            Piece(mesh, Kind.PLAIN, GREY, HELD_MATERIAL, held=True),
            Piece(mesh, Kind.PLAIN, GREY, WORN_MATERIAL),
        ]
    )
    posed = turned(20, -10, 5)
    placed = worn.place(HEAD, posed).reshape(2, -1, 6)
    assert placed[0, :, :3] == pytest.approx(mesh[0], abs=1e-6)
    assert placed[1, :, :3] == pytest.approx(mesh[0] @ posed.rotation.T + [0.01, 0.02, 0], abs=1e-6)
    size = np.linalg.norm(placed[1, 0, :3] - placed[1, -1, :3])
    assert size == pytest.approx(np.linalg.norm(mesh[0][0] - mesh[0][-1]), abs=1e-6)


def test_lashes_point_down_when_the_lid_comes_down():
    lid = Lid(np.array([0, 1, 2]), 0, np.full(3, 0.008), np.zeros(3))
    row = np.zeros((3, 3))
    piece = Piece(sheet(np.stack([row, row])), Kind.FRINGE, GREY, None, lid=lid)
    lid_twice = Lid(np.tile(lid.anchors, 2), 0, np.r_[np.zeros(3), lid.out], np.zeros(6))
    piece = Piece(piece.mesh, Kind.FRINGE, GREY, None, lid=lid_twice)
    still = turned(0, 0, 0)
    lower = Posed(still.vertices - [0, 0.012, 0], still.eyes, still.rotation)
    for posed, sign in ((still, 1), (lower, -1)):
        placed = Worn([piece]).place(HEAD, posed)[:, :3]
        way = placed[3:] - placed[:3]
        assert np.linalg.norm(way, axis=1) == pytest.approx(0.008, abs=1e-5)
        assert (np.sign(way[:, 1]) == sign).all()


def test_what_is_seen_through_comes_last_and_has_no_label():
    mesh = box(np.full(3, 0.02))
    lens = Piece(mesh, Kind.LENS, GREY, None, opacity=0.1, shadow=False)
    frame = Piece(mesh, Kind.PLAIN, GREY, WORN_MATERIAL)
    worn = Worn([lens, frame])
    assert worn.pieces == [frame, lens]
    assert worn.opaque == worn.casting == len(worn.labelled) == len(mesh[1])
    assert len(worn.faces) == 2 * len(mesh[1])


@pytest.mark.parametrize("material", [7, WORN_MATERIAL, HELD_MATERIAL])
def test_what_covers_a_face_is_no_face_and_has_no_place_on_it(material):
    logits = torch.zeros(1, 5, G, G, requires_grad=True)
    uv = torch.zeros(1, 2, G, G, requires_grad=True)
    losses = surface_losses(sure(uv, logits), place(0.0, 0.0), torch.full((1, G, G), material))
    losses["face"].backward(retain_graph=True)
    assert logits.grad is not None
    assert (logits.grad[:, 0] > 0).all()  # less of a face everywhere
    for name in ("cell", "uv", "below"):
        assert losses[name] == 0


def test_the_map_learns_from_every_drawn_picture(tmp_path):
    group = made_up_group(0)
    for k in range(len(group.pictures)):
        group.pictures[k] = 20 + 60 * k
        group.material[k] = k
    group.save(tmp_path / "000000_0.npz")
    folder = GroupFolder(tmp_path)
    batch = folder.load(folder.paths * 16)
    _, uv, material = views(batch, torch.Generator().manual_seed(1))
    middle = material[:, SIDE // 2, SIDE // 2]
    assert set(middle.tolist()) == {0, 1, 2, 3}
    assert uv.shape == (16, 2, SIDE, SIDE)


def test_groups_of_an_earlier_version_are_named(tmp_path):
    group = made_up_group(0)
    np.savez(tmp_path / "000000_0.npz", material=group.material[0])
    folder = GroupFolder(tmp_path)
    with pytest.raises(ValueError, match="render the folder again"):
        folder.load(folder.paths)
    with pytest.raises(ValueError, match="render the folder again"):  # in the loader's thread, too
        next(folder.batches(2, seed=0))


@pytest.fixture(scope="module")
def engine():
    pytest.importorskip("moderngl", reason="rendering needs the training requirements")
    from inference_core.training.data.assets import AvatarBank
    from inference_core.training.data.renderer import Renderer

    return AvatarBank(AVATARS), Renderer(64, 1, 128)


@needs_avatars
def test_one_seed_gives_one_group_and_plain_ones_know_no_variety(engine):
    from inference_core.training.data.group import make_groups

    bank, renderer = engine
    once, _, again = (next(make_groups(bank, renderer, seed)) for seed in (3, 4, 3))
    plain = next(make_groups(bank, renderer, 3, plain=True))
    assert np.array_equal(once.pictures, again.pictures)
    assert np.array_equal(once.flow, again.flow)
    assert not np.array_equal(once.pictures, plain.pictures)
    assert plain.material.max() < WORN_MATERIAL


@needs_avatars
def test_labels_of_a_pose_are_those_of_its_track_and_lids_hide_the_eyes(engine):
    from inference_core.training.data.head import Head
    from inference_core.training.data.headwear import headwear
    from inference_core.training.data.labels import visible
    from inference_core.training.data.lashes import lashes
    from inference_core.training.data.rig import EXPRESSIONS, closed_eyes
    from inference_core.training.data.scene import random_camera, random_identity, skin_texture

    bank, renderer = engine
    rng = np.random.default_rng(5)
    identity = random_identity(bank, rng, False)
    head = Head(bank, identity)
    renderer.set_head(head, skin_texture(bank, identity, 512), occlusion=False)
    card = Piece(box(np.array([0.02, 0.02, 0.001])), Kind.PLAIN, GREY, HELD_MATERIAL, held=True)
    card = Piece(
        (card.mesh[0] + [0.0, head.joints[2][1] - 0.08, 0.25], *card.mesh[1:]),
        Kind.PLAIN, GREY, HELD_MATERIAL, held=True,
    )  # fmt: skip
    pieces = [*lashes(head, rng), *headwear(head, rng), card]
    renderer.set_worn(Worn(pieces))
    calm = np.zeros(len(EXPRESSIONS), np.float32)
    open_, shut = head.pose(calm, np.zeros(3)), head.pose(closed_eyes(calm), np.array([12, 0, 0]))
    camera = random_camera(rng, head, near=0.03)
    tracks, labels = renderer.track(open_, [shut], camera), renderer.labels(open_, camera)
    assert np.array_equal(tracks.material, labels.material)
    assert tracks.uv == pytest.approx(labels.uv, abs=1e-5)
    assert {0, 1, 2, WORN_MATERIAL, HELD_MATERIAL} <= set(np.unique(labels.material))
    closed = renderer.labels(shut, camera).material
    assert np.isin(closed, (1, 2)).sum() < 0.1 * np.isin(labels.material, (1, 2)).sum()
    assert tracks.flow[0][:, labels.material == HELD_MATERIAL] == pytest.approx(0, abs=1e-5)
    assert np.abs(tracks.flow[0][0, labels.material == WORN_MATERIAL]).mean() > 0.02
    seen = visible(tracks, [renderer.labels(shut, camera)])[0]
    assert not seen[np.isin(labels.material, (1, 2))].any()  # behind the lids
    assert seen[labels.material == HELD_MATERIAL].all()
    # Against itself everything is seen.
    assert visible(renderer.track(open_, [open_], camera), [labels])[0][labels.material >= 0].all()
    assert not seen[labels.material == -1].any()
    renderer.set_worn(Worn(()))
