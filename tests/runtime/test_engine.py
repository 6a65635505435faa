# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine on a pack whose networks do something known: what is asked for is what comes out."""

from __future__ import annotations

import io
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference_core.protocol.controls import COUNT, INDEX
from inference_core.protocol.errors import SpeakError
from inference_core.runtime.engine import Engine, Voice
from inference_core.runtime.face_detector import searches
from inference_core.runtime.painter import matte
from inference_core.runtime.portrait import DARK, LIGHT, Portrait
from inference_core.runtime.tracks import defaults
from tests.fixtures.faces import add_face, draw_face, encoded

FPS = Fraction(25)


def refused(code: str) -> pytest.RaisesExc[SpeakError]:
    """Expect the error with this code, its sentence and hint filled in."""

    def fits(error: SpeakError) -> bool:
        return error.code == code and bool(error.hint) and "?" not in error.sentence

    return pytest.RaisesExc(SpeakError, check=fits)


def tone(seconds: float, rate: int = 16000, loud: float = 0.2) -> np.ndarray:
    return (np.sin(np.arange(int(seconds * rate)) * 2000 / rate) * loud).astype(np.float32)


@pytest.fixture(scope="module")
def voice(engine: Engine) -> Voice:
    """Half a second of silence, then half a second of sound."""
    return engine.listen(np.concatenate([np.zeros(8000, np.float32), tone(0.5)]), 16000)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)), int)


def codes(portrait: Portrait | Voice) -> list[str]:
    return [notice.code for notice in portrait.notices]


def track(frames: int, **values: float) -> np.ndarray:
    rows = defaults(frames)
    for name, value in values.items():
        rows[:, INDEX[name]] = value
    return rows


# The portrait


def test_portrait_knows_its_size_face_and_rest_state(portrait: Portrait) -> None:
    assert (portrait.width, portrait.height) == (400, 480)
    assert len(portrait.faces) == 1
    left, top, width, height = portrait.faces[0]
    assert abs(left + width / 2 - 200) < 15
    assert abs(top + height / 2 - 225) < 20
    assert portrait.own.shape == (COUNT,)
    # The tiny reader takes yaw from the mean red of the crop.
    red = np.asarray(portrait.crop(256))[..., 0].mean() / 255
    assert portrait.own[INDEX["yaw"]] == pytest.approx(60 * (red - 0.5), abs=0.01)
    assert codes(portrait) == []


def test_no_face_is_refused_with_a_way_out(engine: Engine) -> None:
    with refused("portrait_no_face"):
        engine.prepare(encoded(Image.new("RGB", (300, 300), (90, 90, 90))))


def test_what_the_landmark_network_does_not_believe_is_no_face(engine: Engine) -> None:
    # So pale that the tiny network is unsure, while the detector looks at contrast of any size.
    grey = Image.new("RGB", (400, 480), (120, 120, 120))
    pale = Image.blend(grey, draw_face(), 0.08)
    boxes = next(searches(pale, engine.pack.detector()))
    assert len(boxes) == 1
    with refused("portrait_no_face"):
        engine.prepare(encoded(pale))
    by_hand = engine.prepare(encoded(pale), box=boxes[0].corners())
    assert by_hand.confidence < 0.5
    assert codes(by_hand) == ["portrait_face_uncertain"]


def test_a_box_by_hand_helps_where_no_face_is_found(engine: Engine) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    portrait = engine.prepare(encoded(Image.fromarray(noise)), box=(100, 100, 80, 80))
    assert portrait.faces == [(100, 100, 80, 80)]
    assert abs(portrait.square.x - 140) < 3


def test_a_box_on_what_is_no_face_is_taken_with_a_notice(engine: Engine) -> None:
    flat = encoded(Image.new("RGB", (300, 300), (90, 90, 90)))
    assert "portrait_face_uncertain" in codes(engine.prepare(flat, box=(100, 100, 80, 80)))


