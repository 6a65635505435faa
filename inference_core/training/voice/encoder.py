# SPDX-License-Identifier: GPL-3.0-or-later
"""The voice encoder: a small wav2vec 2.0 with a phone inventory on top.

transformers' `Wav2Vec2Model`, with its feature extractor fitted to a few hours of speech: its first
convolution is a bank of mel-spaced filters followed by a logarithm, because filters that start as
noise do not get there, and the others are normalised over the batch.
"""

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Wav2Vec2Config, Wav2Vec2Model

from inference_core.runtime.phones import PHONES

HOP = 320  # samples per frame: 50 Hz at 16 kHz
FILTER, FILTER_STRIDE = 400, 160
# Frames that one layer of attention sees either way. A bound makes what is heard in overlapping
# windows equal to what is heard in one piece.
REACH = 12
# Kernel and stride of the convolutions after the filters: 100 Hz in, 50 Hz out.
CONVOLUTIONS = ((3, 1), (4, 2), (5, 1), (5, 1))
# Power in a band below which nothing is heard. Speech of RMS 0.1 has 1e-4 in its loud bands and
# 1e-8 in a soft /f/, so this lies well below what a quiet room leaves.
FLOOR = 1e-9


def _mel(hertz: float) -> float:
    return 2595 * math.log10(1 + hertz / 700)


@dataclass(frozen=True)
class EncoderSize:
    """What it takes to build the same encoder again."""

    bands: int = 64
    channels: int = 192
    hidden: int = 256
    layers: int = 3
    heads: int = 4
    inner: int = 896
    dropout: float = 0.0  # would take as long as all the rest; hidden bands do its work

    def as_dict(self) -> dict[str, float]:
        """Plain numbers for a file."""
        return asdict(self)


class LogBands(nn.Module):
    """Waveform [B, 1, N] to log power in mel-spaced bands [B, bands, T] at 100 Hz."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        edges = torch.linspace(_mel(60), _mel(7600), bands + 2)
        hertz = 700 * (10 ** (edges / 2595) - 1)
        time = (torch.arange(FILTER) - FILTER / 2 + 0.5) / 16_000
        # A band as wide as its neighbours are far, but never longer than the filter itself.
        width = torch.clamp((hertz[2:] - hertz[:-2]) / 2, min=55.0)
        window = torch.exp(-0.5 * (time[None] * width[:, None] * 2.3) ** 2)
        window = window * torch.hann_window(FILTER, periodic=False) ** 0.5
        window = window / window.sum(1, keepdim=True)
        phase = 2 * math.pi * hertz[1:-1, None] * time[None]
        # Not learned: their taps are hundredths, and one step of an optimiser that moves every
        # number by its rate leaves noise of them.
        self.filters: Tensor
        self.register_buffer(
            "filters", torch.cat([window * torch.cos(phase), window * torch.sin(phase)])[:, None]
        )
        self.norm_scale = nn.Parameter(torch.full((bands, 1), 0.2))
        self.norm_shift = nn.Parameter(torch.full((bands, 1), 2.6))

    def forward(self, hidden_states: Tensor) -> Tensor:
        """Filter, power, logarithm, and a learned scale to about -1..1."""
        # In full precision: bfloat16 would bury what is 50 dB below the loudest band.
        with torch.autocast("cpu", enabled=False):
            bands = F.conv1d(hidden_states.float(), self.filters, stride=FILTER_STRIDE)
            real, imaginary = bands.chunk(2, 1)
            power = real * real + imaginary * imaginary
            heard = torch.log(power + FLOOR) * self.norm_scale + self.norm_shift
            return self._hide(heard) if self.training else heard

    def _hide(self, heard: Tensor) -> Tensor:
        """Half of the voices lose a stretch of bands, so that no single band is relied on."""
        count, bands = heard.shape[:2]
        width = torch.rand(count, 1) * bands / 5 * (torch.rand(count, 1) < 0.5)
        start = torch.rand(count, 1) * bands
        at = torch.arange(bands)[None]
        hidden = (at >= start) & (at < start + width)
        return heard.masked_fill(hidden[..., None], 0.0)


class Convolution(nn.Module):
    """One convolution of the feature extractor with batch normalisation instead of layer norm.

    Layer norm would make every frame equally loud, and how loud a frame is tells a closed mouth
    from an open one; it also learns from a few hours in half the steps, and folds away on export.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, bias=False)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, hidden_states: Tensor) -> Tensor:
        """[B, inputs, T] to [B, outputs, (T - kernel) // stride + 1]."""
        return F.gelu(self.norm(self.conv(hidden_states)))


class VoiceEncoder(nn.Module):
    """Samples [B, N] at 16 kHz, speech at an RMS of about 0.1, to phone logits [B, N//320, P]."""

    def __init__(self, size: EncoderSize) -> None:
        super().__init__()
        self.size = size
        self.config = Wav2Vec2Config(
            hidden_size=size.hidden,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            intermediate_size=size.inner,
            conv_dim=(size.bands, *(size.channels for _ in CONVOLUTIONS)),
            conv_kernel=(FILTER, *(kernel for kernel, _ in CONVOLUTIONS)),
            conv_stride=(FILTER_STRIDE, *(stride for _, stride in CONVOLUTIONS)),
            conv_bias=True,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
            num_conv_pos_embeddings=31,
            num_conv_pos_embedding_groups=8,
            hidden_dropout=size.dropout,
            attention_dropout=size.dropout,
            activation_dropout=size.dropout,
            feat_proj_dropout=size.dropout,
            layerdrop=0.0,
            apply_spec_augment=False,  # no stretch is heard twice alike, so nothing need be hidden
        )
        self.body = Wav2Vec2Model(self.config)
        layers = self.body.feature_extractor.conv_layers
        layers[0] = LogBands(size.bands)
        inputs = size.bands
        for number, (kernel, stride) in enumerate(CONVOLUTIONS, 1):
            layers[number] = Convolution(inputs, size.channels, kernel, stride)
            inputs = size.channels
        for parameter in self.body.encoder.layers.parameters():
            if parameter.ndim == 2:  # transformers starts them three times smaller
                nn.init.xavier_uniform_(parameter)
        self.head = nn.Linear(size.hidden, len(PHONES))
        # What one output frame sees, so that padding puts its middle on the frame's middle.
        field, stride = FILTER, FILTER_STRIDE
        for kernel, step in CONVOLUTIONS:
            field += (kernel - 1) * stride
            stride *= step
        self.padding = (field - HOP) // 2

    def forward(self, samples: Tensor) -> Tensor:
        """Logits, before the softmax."""
        hidden = F.pad(samples, (self.padding, self.padding))[:, None]
        for convolution in self.body.feature_extractor.conv_layers:
            hidden = convolution(hidden)
        hidden, _ = self.body.feature_projection(hidden.transpose(1, 2))
        hidden = hidden + self.body.encoder.pos_conv_embed(hidden)
        at = torch.arange(hidden.shape[1])
        far = (at[:, None] - at[None]).abs() > REACH
        mask = far.to(hidden.dtype)[None, None] * -1e4
        for layer in self.body.encoder.layers:
            hidden = layer(hidden, attention_mask=mask)
        return self.head(self.body.encoder.layer_norm(hidden))
