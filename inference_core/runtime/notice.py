# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user should know though the work went on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inference_core.protocol.errors import TABLE, wording


@dataclass(frozen=True)
class Notice:
    """A code of the table of errors and what its sentence needs."""

    code: str
    args: Mapping[str, str | int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in TABLE:
            raise ValueError(f"{self.code!r} is not in the table of errors")

    @property
    def sentence(self) -> str:
        """What happened."""
        return wording(self.code, self.args).sentence

    @property
    def hint(self) -> str:
        """What can be done."""
        return wording(self.code, self.args).hint
