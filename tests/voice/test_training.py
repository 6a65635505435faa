# SPDX-License-Identifier: GPL-3.0-or-later
"""The training's own parts: phones, the mouth wanted for them, sound that stays in its place."""

import json
import shutil
import wave
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from inference_core.protocol.controls import VISEMES
from inference_core.runtime.mouth import FF, PP, SIL, hard_labels, on_a_face, viseme_weights
from inference_core.runtime.pack import DEFAULT, VOICE, Pack
from inference_core.runtime.phones import ARPABET, INDEX, PHONES, VISEME_OF, of_ipa
from inference_core.runtime.voice import content_of
from inference_core.training.voice import augment, checkpoint, corpus, hibari, texts, tts
from inference_core.training.voice.aligned import Sound, align
from inference_core.training.voice.batches import PARTS, Corpus, fine_labels, make_batch
from inference_core.training.voice.checkpoint import Progress, load_encoder
from inference_core.training.voice.encoder import HOP, EncoderSize, VoiceEncoder
from inference_core.training.voice.export import export, into_pack
from inference_core.training.voice.festival import VOICES, fold, read_spoken
from inference_core.training.voice.phones import Phone, as_rows, split
from inference_core.training.voice.score import score
from inference_core.training.voice.train import Config, Run, loss_of

TINY = EncoderSize(bands=16, channels=16, hidden=16, layers=1, heads=2, inner=16)


def rows(*phones: Phone) -> np.ndarray:
    return np.array(as_rows(list(phones)))


@pytest.mark.parametrize(
    ("symbol", "phones"),
    [
        ("p", ("p",)), ("tʃ", ("tʃ",)), ("dʒ", ("dʒ",)), ("ts", ("t", "s")), ("ɑːɹ", ("ɑ", "ɹ")),
        ("aɪ", ("a", "ɪ")), ("ɔ̃", ("ɔ",)), ("ɐ̃ʊ̃", ("ə", "ʊ")), ("tʃʲ", ("tʃ",)), ("i5", ("i",)),
        ("h", ("h",)), ("yː", ("y",)), ("r̝̊", ("r",)), ("ʲ", ("j",)), ("☃", None), ("", ("sil",)),
    ],
)  # fmt: skip
def test_ipa_is_folded_into_the_inventory(symbol: str, phones: tuple[str, ...] | None) -> None:
    assert of_ipa(symbol) == phones


def test_every_phone_has_a_viseme_and_every_viseme_a_phone() -> None:
    assert {name for names in ARPABET.values() for name in names} <= set(PHONES)
    assert set(VISEME_OF.values()) == {*VISEMES, "h"}


def test_a_diphthong_is_two_phones() -> None:
    first, second = split(1.0, 2.0, ("a", "ʊ"))
    assert (first.name, second.name) == ("a", "ʊ")
    assert first.end == second.start == pytest.approx(1.55)
    assert second.end == 2.0


@pytest.mark.parametrize("length", [0.01, 0.03, 0.06, 0.12])
@pytest.mark.parametrize("offset", [0.0, 0.003, 0.011, 0.019])
def test_lips_close_fully_however_short_the_sound(length: float, offset: float) -> None:
    start = 0.5 + offset
    phones = rows(
        Phone(0, start, "a"),
        Phone(start, start + length, "p"),
        Phone(start + length, 1.2, "a"),
    )
    weights = viseme_weights(phones, 60)
    assert weights[:, PP].max() > 0.99
    assert abs(weights[:, PP].argmax() / 50 + 0.01 - start - length / 2) < 0.03 + length / 2
    assert weights[:20, PP].max() < 0.01
    assert weights[45:, PP].max() < 0.01


