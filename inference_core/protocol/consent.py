# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user states about the person in a portrait: one table for both sides of the link."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Consent:
    """One statement: how it is called where one chooses it, and what it says."""

    label: str
    meaning: str


UNSTATED = "unstated"
CONSENTS: Mapping[str, Consent] = {
    UNSTATED: Consent("Not Stated", "Nothing has been said about the person in the portrait"),
    "agreed": Consent("Agreed", "A real person who agreed to be shown speaking"),
    "self": Consent("Myself", "The person in the portrait is the one who makes this"),
    "public_domain": Consent("Public Domain", "A work of art, or a picture, in the public domain"),
    "nobody": Consent("Nobody Real", "Drawn, rendered or invented; not a real person"),
}