@pytest.mark.parametrize(
    "box", [(500, 0, 50, 50), (-100, 0, 50, 50), (10, 10, 0, 0), (10, 10, -50, 50),
            (0, 0, math.nan, 5), (0, 0, 1e9, 1e9)]
)  # fmt: skip
def test_a_box_outside_of_the_portrait_is_refused(
    engine: Engine, face_png: bytes, box: tuple[float, float, float, float]
) -> None:
    with refused("portrait_bad_box"):
        engine.prepare(face_png, box=box)


def test_of_several_faces_the_largest_is_taken_and_another_may_be(engine: Engine) -> None:
    picture = Image.new("RGB", (900, 400), (96, 112, 128))
    for x, side in ((150, 80), (420, 120), (700, 90)):
        add_face(picture, (x, 200), side)
    data = encoded(picture)
    largest = engine.prepare(data)
    assert len(largest.faces) == 3
    assert largest.chosen == 1
    assert abs(largest.square.x - 420) < 20
    assert codes(largest) == ["portrait_several_faces"]
    assert "--face" in largest.notices[0].hint
    right = engine.prepare(data, face=2)
    assert abs(right.square.x - 700) < 20
    assert codes(right) == []
    assert right.key != largest.key
    for wrong in (3, -1):
        with refused("portrait_no_such_face"):
            engine.prepare(data, face=wrong)


def test_a_small_face_is_taken_with_a_notice(engine: Engine) -> None:
    assert codes(engine.prepare(encoded(draw_face(side=30)))) == ["portrait_face_small"]


def test_a_turned_face_is_cut_upright(engine: Engine) -> None:
    portrait = engine.prepare(encoded(draw_face(angle=40, side=150)))
    angle = math.degrees(math.atan2(portrait.square.right_y, portrait.square.right_x))
    assert angle == pytest.approx(40, abs=1)
    crop = np.asarray(portrait.crop(256), int).sum(-1)
    # Upright again, the drawn face is the same on both sides.
    assert np.abs(crop[60:200] - crop[60:200, ::-1]).mean() < 45


def test_the_key_is_of_the_file_and_the_place_of_the_face(
    engine: Engine, portrait: Portrait, face_png: bytes
) -> None:
    assert engine.prepare(face_png).key == portrait.key
    assert engine.prepare(encoded(draw_face(side=190))).key != portrait.key
    assert engine.prepare(face_png, box=(60, 90, 260, 260)).key != portrait.key


# The voice


def test_voice_content_follows_the_sound(voice: Voice) -> None:
    assert voice.seconds == 1
    assert voice.content.shape == (50, 15)
    # The mouth begins to open a little before the sound, and far from it is at rest exactly.
    assert (voice.content[:18, 0] == 1).all()
    assert (np.diff(voice.content[18:25, 0]) <= 0).all()
    assert voice.content[26:, 10].min() > 0.1
    assert codes(voice) == []


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_voices_of_all_rates_and_channels(engine: Engine, rate: int, channels: int) -> None:
    sound = np.tile((tone(1, rate) * 20000).astype(np.int16)[:, None], (1, channels))
    heard = engine.listen(sound, rate)
    assert heard.seconds == pytest.approx(1, abs=0.001)
    assert heard.content.shape == (50, 15)


def test_silence_is_taken_with_a_notice(engine: Engine) -> None:
    heard = engine.listen(np.zeros(16000, np.int16), 16000)
    assert codes(heard) == ["voice_silent"]
    assert (heard.content[:, 0] == 1).all()


def test_a_voice_of_a_twentieth_of_a_second_is_refused(engine: Engine) -> None:
    with refused("voice_too_short"):
        engine.listen(tone(0.05), 16000)
    with refused("voice_too_short"):
        engine.listen(np.zeros((0, 2), np.int16), 48000)


def test_two_hours_of_voice_are_refused_at_once(engine: Engine) -> None:
    # Not one sample of it is looked at: the array has no memory behind it.
    hours = np.broadcast_to(np.int16(0), (2 * 3600 * 16000,))
    with refused("voice_too_long"):
        engine.listen(hours, 16000)


@pytest.mark.parametrize("rate", [0, -1, 4_000_000_000])
def test_rates_that_are_none_are_refused(engine: Engine, rate: int) -> None:
    with refused("voice_rate"):
        engine.listen(tone(1), rate)


