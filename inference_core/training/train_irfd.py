# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains E_p, E_e and their read-outs: IRFD, the paper's first stage, on frames of our generator.

python -m inference_core.training.train_irfd --data FOLDER --speak FILE --out FILE --minutes 30

Two pictures give their codes; one kind of code is swapped, a frame is made of what results and
encoded again, and every code must come back as its donor's (the paper, section 3.1). Decoding is
SPEAK's own generator, driven by the donors' exact controls, so that codes are held on the very
frames they will be read from. Repairs of the paper's equations: the identity loss is a triplet
(its equation 1 pulls at one person twice); any kind may be swapped; distances of codes count as
shares of the codes' own variance, or small codes would meet every loss; self-reconstruction is
measured as the motion that the codes read back ask for against the true one; exact labels
supervise every read-out, or constant codes would meet the other losses. Of E_i the layers that make
the code take part, and the other drawn pictures of a person, in other light, hair and clothes too,
count as frames of the same identity.
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model.expression import AXES, EMOTIONS, EYES
from ..model.geometry import forward_points
from ..model.identity import CODE, GRID, Portrait
from ..model.layers import grid
from ..model.reader import Reader
from ..model.speak import Speak, activity
from . import checkpoint
from .augment import degrade, grade, occlude
from .code_head import CodeHead, nearest_is_own, spread_within
from .data.dataset import Batch, GroupFolder
from .losses import flow_loss
from .precision import autocast

LOSSES = ("identity", "cls", "pose", "emotion", "self")  # the paper's five
_KEYS = ("pictures", "pose", "expression", "flow", "material")
_GROUPS = 4  # four frames each; two of each person
_RATE = 1.5e-3
_SWAP_EVERY = 3  # steps; frames of swapped donors cost as much as three batches of true ones
_HEAD = 0.15  # of the rate, for the layers of E_i's code
_MARGIN = 0.2
_JUDGED = 12  # people never trained on, two groups of each
_DONOR = 0.3  # weight of a code's distance from its donor's, in shares of the variance
_SURE = 0.4  # of an emotion from which a frame is of its class
_N = len(EMOTIONS)


class Irfd(nn.Module):
    """The reader, E_i's layers that make its code and what reads them, and the space in which codes
    of one person lie together."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = Reader()
        self.head = CodeHead()
        self.identity = nn.Linear(CODE, 64)

    def person(self, code: Tensor) -> Tensor:
        """code [B,CODE] of E_i -> [B,64] of length 1."""
        return F.normalize(self.identity(code), dim=1)


@dataclass(frozen=True)
class Fakes:
    """Frames [B,3,256,256] made of donors, by their index in the flat batch of true frames."""

    frames: Tensor
    identity: Tensor
    emotion: Tensor
    pose: Tensor


def labels(batch: Batch) -> dict[str, Tensor]:
    """What the reader should say of each frame, from a batch of groups: pose [B,3], emotion [B,7],
    eyes [B,4], mouth [B,15], classes [B] (-1: of none)."""
    frames = batch["pictures"].shape[1]
    expression = batch["expression"][:, :frames].flatten(0, 1).float()
    emotion = 0.5 * (expression[:, :_N] + expression[:, _N : 2 * _N])
    strongest, which = emotion.max(1)
    rest = emotion.sum(1) - strongest
    classes = torch.where((strongest > _SURE) & (rest < strongest / 2), which + 1, -1)
    classes = torch.where(strongest < 0.1, 0, classes)
    return {
        "pose": batch["pose"][:, :frames].flatten(0, 1).float(),
        "emotion": emotion,
        "eyes": expression[:, 2 * _N : 2 * _N + len(EYES)],
        "mouth": expression[:, 2 * _N + len(EYES) : AXES],
        "classes": classes,
    }


def label_loss(seen: dict[str, Tensor], truth: dict[str, Tensor]) -> Tensor:
    """Smooth L1 per read-out; pose in units of 20 degrees."""
    pose = F.smooth_l1_loss(seen["pose"] / 20, truth["pose"] / 20, beta=0.05)
    rest = [F.smooth_l1_loss(seen[k], truth[k], beta=0.1) for k in ("emotion", "eyes", "mouth")]
    return 4 * pose + 2 * sum(rest, torch.zeros(()))


def class_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross entropy over the frames that are of a class (the paper's L_cls)."""
    known = classes >= 0
    if not bool(known.any()):
        return logits.sum() * 0
    return F.cross_entropy(logits[known], classes[known])


