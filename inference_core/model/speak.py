# SPDX-License-Identifier: GPL-3.0-or-later
"""SPEAK put together: one portrait, and any number of frames of it, each on its own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .composite import Layers, layers
from .deform import Moved, displacements, in_plane, inverse
from .editing import EditingModule
from .expression import AXES, JAW, closing, expression, plane, pose
from .generator import Drawing, Generator
from .geometry import backward_map, forward_points
from .identity import IdentityEncoder, Portrait


def expanded(portrait: Portrait, batch: int) -> Portrait:
    """The same portrait for every frame of a batch, without copying."""
    return Portrait(*(x.expand(batch, *x.shape[1:]) for x in portrait))


class Speak(nn.Module):
    """Identity encoder, editing module and generator. State never runs from frame to frame."""

    def __init__(self) -> None:
        super().__init__()
        self.identity = IdentityEncoder()
        self.editing = EditingModule()
        self.generator = Generator()

    def frames(
        self,
        picture: Tensor,
        portrait: Portrait,
        own: Tensor,
        own_content: Tensor,
        controls: Tensor,
        content: Tensor,
    ) -> Drawing:
        """picture [1,3,S,S], portrait of one, own [1,19], own_content [1,15], controls [B,19],
        content [B,15] -> B frames."""
        batch = controls.shape[0]
        own, own_content = own.expand(batch, -1), own_content.expand(batch, -1)
        # The portrait's own state is what is in the picture: as heard and unmoved in its own crop.
        asked, mine = expression(controls, content), expression(own, own_content)
        latent, change = self.editing(
            asked, mine, pose(controls), pose(own), portrait.code.expand(batch, -1)
        )
        # Lips that are apart in the portrait have farther to go until they close.
        shut = portrait.gap * (closing(content, controls) - closing(own_content, own))
        change = change - shut * F.one_hot(torch.tensor(JAW, device=change.device), AXES)
        read = expanded(portrait, batch)
        found = self.layers(portrait, read, change, pose(own), pose(controls), plane(controls))
        busy = activity(asked - mine, pose(controls) - pose(own), plane(controls))
        picture = picture.expand(batch, -1, -1, -1)
        return self.generator(picture, read.features, found, latent, busy)

    def layers(
        self,
        portraits: Portrait,
        each: Portrait,
        change: Tensor,
        own_pose: Tensor,
        asked_pose: Tensor,
        plane: Tensor,
        sway: Tensor | None = None,
    ) -> Layers:
        """The layers of B frames of `portraits` (the frames of one stand together; B a multiple of
        their number); each: the same, one for each frame. sway [B,2,g,g] half-widths: what a body
        that moves adds. Other shapes as in geometry."""
        points = forward_points(
            portraits.depth,
            portraits.turn,
            None,
            portraits.frame,
            None,
            own_pose,
            asked_pose,
            plane,
        )
        if sway is not None:
            points = torch.cat([points[:, :2] + sway, points[:, 2:]], 1)
        seen = backward_map(points, each.alpha)
        flat = in_plane(own_pose, asked_pose)
        growth = 1 / (1 - portraits.frame[:, 3, None, None, None] * portraits.depth).clamp_min(0.3)
        both = [
            displacements(axes, change, flat, growth) for axes in (portraits.upper, portraits.lower)
        ]
        upper, lower = inverse(torch.cat(both)).chunk(2)
        return layers(each, self.identity.template, seen, Moved(upper, lower), change, own_pose)


_NOTICEABLE = 0.08  # a change of expression, or of pose in tens of degrees, that opens the painter


def activity(change: Tensor, turned: Tensor, moved: Tensor) -> Tensor:
    """[B,1,1,1] 0 (the portrait's own state: not a pixel may change) to 1.

    change [B,AXES], turned [B,3] degrees, moved [B,3] shift_x, shift_y, zoom.
    """
    rest = torch.tensor([0.0, 0.0, 1.0], device=moved.device)
    effort = (
        change.square().sum(1)
        + (turned / 10).square().sum(1)
        + ((moved - rest) * 4).square().sum(1)
    )
    return (1 - torch.exp(-effort / _NOTICEABLE**2))[:, None, None, None]