def test_weights_always_sum_to_one_and_h_takes_the_next_mouth() -> None:
    phones = rows(
        Phone(0, 0.2, "sil"), Phone(0.2, 0.3, "h"), Phone(0.3, 0.5, "ɔ"), Phone(0.5, 0.6, "f"),
        Phone(0.6, 0.7, "i"), Phone(0.7, 0.75, "m"), Phone(0.75, 1, "sil"),
    )  # fmt: skip
    weights = viseme_weights(phones, 60)
    assert np.abs(weights.sum(1) - 1).max() < 1e-5
    assert weights.min() >= 0
    assert weights[13, VISEMES.index("oh")] > 0.5  # 0.27 s, still in h
    assert weights[27, FF] > 0.9
    assert (weights[55:, SIL] > 0.9).all()
    assert hard_labels(phones, 60)[[5, 12, 27, 36, 58]].tolist() == [
        INDEX[name] for name in ("sil", "h", "f", "m", "sil")
    ]


def test_a_short_gap_is_no_pause_and_before_p_the_lips_wait_shut() -> None:
    phones = rows(
        Phone(0, 0.4, "a"), Phone(0.4, 0.5, "sil"), Phone(0.5, 0.8, "a"), Phone(0.8, 0.9, "sil"),
        Phone(0.9, 0.95, "p"), Phone(0.95, 1.2, "a"), Phone(1.2, 1.6, "sil"),
    )  # fmt: skip
    weights = viseme_weights(phones, 80)
    assert weights[15:30, SIL].max() < 0.05
    assert weights[41:46, PP].min() > 0.99
    assert (weights[65:, SIL] > 0.9).all()


def test_lips_part_slower_than_they_meet() -> None:
    phones = rows(Phone(0, 0.5, "a"), Phone(0.5, 0.6, "m"), Phone(0.6, 1.2, "a"))
    pressed = viseme_weights(phones, 60)[:, PP]
    assert pressed[23] < 0.2  # 30 ms before the m
    assert pressed[31] > 0.4  # 30 ms after it
    assert pressed[34] < 0.05


def heard(phones: list[Phone], frames: int) -> np.ndarray:
    """Posteriors of somebody who hears these phones quite well."""
    said = hard_labels(rows(*phones), frames)
    posteriors = np.full((frames, len(PHONES)), 0.2 / len(PHONES))
    posteriors[np.arange(frames), said] += 0.8
    return posteriors


def test_known_phones_are_found_where_they_are_heard() -> None:
    exact = [
        Phone(0, 0.2, "sil"), Phone(0.2, 0.3, "b"), Phone(0.3, 0.5, "a"), Phone(0.5, 0.62, "m"),
        Phone(0.62, 1.0, "sil"),
    ]  # fmt: skip
    rough = [Sound(p.start + 0.06, p.end + 0.06, (p.name,)) for p in exact]
    found = align(rough, heard(exact, 50))
    assert found is not None
    assert [p.name for p in found] == [p.name for p in exact]
    for one, other in zip(found, exact, strict=True):
        assert one.start == pytest.approx(other.start, abs=0.011)


def test_a_pause_that_is_not_made_is_left_out() -> None:
    exact = [Phone(0, 0.3, "a"), Phone(0.3, 0.6, "s")]
    rough = [
        Sound(0, 0.05, ("sil",)), Sound(0.05, 0.3, ("a",)), Sound(0.3, 0.36, ("sil",)),
        Sound(0.36, 0.6, ("s",)),
    ]  # fmt: skip
    found = align(rough, heard(exact, 30))
    assert found is not None
    assert [p.name for p in found] == ["a", "s"]


def test_what_is_not_said_is_refused() -> None:
    rough = [Sound(0, 0.3, ("a",)), Sound(0.3, 0.6, ("s",))]
    assert align(rough, heard([Phone(0, 0.6, "m")], 30)) is None
    assert align(rough, heard([Phone(0, 0.02, "a")], 1)) is None


def test_stress_belongs_to_the_sound_behind_it_and_a_short_space_to_nobody() -> None:
    letters = ["b", "ˈ", "I", " ", "m", "A", ".", "ʤ"]
    seconds = np.array([0.2, 0.1, 0.05, 0.1, 0.04, 0.1, 0.1, 0.2, 0.1, 0.1])
    sounds = hibari.sounds_of(letters, seconds)
    assert sounds is not None
    assert [s.names for s in sounds] == [
        ("sil",), ("b",), ("a", "ɪ"), ("m",), ("e", "ɪ"), ("sil",), ("dʒ",), ("sil",)
    ]  # fmt: skip
    assert sounds[2].end - sounds[2].start == pytest.approx(0.15)
    assert hibari.sounds_of(["☃"], np.array([0.1, 0.1, 0.1])) is None


