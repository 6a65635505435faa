# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker of the core with an engine that takes its time: the real one, slowed down."""

import time
from collections.abc import Iterator
from typing import Any

from inference_core.runtime.engine import Engine
from inference_core.service.worker import run

FRAME_SECONDS = 0.1


class SlowEngine(Engine):
    """Each frame takes at least a tenth of a second."""

    def generate(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """As the real engine, slowly."""
        for frame in super().generate(*args, **kwargs):
            time.sleep(FRAME_SECONDS)
            yield frame


if __name__ == "__main__":
    run(make=SlowEngine)
