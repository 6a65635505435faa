# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core COMMAND`: the command line, one module per command."""

import sys
from importlib.util import find_spec

if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        # The control process has options of its own and loads nothing of the runtime.
        from inference_core.service.main import serve

        sys.exit(serve(sys.argv[2:]))

    if sys.argv[1:2] == ["evaluate"]:
        # What measures a pack is built on the runtime, and not in the extension's zip.
        if find_spec("inference_core.evaluation") is None:
            sys.exit("error: evaluate is part of the source, not of the installed extension.")
        from inference_core.evaluation.command import main as evaluate

        sys.exit(evaluate(sys.argv[2:]))

    if sys.argv[1:2] == ["bench"]:
        if find_spec("inference_core.bench") is None:
            sys.exit("error: bench is part of the source, not of the installed extension.")
        from inference_core.bench.command import main as bench

        sys.exit(bench(sys.argv[2:]))

    from inference_core.runtime.cli import main

    sys.exit(main())