def test_a_shorter_throat_moves_the_resonances_up() -> None:
    spectrum = np.full((601, 3), -5, np.float32)
    spectrum[100] = 0
    up = hibari.Speaker(1, 1, 1.2, 0, 0).reshape(spectrum)
    assert up[:, 0].argmax() == 120
    assert np.allclose(hibari.Speaker(1, 1, 1, 0, 0).reshape(spectrum), spectrum, atol=1e-2)
    tilted = hibari.Speaker(1, 1, 1, 0, 0.5).reshape(spectrum)
    assert tilted[400, 0] > tilted[50, 0]


def test_rounding_comes_before_its_sound() -> None:
    ou, ih = VISEMES.index("ou"), VISEMES.index("ih")
    phones = rows(Phone(0, 0.5, "s"), Phone(0.5, 0.7, "u"), Phone(0.7, 1.2, "s"))
    same = rows(Phone(0, 0.5, "s"), Phone(0.5, 0.7, "i"), Phone(0.7, 1.2, "s"))
    assert viseme_weights(phones, 60)[22, ou] > 2 * viseme_weights(same, 60)[22, ih]


def test_a_stop_of_espeak_begins_with_its_silence() -> None:
    rate = 22050
    samples = (np.sin(np.arange(rate) / 10) * 8000).astype(np.int16)
    samples[int(0.45 * rate) : int(0.5 * rate)] = 0
    phones = tts.phones_of(samples, rate, [(0.0, "a"), (0.5, "p"), (0.54, "a")])
    assert phones is not None
    assert [p.name for p in phones] == ["a", "p", "a"]
    assert phones[1].start == pytest.approx(0.45, abs=0.006)
    assert phones[1].stop


def test_sentences_are_varied_and_whole() -> None:
    import random

    rng = random.Random(0)
    said = {texts.english(rng) for _ in range(300)}
    assert len(said) > 200
    assert all(not set("{}_") & set(text) for text in said)
    assert len({texts.invented(rng, 5) for _ in range(50)}) == 50
    assert not set(corpus.LANGUAGES) & set(corpus.UNSEEN_LANGUAGES)
    assert not set(corpus.VARIANTS) & set(corpus.UNSEEN_VARIANTS)
    assert not set(corpus.FLITE_TRAIN) & set(corpus.FLITE_UNSEEN)


def bursts(count: int) -> torch.Tensor:
    """Buzzing bursts of 0.2 s at known places, silence between."""
    time = np.arange(64000) / 16000
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 40))
    gate = ((time % 1.0) > 0.4) & ((time % 1.0) < 0.6)
    return torch.tensor(np.stack([buzz * gate * 0.1] * count), dtype=torch.float32)


def test_augmentation_moves_nothing_in_time() -> None:
    generator = torch.Generator().manual_seed(3)
    speech = bursts(12)
    other = augment.recorder(
        augment.room(augment.voice_and_microphone(speech, generator), generator), generator
    )
    assert torch.isfinite(other).all()
    inside = speech.abs().sum(0) > 0
    for before, after in zip(speech, other, strict=True):
        assert not torch.allclose(before, after)
        energy = after.square()
        assert energy[inside].mean() > 4 * energy[~inside].mean()
        # The onset is where it was, within 5 ms.
        at = int((energy[:16000].cumsum(0) > 0.02 * energy[:16000].sum()).nonzero()[0])
        assert abs(at - 6400) < 400


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """A corpus of buzzes for /a/, hisses for /s/ and silence for /p/."""
    rng = np.random.default_rng(0)
    for part in ("train", "unseen_voice", "unseen_language"):
        table, sounds, at = [], [], 0
        for _ in range(6):
            phones, sound = [], []
            start = 0.0
            for name in ["sil", *rng.choice(["a", "s", "p"], 8), "sil"]:
                count = int(rng.uniform(0.1, 0.25) * 16000)
                time = np.arange(count) / 16000
                buzz = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 30)) * 0.2
                hiss = np.diff(rng.normal(0, 0.1, count + 1))
                sound.append({"a": buzz, "s": hiss}.get(str(name), np.zeros(count)))
                phones.append(Phone(start, start + count / 16000, str(name)))
                start += count / 16000
            pcm = np.round(np.concatenate(sound) * 20000).astype("<i2")
            table.append({"at": at, "n": len(pcm), "speaker": "x", "phones": as_rows(phones)})
            sounds.append(pcm)
            at += len(pcm)
        (tmp_path / f"{part}.pcm").write_bytes(np.concatenate(sounds).tobytes())
        (tmp_path / f"{part}.json").write_text(json.dumps(table))
    return tmp_path