def test_too_many_channels_are_refused(engine: Engine) -> None:
    with refused("voice_channels"):
        engine.listen(np.zeros((2000, 65535), np.int8), 16000)


def test_samples_that_are_no_numbers_are_silence_with_a_notice(engine: Engine) -> None:
    sound = tone(1)
    sound[5000:5100], sound[6000] = np.nan, np.inf
    heard = engine.listen(sound, 16000)
    assert codes(heard) == ["voice_not_finite"]
    assert np.isfinite(heard.content).all()
    assert np.isfinite(heard.samples).all()


def test_equal_voices_have_equal_keys(engine: Engine) -> None:
    assert engine.listen(tone(1), 16000).key == engine.listen(tone(1), 16000).key
    assert engine.listen(tone(1), 16000).key != engine.listen(tone(1), 16001).key
    assert engine.listen(tone(1), 16000).key != engine.listen(tone(1, loud=0.1), 16000).key


# Frames


@pytest.mark.parametrize("size", [256, 512])
def test_at_rest_the_frame_is_the_portrait(
    engine: Engine, portrait: Portrait, face_png: bytes, size: int
) -> None:
    (frame,) = engine.generate(portrait, None, FPS, track(1), size, mark=False)
    assert np.abs(pixels(frame.png) - pixels(face_png)).mean() < 0.5


def test_shift_moves_the_face_and_only_inside_of_the_crop(
    engine: Engine, portrait: Portrait, face_png: bytes
) -> None:
    before = pixels(face_png)
    (frame,) = engine.generate(portrait, None, FPS, track(1, shift_x=0.1), 256)
    after = pixels(frame.png)

    def eye_column(values: np.ndarray) -> float:  # the darkest place of the picture's left eye
        return float(np.argmin(values[200:216, 130:200].sum((0, 2))))

    # The tiny network moves by a tenth of half the crop.
    assert eye_column(after) - eye_column(before) == pytest.approx(
        0.1 * portrait.square.side / 2, abs=3
    )
    (small,) = engine.generate(
        engine.prepare(face_png, box=(180, 200, 60, 60)),
        None,
        FPS,
        track(1, happy=1),
        256,
        mark=False,
    )
    changed = np.abs(pixels(small.png) - before).sum(-1) > 0
    ys, xs = np.nonzero(changed)
    assert xs.min() > 100
    assert xs.max() < 320
    assert ys.min() > 120


def test_the_voice_reaches_the_frames_at_its_time(
    engine: Engine, portrait: Portrait, voice: Voice
) -> None:
    frames = list(engine.generate(portrait, voice, FPS, track(25), 256))
    blue = [pixels(frame.png)[230, 200, 2] for frame in frames]
    assert set(blue[:9]) == {blue[0]}
    assert min(blue[14:]) > blue[0] + 10
    late = list(engine.generate(portrait, voice, FPS, track(2), 256, start=0.7))
    assert pixels(late[0].png)[230, 200, 2] == pytest.approx(blue[20], abs=2)


def test_measured_is_read_from_the_finished_frame(engine: Engine, portrait: Portrait) -> None:
    still, happy = engine.generate(
        portrait, None, FPS, np.concatenate([track(1), track(1, happy=1)]), 256
    )
    # The tiny network paints a happy face in its mean colour, which changes no mean.
    assert still.measured.shape == (COUNT,)
    assert happy.measured[INDEX["yaw"]] == pytest.approx(still.measured[INDEX["yaw"]], abs=0.5)
    assert still.measured[INDEX["yaw"]] == pytest.approx(portrait.own[INDEX["yaw"]], abs=0.1)


def test_same_key_same_bytes_in_any_order_and_any_company(
    engine: Engine, portrait: Portrait, voice: Voice
) -> None:
    rows = track(12)
    rows[:, INDEX["yaw"]] = np.linspace(-20, 20, 12)
    rows[:, INDEX["shift_x"]] = np.linspace(0, 0.3, 12)
    every = {f.index: f for f in engine.generate(portrait, voice, FPS, rows, 256)}
    assert sorted(every) == list(range(12))
    for some in ([11, 0, 5], [5], [3, 4, 5, 6]):
        frames = list(engine.generate(portrait, voice, FPS, rows, 256, indices=some))
        assert [f.index for f in frames] == some
        for frame in frames:
            assert frame.key == every[frame.index].key
            assert frame.png == every[frame.index].png
            assert np.array_equal(frame.measured, every[frame.index].measured)


