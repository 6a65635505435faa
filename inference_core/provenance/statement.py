# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mark says: the same words in the C2PA manifest and in the IPTC note."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import asdict, dataclass
from typing import Any

from inference_core import __version__
from inference_core.protocol.consent import UNSTATED

GENERATOR = "SPEAK for Blender"
FRAME, FILM = "org.speak-for-blender.frame", "org.speak-for-blender.film"
# IPTC's term for what is put together from pictures and what a trained model made: the
# portrait's own pixels stay around the generated square.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
WATERMARK = "speak-1"

XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    f' Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)


@dataclass(frozen=True)
class FrameFacts:
    """What a frame was made from. `portrait` is the SHA-256 of its file."""

    key: str
    pack: str
    pack_version: str
    pack_sha256: str
    portrait: str
    consent: str = UNSTATED
    watermark: str = WATERMARK


def frame_manifest(facts: FrameFacts) -> dict[str, Any]:
    """The C2PA manifest of a frame, as c2pa's builder takes it."""
    return _manifest(f"frame {facts.key}", "frame", "image/png", FRAME, asdict(facts))


def film_manifest(title: str, mime: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The C2PA manifest of what was rendered from frames."""
    return _manifest(f"{title} {facts}", title, mime, FILM, facts)


def _manifest(
    unique: str, title: str, mime: str, label: str, facts: dict[str, Any]
) -> dict[str, Any]:
    # Named after what it is about instead of at random.
    number = uuid.UUID(bytes=hashlib.sha256(unique.encode()).digest()[:16], version=4)
    agent = {"name": GENERATOR, "version": __version__}
    made = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}
    return {
        "label": f"urn:c2pa:{number}",
        "instance_id": f"xmp:iid:{number}",
        "title": title,
        "format": mime,
        "claim_generator_info": [agent],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [made]}},
            {"label": label, "data": facts},
        ],
    }
