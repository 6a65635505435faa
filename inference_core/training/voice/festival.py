# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech with exact phone times from Festival's recorded voices.

Festival joins pieces cut from recordings of people (diphones, units) or models a speaker (HTS),
so its voices have the throats and the microphones that formant synthesis lacks. `Segment` times
come out with the sound. Debian's packages are in `VOICES`; only those who train need them.
"""

import subprocess
import tempfile
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference_core.runtime.audio_resample import to_mono_16k
from inference_core.runtime.phones import SIL, of_arpabet
from inference_core.training.voice.phones import Phone, split
from inference_core.training.voice.tts import Utterance

Table = dict[str, tuple[str, ...]]


def _table(text: str) -> Table:
    """`symbol=phone+phone` words; a symbol without `=` is the phone of the same name."""
    table: Table = {}
    for word in text.split():
        symbol, _, phones = word.partition("=")
        table[symbol] = tuple((phones or symbol).split("+"))
    return table


_PAUSES = "pau=sil #=sil ##=sil _=sil h#=sil brth=sil"
# The phone sets of the voices, whose own names for sounds are folded into the inventory.
_CZECH = _table(
    f"{_PAUSES} a b d e f h i j k l m n o p s t u v z a:=a e:=e i:=i o:=o u:=u c=t+s c~=tʃ ch=x "
    "d~=ɡ dz=d+z dz~=dʒ g=ɡ n*=ŋ n~=n r=r r~=r+ʒ r~*=r+ʃ s~=ʃ t~=k z~=ʒ"
)
_FINNISH = _table(
    f"{_PAUSES} a e i o u y b d f h j k l m n p s t v w z @=ə 7=ø &=æ g=ɡ T=θ D=ð S=ʃ Z=ʒ N=ŋ L=l"
    " r=r"
)
_ITALIAN = _table(
    f"{_PAUSES} a e i o u j w p t k b d f s v z m n l r g=ɡ E=ɛ O=ɔ S=ʃ Z=ʒ ts=t+s tS=tʃ dz=d+z"
    " dZ=dʒ J=n ng=ŋ nf=n L=l"
)
_CATALAN = _table(
    f"{_PAUSES} a e i o u b d f j k l m n p r s t w z ax=ə E=ɛ O=ɔ J=n L=l rr=r g=ɡ S=ʃ Z=ʒ"
)
_RUSSIAN = _table(
    "pau=sil i=i y=ɨ u=u e=ɛ o=ɔ a=a ae=ə ay=ə ur=ʊ p b t d k g=ɡ c=t+s ch=tʃ f v s z sh=ʃ sch=ʃ "
    "zh=ʒ h=x m n l r j"
)


@dataclass(frozen=True, slots=True)
class FestivalVoice:
    """One voice: its name in Festival, its Debian package, what it reads, its phones."""

    name: str
    package: str
    language: str
    phones: Table | None = None  # ARPAbet when None


VOICES = (
    FestivalVoice("kal_diphone", "festvox-kallpc16k", "en"),
    FestivalVoice("ked_diphone", "festvox-kdlpc16k", "en"),
    FestivalVoice("cmu_us_slt_arctic_hts", "festvox-us-slt-hts", "en"),
    FestivalVoice("czech_dita", "festvox-czech-dita", "cs", _CZECH),
    FestivalVoice("czech_krb", "festvox-czech-krb", "cs", _CZECH),
    FestivalVoice("czech_machac", "festvox-czech-machac", "cs", _CZECH),
    FestivalVoice("czech_ph", "festvox-czech-ph", "cs", _CZECH),
    FestivalVoice("hy_fi_mv_diphone", "festvox-suopuhe-mv", "fi", _FINNISH),
    FestivalVoice("suo_fi_lj_diphone", "festvox-suopuhe-lj", "fi", _FINNISH),
    FestivalVoice("lp_diphone", "festvox-italp16k", "it", _ITALIAN),
    FestivalVoice("pc_diphone", "festvox-itapc16k", "it", _ITALIAN),
    FestivalVoice("upc_ca_ona_hts", "festvox-ca-ona-hts", "ca", _CATALAN),
    FestivalVoice("msu_ru_nsh_clunits", "festvox-ru", "ru", _RUSSIAN),
)


VOICE_FOLDER = Path("/usr/share/festival/voices")


def installed(voice: FestivalVoice) -> bool:
    """Whether this machine has the voice."""
    return any(VOICE_FOLDER.glob(f"*/{voice.name}"))


def fold(symbol: str, table: Table | None) -> tuple[str, ...] | None:
    """Phones of one of a voice's symbols; length, stress and palatalisation are dropped."""
    if table is None:
        return of_arpabet(symbol)
    if symbol in table:
        return table[symbol]
    plain = symbol.rstrip(":1")
    if plain not in table and len(plain) == 2 and plain[0] == plain[1]:
        plain = plain[0]
    return table.get(plain)


def _quoted(text: str) -> str:
    return text.replace("\\", " ").replace('"', " ")


def festival(
    voice: FestivalVoice, texts: Sequence[str], stretch: float = 1.0
) -> Iterator[Utterance | None]:
    """Each of `texts` by `voice`, in one process; None for what it could not say.

    stretch: factor on every duration.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [f"(voice_{voice.name})", f"(Parameter.set 'Duration_Stretch {stretch})"]
        for i, text in enumerate(texts):
            lines.append(
                f'(unwind-protect (let ((u (utt.synth (Utterance Text "{_quoted(text)}")))) '
                f'(utt.save.segs u "{folder}/{i}.segs") '
                f'(utt.save.wave u "{folder}/{i}.wav" \'riff)))'
            )
        script = folder / "say.scm"
        script.write_bytes("\n".join(lines).encode(_encoding(voice), "ignore"))
        subprocess.run(["festival", "-b", str(script)], capture_output=True, timeout=300)
        for i in range(len(texts)):
            yield read_spoken(folder / f"{i}.wav", folder / f"{i}.segs", voice.phones)


def _encoding(voice: FestivalVoice) -> str:
    return {"cs": "iso-8859-2", "ru": "utf-8"}.get(voice.language, "iso-8859-1")


def read_spoken(sound: Path, segments: Path, table: Table | None) -> Utterance | None:
    """What Festival wrote: a wave file, and lines of end time, a colour and a symbol."""
    if not sound.exists() or not segments.exists():
        return None
    with wave.open(str(sound)) as file:
        rate = file.getframerate()
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    phones: list[Phone] = []
    time = 0.0
    for line in segments.read_text(encoding="latin-1").splitlines():
        parts = line.split()
        if len(parts) != 3:
            continue
        names = fold(parts[2], table)
        if names is None:
            return None
        end = min(float(parts[0]), len(pcm) / rate)
        if end > time:
            phones += split(time, end, names)
            time = end
    if len(phones) < 3:
        return None
    if time < len(pcm) / rate:
        phones.append(Phone(time, len(pcm) / rate, SIL))
    return Utterance(to_mono_16k(pcm, rate), phones)