def test_frames_do_not_depend_on_the_number_of_threads(
    pack_folder: Path, engine: Engine, portrait: Portrait, face_png: bytes
) -> None:
    other = Engine(pack_folder, threads=2)
    rows = track(3, shift_x=0.07, happy=0.4)
    here = [f.png for f in engine.generate(portrait, None, FPS, rows, 256)]
    there = [f.png for f in other.generate(other.prepare(face_png), None, FPS, rows, 256)]
    assert here == there


def test_keys_change_with_what_a_frame_depends_on_and_with_nothing_else(
    engine: Engine, portrait: Portrait, voice: Voice
) -> None:
    rows = track(25)

    def keys(**other: object) -> list[str]:
        asked: dict = {"portrait": portrait, "voice": voice, "fps": FPS, "controls": rows,
                       "size": 256, "seed": 0, "start": 0.0}  # fmt: skip
        return engine.keys(**(asked | other))

    base = keys()
    assert base == [f.key for f in engine.generate(portrait, voice, FPS, rows, 256)]
    edited = rows.copy()
    edited[7, INDEX["happy"]] = 0.5
    assert [n for n, key in enumerate(keys(controls=edited)) if key != base[n]] == [7]
    assert not set(keys(size=512)) & set(base)
    assert not set(keys(seed=1)) & set(base)
    assert not set(keys(mark=False)) & set(base)
    # The first half of the voice is silent: those frames are the same with no voice at all.
    silent = keys(voice=None)
    assert silent[:9] == base[:9]
    assert silent[14] != base[14]
    # A value that is clamped is the value that is used.
    far = rows.copy()
    far[3, INDEX["yaw"]] = 1e9
    limit = rows.copy()
    limit[3, INDEX["yaw"]] = 60
    assert keys(controls=far) == keys(controls=limit)
    negative_zero = rows.copy()
    negative_zero[:, INDEX["yaw"]] = -0.0
    assert keys(controls=negative_zero) == base


def test_nan_and_1e9_in_a_curve_make_frames(engine: Engine, portrait: Portrait) -> None:
    rows = track(3)
    rows[0], rows[1], rows[2] = np.nan, 1e9, -np.inf
    frames = list(engine.generate(portrait, None, FPS, rows, 256))
    assert len(frames) == 3
    assert all(np.isfinite(frame.measured).all() for frame in frames)


def test_stopping_early_ends_the_work(engine: Engine, portrait: Portrait) -> None:
    frames = engine.generate(portrait, None, FPS, track(100_000), 256)
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert list(engine.generate(portrait, None, FPS, track(1), 256))


def test_wrong_orders_are_refused_before_the_first_frame(
    engine: Engine, portrait: Portrait
) -> None:
    with refused("bad_size"):
        engine.generate(portrait, None, FPS, track(1), 300)
    for fps in (Fraction(0), Fraction(-1), Fraction(1000)):
        with refused("bad_fps"):
            engine.generate(portrait, None, fps, track(1), 256)
    with refused("no_frames"):
        engine.generate(portrait, None, FPS, np.zeros((0, COUNT)), 256)
    for index in (5, -1):
        with refused("bad_index"):
            engine.generate(portrait, None, FPS, track(5), 256, indices=[0, index])
    with refused("no_frames"):
        engine.propose(portrait, None, FPS, 0)
    with refused("too_many_frames"):
        engine.propose(portrait, None, FPS, 10**9)


def test_23_976_is_a_frame_rate(engine: Engine, portrait: Portrait, voice: Voice) -> None:
    rows = engine.propose(portrait, voice, Fraction(24000, 1001), 24)
    assert rows.shape == (24, COUNT)
    assert len(engine.keys(portrait, voice, Fraction(24000, 1001), rows, 256)) == 24