def triplet(anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Hinge on distances [B] of rows of length 1: own person nearer than another by the margin."""
    near, far = (anchor - positive).norm(dim=1), (anchor - negative).norm(dim=1)
    return F.relu(near - far + _MARGIN).mean()


def apart(codes: Tensor, donors: Tensor) -> Tensor:
    """Mean squared distance of codes [N,C] from their donors' [N,C], as a share of the variance of
    the donors': 0 for the same codes, 2 for those of anybody. Making codes small changes nothing.
    """
    variance = donors.var(0).mean()
    return (codes - donors).square().mean() / variance.clamp_min(1e-8)


def deal(groups: int, per_group: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Donors of identity, emotion and pose [2*groups] for pairs of groups, of which one kind is
    swapped: indices of flat frames, the identity's always a portrait."""
    identity, emotion, pose = [], [], []
    order = torch.randperm(groups, generator=rng).tolist()
    for i in range(groups):
        mine, other = order[i], order[(i + 1) % groups]
        kind = int(torch.randint(3, (), generator=rng))
        for a, b in ((mine, other), (other, mine)):
            frame = int(torch.randint(1, per_group, (), generator=rng))
            donors = [a * per_group, a * per_group + frame, a * per_group + frame]
            donors[kind] = b * per_group + (0 if kind == 0 else frame)
            identity.append(donors[0])
            emotion.append(donors[1])
            pose.append(donors[2])
    return torch.tensor(identity), torch.tensor(emotion), torch.tensor(pose)


def _mean(values: list[float]) -> float:
    return sum(values) / max(len(values), 1)


class Trainer:
    def __init__(
        self,
        data: Path,
        speak: Path,
        out: Path,
        without: tuple[str, ...] = (),
        start: Path | None = None,
    ) -> None:
        torch.manual_seed(0)
        self.out, self.without = out, without
        self.device = torch.device("cpu")  # batches, labels and donors are dealt there
        self.speak = Speak()
        checkpoint.load_average(speak, self.speak)
        self.speak.eval().requires_grad_(False)
        self.net = Irfd()
        self.net.head.take(self.speak)
        if start is not None:
            checkpoint.load_average(start, self.net, missing=("head.",))
        reader = self.net.reader
        reader.surface.load_state_dict(self.speak.identity.surface.state_dict())
        reader.template.load_state_dict(self.speak.identity.template.state_dict())
        reader.surface.requires_grad_(False)
        self.average = checkpoint.Average(self.net, 0.99)
        head = list(self.net.head.parameters())  # already taught, and held to what they said
        known = set(map(id, head))
        taught = [p for p in self.net.parameters() if p.requires_grad and id(p) not in known]
        self.optimiser = torch.optim.AdamW(
            [{"params": taught, "share": 1.0}, {"params": head, "share": _HEAD}],
            _RATE,
            betas=(0.9, 0.99),
            weight_decay=1e-3,
        )
        self.step = 0
        if out.exists():
            self.step = checkpoint.load(out, self.net, self.average, self.optimiser)
            print(f"resumed at step {self.step}", flush=True)
        self.rng = torch.Generator().manual_seed(self.step)
        self.batches = GroupFolder(data / "train", _KEYS).batches(_GROUPS, self.step, siblings=True)
        unseen = GroupFolder(data / "eval", _KEYS)
        self.held_out = unseen.load([p for groups in unseen.people()[:_JUDGED] for p in groups[:2]])

    @torch.no_grad()
    def fakes(
        self, frames: Tensor, batch: Batch, per_group: int, rng: torch.Generator
    ) -> tuple[Fakes, Portrait]:
        """Frames of swapped donors, and the portraits of the batch's groups."""
        groups = len(batch["pose"])
        with autocast(self.device):
            portraits = self.speak.identity(frames[::per_group])
        identity, emotion, pose = deal(groups, per_group, rng)
        who = identity // per_group
        each = Portrait(*(x[who] for x in portraits))
        poses = batch["pose"][:, :per_group].flatten(0, 1).float()
        expressions = batch["expression"][:, :per_group].flatten(0, 1).float()
        own, asked = expressions[identity], expressions[emotion]
        own_pose, to = poses[identity], poses[pose]
        with autocast(self.device):
            latent, change = self.speak.editing(asked, own, to, own_pose, each.code)
        plane = torch.tensor([0.0, 0.0, 1.0]).expand(len(who), -1)
        found = self.speak.layers(each, each, change.float(), own_pose, to, plane)
        busy = activity(asked - own, to - own_pose, plane)
        with autocast(self.device):
            drawing = self.speak.generator(
                frames[identity], each.features, found, latent.float(), busy
            )
        return Fakes(drawing.rgb.float(), identity, emotion, pose), portraits

    def losses(self, batch: Batch, swap: bool = True) -> dict[str, Tensor]:
        """The exact labels' loss and L_cls; with swap, the paper's other four."""
        per_group = batch["pictures"].shape[1]
        pictures = grade(batch["pictures"].permute(0, 1, 4, 2, 3).float() / 255, self.rng)
        frames = pictures.flatten(0, 1)
        truth = labels(batch)
        if not swap:
            seen = self.net.reader.values(*self._codes(frames))
            return self._label_losses(seen, truth)
        fakes, portraits = self.fakes(frames, batch, per_group, self.rng)
        pose_code, emotion_code, start = self._codes(torch.cat([frames, fakes.frames]))
        seen = self.net.reader.values(pose_code, emotion_code, start)
        wanted = {"pose": torch.cat([truth["pose"], truth["pose"][fakes.pose]])} | {
            key: torch.cat([truth[key], truth[key][fakes.emotion]])
            for key in ("emotion", "eyes", "mouth", "classes")
        }
        groups, count = len(batch["pose"]), len(frames)
        with torch.no_grad(), autocast(self.device):
            waist = self.speak.identity.waist(torch.cat([frames, fakes.frames])).float()
        codes = self.net.head.of(waist)
        mine = codes[:count:per_group]  # of the portraits
        return self._label_losses(seen, wanted) | {
            "identity": self._identity(codes[count:], mine, fakes.identity // per_group)
            + self._identity(
                codes[:count], mine, torch.arange(groups).repeat_interleave(per_group)
            ),
            "held": self._held(batch, mine, portraits, per_group),
            "pose": _DONOR * apart(pose_code[count:], pose_code[fakes.pose]),
            "emotion": _DONOR * apart(emotion_code[count:], emotion_code[fakes.emotion]),
            "self": 0.2 * self._self(batch, portraits, seen, truth, per_group),
        }

    def _identity(self, codes: Tensor, portraits: Tensor, who: Tensor) -> Tensor:
        """Codes [B,CODE] nearer to the portraits of their person, who [B], than to another's
        (L_identity as a triplet), and as the portrait's themselves, which are what the generator is
        given."""
        people = self.net.person(portraits)
        found, other = self.net.person(codes), people[(who + 2) % len(people)]
        nearer = [triplet(people[mine], found, other) for mine in (who, who ^ 1)]
        return 0.5 * sum(nearer, torch.zeros(())) + _DONOR * apart(codes, portraits[who])

    def _held(self, batch: Batch, codes: Tensor, portraits: Portrait, per_group: int) -> Tensor:
        """What SPEAK makes of the new codes [G,CODE] against what it makes of its own."""
        expression, pose = batch["expression"].float(), batch["pose"].float()
        targets = per_group - 1
        states = (
            expression[:, 1:per_group].flatten(0, 1),
            expression[:, :1].expand(-1, targets, -1).flatten(0, 1),
            pose[:, 1:per_group].flatten(0, 1),
            pose[:, :1].expand(-1, targets, -1).flatten(0, 1),
        )
        new, old = (x.repeat_interleave(targets, 0) for x in (codes, portraits.code))
        return self.net.head.changed(self.speak, new, old, states)

    def _codes(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Codes and first poses of frames as portraits and films may look."""
        shown = occlude(degrade(frames, self.rng), self.rng)
        with autocast(self.device):
            found = self.net.reader.codes(shown)
        return found[0].float(), found[1].float(), found[2].float()

    def _label_losses(self, seen: dict[str, Tensor], truth: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            "labels": label_loss(seen, truth),
            "cls": 0.3 * class_loss(seen["classes"], truth["classes"]),
        }

    def _self(
        self,
        batch: Batch,
        portraits: Portrait,
        seen: dict[str, Tensor],
        truth: dict[str, Tensor],
        per_group: int,
    ) -> Tensor:
        """Pixels by which the motion that is read off the first target is not the true one."""
        rows = torch.arange(len(batch["pose"])) * per_group
        target = rows + 1

        def axes(values: dict[str, Tensor], at: Tensor) -> Tensor:
            emotion, eyes, mouth = (values[k][at] for k in ("emotion", "eyes", "mouth"))
            return torch.cat([emotion, emotion, eyes, mouth], 1)

        change = axes(seen, target) - axes(truth, rows)
        still = torch.tensor([0.0, 0.0, 1.0]).expand(len(rows), -1)
        points = forward_points(
            portraits.depth, portraits.turn, portraits.axes, portraits.frame, change,
            truth["pose"][rows], seen["pose"][target], still,
        )  # fmt: skip
        weight = (batch["material"][:, 0] >= 0).float()[:, None] * portraits.turn
        place = points[:, :2] - grid(GRID, GRID, points)
        return flow_loss(place, batch["flow"][:, 0].float(), weight)

    def run(self, minutes: float, steps: int | None = None) -> None:
        """Train until the time is over or so many steps are made; a row in the log for every 24."""
        begun = time.monotonic()
        recent: list[dict[str, float]] = []
        log = self.out.with_suffix(".csv")
        for batch in self.batches:
            done = (time.monotonic() - begun) / (minutes * 60)
            if steps is not None:
                done = max(done, self.step / steps)
            if done >= 1:
                break
            for group in self.optimiser.param_groups:
                fall = max(0.02, min(1.0, 2 * (1 - done)))
                group["lr"] = _RATE * group["share"] * min(1, (self.step + 1) / 50) * fall
            losses = self.losses(batch, self.step % _SWAP_EVERY == 0)
            kept = [v for k, v in losses.items() if k not in self.without]
            self.optimiser.zero_grad()
            torch.stack(kept).sum().backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimiser.step()
            self.average.update(self.net, self.step)
            self.step += 1
            recent.append({k: float(v.detach()) for k, v in losses.items()})
            if self.step % 24 == 0:
                means = {
                    k: _mean([r[k] for r in recent if k in r]) for k in ("labels", "held", *LOSSES)
                }
                recent = []
                with log.open("a", newline="") as file:
                    csv.writer(file).writerow([self.step, *(f"{m:.4f}" for m in means.values())])
                text = ", ".join(f"{k} {m:.3f}" for k, m in means.items())
                print(f"{self.step} {time.monotonic() - begun:.0f}s {text}", flush=True)
            if self.step % 100 == 0:
                checkpoint.save(self.out, self.net, self.average, self.optimiser, self.step)
                print(self.evaluate(), flush=True)
        checkpoint.save(self.out, self.net, self.average, self.optimiser, self.step)
        print(self.evaluate(), flush=True)

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        """On people never trained on, averaged weights: mean errors of what is read and those of a
        constant, the share of right classes, how alike the codes of one person are, and how far a
        swapped frame's codes are from their donors'."""
        net = Irfd()
        net.load_state_dict(self.average.tensors)
        frames = self.held_out["pictures"].permute(0, 1, 4, 2, 3).flatten(0, 1).float() / 255
        truth = labels(self.held_out)
        parts = [net.reader.read(part) for part in frames.split(8)]
        seen = {key: torch.cat([part[key] for part in parts]) for key in parts[0]}
        found = {}
        for key in ("pose", "emotion", "eyes", "mouth"):
            found[key] = float((seen[key] - truth[key]).abs().mean())
            found[f"{key} by a constant"] = float((truth[key] - truth[key].mean(0)).abs().mean())
        known = truth["classes"] >= 0
        right = (seen["classes"].argmax(1) == truth["classes"])[known].float().mean()
        waist = torch.cat([self.speak.identity.waist(part) for part in frames.split(8)]).float()
        codes, people = net.head.of(waist), self._people()
        return found | {
            "class right": float(right),
            "within": spread_within(codes, people),
            "own nearest": nearest_is_own(codes, people),
            **self._leaks(net.reader, frames),
        }

    def _leaks(self, reader: Reader, frames: Tensor) -> dict[str, float]:
        """`apart` of codes of swapped held-out frames and of their donors."""
        per_group = self.held_out["pictures"].shape[1]
        rng = torch.Generator().manual_seed(0)
        found: dict[str, list[tuple[Tensor, Tensor]]] = {"pose leaks": [], "emotion leaks": []}
        for first in range(0, len(self.held_out["pictures"]), _GROUPS):
            batch = {k: v[first : first + _GROUPS] for k, v in self.held_out.items()}
            shown = frames[first * per_group : (first + len(batch["pose"])) * per_group]
            fakes, _ = self.fakes(shown, batch, per_group, rng)
            pose, emotion, _ = reader.codes(torch.cat([shown, fakes.frames]))
            n = len(shown)
            found["pose leaks"].append((pose[n:], pose[fakes.pose]))
            found["emotion leaks"].append((emotion[n:], emotion[fakes.emotion]))
        return {
            key: float(apart(*(torch.cat(side) for side in zip(*pairs, strict=True))))
            for key, pairs in found.items()
        }

    def evaluate(self) -> str:
        """The figures in a line."""
        found = self.figures()
        said = [
            f"{key} {found[key]:.3f} (constant: {found[f'{key} by a constant']:.3f})"
            for key in ("pose", "emotion", "eyes", "mouth")
        ]
        said += [
            f"class right {found['class right']:.0%}",
            f"codes vary within a person by {found['within']:.3f} of all",
            f"nearest code is the own {found['own nearest']:.0%}",
            f"a swapped frame's codes are off by {found['pose leaks']:.2f} (pose) and "
            f"{found['emotion leaks']:.2f} (emotion) of their variance",
        ]
        return ", ".join(said)

    def _people(self) -> Tensor:
        """[N] which person each held-out frame shows: two groups are of one."""
        groups, frames = self.held_out["pictures"].shape[:2]
        return (torch.arange(groups) // 2).repeat_interleave(frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--speak", type=Path, required=True, help="a checkpoint of train")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--start", type=Path, help="go on from another run, over the map of --speak"
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--steps", type=int, help="stop after so many steps")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--without", choices=LOSSES, action="append", default=[], help="leave a loss out (ablation)"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trainer = Trainer(
        options.data, options.speak, options.out, tuple(options.without), options.start
    )
    trainer.run(options.minutes, options.steps)


if __name__ == "__main__":
    main()
