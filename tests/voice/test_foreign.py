# SPDX-License-Identifier: GPL-3.0-or-later
"""A CTC model in Hugging Face's format takes the encoder's place; tiny and random here."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from inference_core.runtime.pack import DEFAULT, VOICE, Pack
from inference_core.runtime.phones import INDEX, PHONES, SIL
from inference_core.runtime.voice import hear
from inference_core.training.voice.foreign import (
    ForeignEncoder,
    NotFittingError,
    Vocabulary,
    load,
    read_vocabulary,
)
from scripts.convert_voice import convert, main

# As wav2vec2-lv-60-espeak-cv-ft has them, in part.
SYMBOLS = ["<pad>", "<s>", "</s>", "<unk>", "n", "s", "t", "ə", "l", "a", "i", "k", "d", "m", "ɛ",
           "ɾ", "e", "ɪ", "p", "o", "ɐ", "z", "ð", "f", "j", "v", "b", "ɹ", "ʁ", "ʊ", "iː", "r",
           "w", "ʌ", "u", "ɡ", "æ", "aɪ", "ʃ", "h", "ɔ", "ɑː", "ŋ", "ɚ", "eɪ", "β", "uː", "y",
           "ɑ̃", "oʊ", "ᵻ", "θ", "aʊ", "ts", "ʂ", "dʒ", "tʃ", "ɑːɹ", "ai5", "☃"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "tiny-ctc"
    config = Wav2Vec2Config(
        vocab_size=len(SYMBOLS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, conv_dim=(8,) * 7, num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2, feat_extract_norm="layer", do_stable_layer_norm=True,
        pad_token_id=0,
    )  # fmt: skip
    Wav2Vec2ForCTC(config).save_pretrained(path)
    table = {symbol: index for index, symbol in enumerate(SYMBOLS)}
    (path / "vocab.json").write_text(json.dumps(table), encoding="utf-8")
    return path


def test_symbols_are_folded(folder: Path) -> None:
    words = read_vocabulary(folder)
    assert words.unknown == ("☃",)
    row = words.fold[SYMBOLS.index("ɑːɹ")]
    assert row[INDEX["ɑ"]] == row[INDEX["ɹ"]] == 0.5
    assert words.fold[SYMBOLS.index("uː"), INDEX["u"]] == 1
    assert words.blank[:4].tolist() == [1, 1, 1, 1]
    assert torch.equal(words.fold.sum(1) + words.blank, torch.ones(len(SYMBOLS)))


class _Told(torch.nn.Module):
    """Says /a/ on frame 5, /m/ on frame 12 and nothing else."""

    def forward(self, heard: torch.Tensor) -> object:
        frames = heard.shape[1] // 320
        logits = torch.zeros(1, frames, 3)
        logits[..., 0] = 12
        logits[0, 5, 1] = logits[0, 12, 2] = 24
        return type("Answer", (), {"logits": logits})


def test_what_a_ctc_model_leaves_blank_is_filled() -> None:
    fold = torch.zeros(3, len(PHONES))
    fold[1, INDEX["a"]] = fold[2, INDEX["m"]] = 1
    encoder = ForeignEncoder(_Told(), Vocabulary(fold, torch.tensor([1.0, 0, 0]), ()))

    class Session:
        def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[object]:
            return [encoder(torch.from_numpy(feed["samples"])).numpy()]

    sound = np.zeros(20 * 320, np.float32)
    sound[3 * 320 : 16 * 320] = np.random.default_rng(0).normal(0, 0.1, 13 * 320)
    phones = [PHONES[int(i)] for i in hear(Session(), sound).phones[:, 2]]
    assert phones == [SIL, "a", "m", SIL]


def test_a_model_becomes_a_pack(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "pack"
    assert convert(folder, out) < 2e-4
    pack = Pack(out, 1)
    assert pack.id == "speak-default+tiny-ctc"
    assert pack.sha256 != Pack(DEFAULT, 1).sha256
    time = np.arange(32_000) / 16_000
    sound = (0.1 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    heard = hear(pack.session(VOICE), sound)
    assert heard.content.shape == (100, 15)
    assert np.abs(heard.content.sum(1) - 1).max() < 1e-4
    encoder, _ = load(folder)
    with torch.inference_mode():
        wanted = encoder(torch.from_numpy(sound)[None]).numpy()
    found = pack.session(VOICE).run(["phones"], {"samples": sound[None]})[0]
    assert wanted.shape == (1, 100, len(PHONES))
    assert np.abs(wanted.sum(-1) - 1).max() < 1e-4
    assert np.abs(wanted - found).max() < 2e-4


def test_a_model_of_letters_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    table = {letter: i for i, letter in enumerate(["<pad>", "|", *"ABCDEFG"])}
    (letters / "vocab.json").write_text(json.dumps(table))
    with pytest.raises(NotFittingError, match="IPA"):
        load(letters)
    assert main([str(tmp_path / "none"), "--out", str(tmp_path / "x")]) == 1
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert main([str(folder), "--out", str(tmp_path / "mine")]) == 1
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