def test_the_auto_layer_starts_from_the_portraits_own_pose(
    engine: Engine, portrait: Portrait, voice: Voice
) -> None:
    still = engine.propose(portrait, voice, FPS, 25, amount=0.0)
    yaw = INDEX["yaw"]
    assert still[:, yaw] == pytest.approx(portrait.own[yaw], abs=1e-4)
    moving = engine.propose(portrait, voice, FPS, 25)
    assert np.ptp(moving[:, yaw]) > 0


def test_a_range_beyond_the_voice_moves_as_the_voice_alone(
    engine: Engine, portrait: Portrait, voice: Voice
) -> None:
    alone = engine.propose(portrait, voice, FPS, 25)
    for frames in (26, 300, 1000):
        assert np.array_equal(engine.propose(portrait, voice, FPS, frames)[:25], alone)


# Alpha


def cut_out() -> Image.Image:
    """The drawn face without its background: only what is not the background's colour."""
    face = draw_face().convert("RGBA")
    background = (np.asarray(face.convert("RGB")) == (96, 112, 128)).all(-1)
    face.putalpha(Image.fromarray(np.where(background, 0, 255).astype(np.uint8)))
    return face


def test_alpha_is_kept_at_rest(engine: Engine) -> None:
    face = cut_out()
    portrait = engine.prepare(encoded(face))
    (frame,) = engine.generate(portrait, None, FPS, track(1), 256)
    made = pixels(frame.png)
    assert made.shape == (480, 400, 4)
    error = np.abs(made[..., 3] - np.asarray(face)[..., 3].astype(int))
    assert error.mean() < 1.5
    visible = np.asarray(face)[..., 3] == 255
    assert np.abs(made - np.asarray(face, int))[visible][:, :3].mean() < 1


def test_alpha_moves_with_the_face(engine: Engine) -> None:
    portrait = engine.prepare(encoded(cut_out()))
    (frame,) = engine.generate(portrait, None, FPS, track(1, shift_x=0.12), 256)
    alpha = pixels(frame.png)[..., 3]
    middle = alpha[200]  # a row through the eyes
    shift = 0.12 * portrait.square.side / 2
    before = np.asarray(cut_out())[200, :, 3]
    edges = np.flatnonzero(before > 127)[[0, -1]] + shift
    assert np.flatnonzero(middle > 127)[[0, -1]] == pytest.approx(edges, abs=3)
    # Where the face was and is no more, one sees through, and no backdrop shines out.
    assert middle[int(edges[0]) - 12] < 20


def test_alpha_of_an_opaque_crop_stays_as_it_is(engine: Engine) -> None:
    face = Image.new("RGBA", (1000, 480), (0, 0, 0, 0))
    face.paste(draw_face(), (0, 0))
    portrait = engine.prepare(encoded(face), box=(180, 200, 50, 50))
    (frame,) = engine.generate(portrait, None, FPS, track(1, happy=1), 256)
    assert np.array_equal(pixels(frame.png)[..., 3], np.asarray(face)[..., 3])


def test_matte_tells_colour_and_alpha_from_two_backdrops() -> None:
    rng = np.random.default_rng(0)
    colour = rng.uniform(0, 1, (3, 8, 8)).astype(np.float32)
    alpha = np.linspace(0.1, 1, 64, dtype=np.float32).reshape(8, 8)
    over = [colour * alpha + (1 - alpha) * np.float32(grey / 255) for grey in (DARK, LIGHT)]
    found_colour, found_alpha = matte(*over)
    assert np.allclose(found_alpha, alpha, atol=1e-5)
    assert np.allclose(found_colour, colour, atol=1e-4)


# Memory


def test_identity_is_computed_once_per_portrait(pack_folder: Path, face_png: bytes) -> None:
    engine = Engine(pack_folder, threads=1)
    portrait = engine.prepare(face_png)
    runs = []
    session = engine.pack.session("identity.onnx")

    class Counted:
        def run(self, *args: object) -> object:
            runs.append(1)
            return session.run(*args)

        def __getattr__(self, name: str) -> object:
            return getattr(session, name)

    engine.pack._sessions["identity.onnx"] = Counted()
    for size in (256, 512, 256):
        list(engine.generate(portrait, None, FPS, track(2), size))
    assert len(runs) == 1