def test_a_batch_is_made_again_from_its_number(spoken: Path) -> None:
    part = Corpus(spoken, "train")
    one, same, other = (make_batch(part, 3, 2.0, seed) for seed in ((1, 5), (1, 5), (1, 6)))
    assert one.samples.shape == (3, 32000)
    assert one.target.shape == (3, 100, PARTS)
    assert torch.equal(one.samples, same.samples)
    assert torch.equal(one.target, same.target)
    assert not torch.equal(one.samples, other.samples)


def test_a_boundary_inside_a_frame_is_shared() -> None:
    phones = rows(Phone(0, 0.033, "a"), Phone(0.033, 0.06, "m"))
    labels = fine_labels(phones, 3)
    assert labels[0].tolist() == [INDEX["a"]] * PARTS
    assert labels[1].tolist() == [INDEX["a"]] * 3 + [INDEX["m"]]
    assert labels[2].tolist() == [INDEX["m"]] * PARTS


def test_the_pace_wanders_and_the_phones_follow_the_sound(spoken: Path) -> None:
    part = Corpus(spoken, "train")
    for step in range(6):
        batch = make_batch(part, 1, 2.0, (3, step))
        loud = batch.samples[0].reshape(-1, HOP).square().mean(1)
        wanted = batch.target[0]
        buzz = (wanted == INDEX["a"]).all(1)
        still = (wanted == INDEX["sil"]).all(1)
        if buzz.any() and still.any():
            assert loud[buzz].median() > loud[still].median()


def test_a_closed_mouth_on_n_costs_more_than_d_for_n() -> None:
    target = torch.full((1, 4, PARTS), INDEX["n"])

    def cost(said: str) -> float:
        logits = torch.zeros(1, 4, len(PHONES))
        logits[..., INDEX[said]] = 6
        return float(loss_of(logits, target))

    assert cost("n") < cost("l") < cost("d") < cost("m")


def test_a_perfect_listener_scores_one(spoken: Path) -> None:
    part = Corpus(spoken, "unseen_voice")
    told = iter(part.said)

    def listen(samples: np.ndarray) -> np.ndarray:
        return np.eye(len(PHONES))[hard_labels(next(told).phones, len(samples) // HOP)]

    result = score(listen, part)
    assert result.phone_right == result.viseme_right == result.closed == 1
    assert result.false_closed == 0


def test_a_run_learns_is_stopped_goes_on_and_is_exported(spoken: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    config = Config(
        corpus=str(spoken), out=str(tmp_path / "run"), minutes=1e9, batch=2, seconds=1.6,
        rate=4e-3, warmup_steps=5, average=0.9, bfloat16=False, size=TINY,
    )  # fmt: skip
    run = Run(config)
    losses = [run.step(make_batch(run.train, 2, 1.6, (1, step))) for step in range(60)]
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:10])
    run.save()

    again = Run(config)
    assert again.progress == Progress(60, 0.0)
    batch = make_batch(run.train, 2, 1.6, (1, 60))
    torch.manual_seed(0)
    first = run.step(batch)
    torch.manual_seed(0)
    assert again.step(batch) == pytest.approx(first, rel=1e-4)
    for a, b in zip(run.encoder.parameters(), again.encoder.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)

    encoder, progress = load_encoder(run.last)
    assert progress.step == 60
    network = tmp_path / "voice.onnx"
    assert export(encoder, network) < 2e-4
    pack = tmp_path / "pack"
    shutil.copytree(DEFAULT, pack)
    assert into_pack(run.last, pack, "a test") < 2e-2
    changed = Pack(pack, 1)
    assert changed.meta["trained"]["voice"] == "a test"
    assert changed.meta["files"]["read.onnx"] == Pack(DEFAULT, 1).meta["files"]["read.onnx"]
    assert changed.session(VOICE).get_outputs()[0].shape[2] == len(PHONES)
    session = ort.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    content, _ = content_of(session, bursts(1)[0].numpy())
    assert content.shape == (200, 15)
    assert np.abs(content.sum(1) - 1).max() < 1e-4


def test_a_run_hears_every_batch_twice(spoken: Path, tmp_path: Path) -> None:
    config = Config(corpus=str(spoken), out=str(tmp_path / "run"), batch=1, seconds=0.5, size=TINY)
    run = Run(config)
    heard = [run.batch(step) for step in range(60)]
    for step in range(16, 30, 2):
        assert sum(batch is heard[step] for batch in heard) == 2
    assert len(run.kept) < 12


def test_phones_of_festivals_voices_are_folded() -> None:
    czech = next(v for v in VOICES if v.language == "cs").phones
    russian = next(v for v in VOICES if v.language == "ru").phones
    assert fold("r~*", czech) == ("r", "ʃ")
    assert fold("a:", czech) == ("a",)
    assert fold("pp", russian) == ("p",)
    assert fold("e1", next(v for v in VOICES if v.language == "it").phones) == ("e",)
    assert fold("axr", None) == ("ɜ",)
    assert fold("?", czech) is None
    for voice in VOICES:
        assert {p for names in (voice.phones or {}).values() for p in names} <= set(PHONES)


def test_what_festival_wrote_is_read(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "0.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.ones(16000, "<i2").tobytes())
    (tmp_path / "0.segs").write_text("#\n0.2 100 pau\n0.3 100 m\n0.6 100 ay\n0.9 100 pau\n")
    said = read_spoken(tmp_path / "0.wav", tmp_path / "0.segs", None)
    assert said is not None
    assert [p.name for p in said.phones] == ["sil", "m", "a", "ɪ", "sil", "sil"]
    assert said.phones[0].start == 0
    assert said.phones[-1].end == 1
    (tmp_path / "0.segs").write_text("#\n0.2 100 pau\n0.3 100 what\n0.6 100 ay\n")
    assert read_spoken(tmp_path / "0.wav", tmp_path / "0.segs", None) is None


def test_another_size_of_encoder_does_not_go_on(spoken: Path, tmp_path: Path) -> None:
    encoder = VoiceEncoder(TINY)
    out = tmp_path / "run"
    out.mkdir()
    groups = {"weights": encoder.state_dict(), "average": encoder.state_dict()}
    checkpoint.save(out / "last.safetensors", TINY, Progress(3, 1.0), groups)
    with pytest.raises(SystemExit, match="another size"):
        Run(Config(corpus=str(spoken), out=str(out), size=EncoderSize()))


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"minutse": 3}')
    with pytest.raises(SystemExit, match="minutse"):
        Config.read(path)


def test_a_face_shows_teeth_on_f_and_shuts_on_p_as_before() -> None:
    phones = rows(
        Phone(0, 0.4, "a"), Phone(0.4, 0.6, "f"), Phone(0.6, 0.8, "a"), Phone(0.8, 1, "p")
    )
    content = viseme_weights(phones, 50)
    shown = on_a_face(content)
    teeth = VISEMES.index("SS")
    assert content[25, FF] > 0.9
    assert content[25, teeth] < 0.05
    assert 0.5 < shown[25, FF] < 0.7
    assert shown[25, teeth] > 0.3
    assert np.array_equal(shown[:, PP], content[:, PP])
    assert np.abs(shown.sum(1) - 1).max() < 1e-5
    assert np.array_equal(content, viseme_weights(phones, 50))  # what it was given stays
