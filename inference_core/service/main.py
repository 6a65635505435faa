# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m inference_core serve`: the control process.

The parent writes the token, 32 bytes, to stdin and keeps that pipe open: it is the lease. One
line of JSON on stdout says where the core listens. After the token, stdin and stdout carry the
same frames as the socket, for machines where no socket can be used; end-of-file on stdin, from
whatever cause, ends the core.

With `--shared` nobody is its parent: it makes its own token, says in a file that only its user can
read where it is (`protocol.rendezvous`), and runs until it is interrupted.
"""

import argparse
import contextlib
import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from inference_core import __version__
from inference_core.protocol.channel import ChannelClosed, PipeChannel
from inference_core.protocol.handshake import TOKEN_BYTES, make_token
from inference_core.protocol.rendezvous import Record, publish
from inference_core.protocol.version import PROTOCOL_VERSION

from .listener import TRANSPORTS, Address, Door, open_address
from .log_file import log, open_log
from .scheduler import GRACE, IDLE, Scheduler

DEFAULT_PACK = Path(__file__).resolve().parent.parent / "packs" / "default"


def serve(argv: Sequence[str] | None = None, worker: str = "inference_core.service.worker") -> int:
    """Serve until the parent is gone; `worker` is the module that is run as the worker."""
    options = _parse(argv)
    if options.shared:
        return _serve_shared(options, worker)
    if sys.stdin is None or sys.stdin.isatty():
        print(
            "The core is started by Blender. To start one that Blender can choose in the add-on's "
            "preferences, use serve --shared.",
            file=sys.stderr,
        )
        return 2
    stdio = PipeChannel(os.dup(0), os.dup(1))
    open_log(options.log)
    log.info("core %s, link version %d, process %d", __version__, PROTOCOL_VERSION, os.getpid())
    try:
        token = bytes(stdio.read(TOKEN_BYTES))
    except ChannelClosed:
        log.error("no token came")
        return 2
    scheduler = _scheduler(options, worker)
    try:
        address = open_address(options.transport)
    except OSError:
        log.exception("cannot listen")
        scheduler.stop()
        return 1
    _until_leaving(address, stdio, Door(token, scheduler))
    log.info("the lease has ended")
    scheduler.stop()
    address.close()
    # Threads may be waiting in the system or in a library; none of them has anything to save.
    os._exit(0)


def _scheduler(options: argparse.Namespace, worker: str) -> Scheduler:
    command = [sys.executable, "-m", worker, "--pack", str(options.pack)]
    if options.threads is not None:
        command += ["--threads", str(options.threads)]
    scheduler = Scheduler(command, options.idle, options.grace)
    scheduler.start()
    return scheduler


def _serve_shared(options: argparse.Namespace, worker: str) -> int:
    """Serve any program of this user, one at a time, until interrupted."""
    try:
        text = (options.pack / "pack.json").read_bytes()
        about = json.loads(text)
        pack, version = str(about["id"]), str(about["version"])
    except (OSError, ValueError, KeyError, TypeError):
        print("There is no model pack in the folder that --pack names.", file=sys.stderr)
        return 2
    leaving = threading.Event()
    for name in ("SIGTERM", "SIGHUP", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: leaving.set())
    said = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    open_log(options.log)
    log.info("core %s, link version %d, process %d", __version__, PROTOCOL_VERSION, os.getpid())
    token = make_token()
    scheduler = _scheduler(options, worker)
    try:
        address = open_address("auto" if options.transport == "stdio" else options.transport)
        if address.sock is None:
            raise OSError("neither a Unix socket nor a loopback port can be had")
        record = Record(
            os.getpid(), address.transport, address.text, PROTOCOL_VERSION, __version__, pack,
            version, hashlib.sha256(text).hexdigest(), time.time(), token=token.hex(),
        )  # fmt: skip
        Door(token, scheduler).serve(address.sock)
        path = publish(record)
    except OSError as error:
        log.exception("cannot be shared")
        print(f"The core cannot be shared: {error}.", file=said, flush=True)
        scheduler.stop()
        return 1
    print(
        f"Core {__version__} with pack {pack} {version} runs as {record.name}. Choose it in the "
        "add-on's preferences; Ctrl-C ends it.",
        file=said,
        flush=True,
    )
    while not leaving.wait(1.0):  # a plain wait cannot be interrupted on Windows
        pass
    log.info("interrupted")
    path.unlink(missing_ok=True)
    scheduler.stop()
    address.close()
    os._exit(0)


def _until_leaving(address: Address, stdio: PipeChannel, door: Door) -> None:
    leaving = threading.Event()

    def lease() -> None:
        # Waits in the handshake until the parent speaks here or is gone.
        door.answer(stdio)
        leaving.set()

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: leaving.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for the parent
    threading.Thread(target=lease, name="lease", daemon=True).start()
    if address.sock is not None:
        door.serve(address.sock)
    where = {"transport": address.transport, "address": address.text}
    line = {**where, "protocol": PROTOCOL_VERSION, "core": __version__, "pid": os.getpid()}
    with contextlib.suppress(ChannelClosed):
        stdio.write(json.dumps(line).encode("ascii") + b"\n")
    log.info("listening (%s)", address.transport)
    while not leaving.wait(3600):
        pass


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m inference_core serve",
        description="Serve one program on this machine, which starts this process and gives it a "
        "token on stdin; or, with --shared, whichever program of this user connects.",
    )
    parser.add_argument(
        "--shared",
        action="store_true",
        help="run until interrupted, to be chosen in the add-on's preferences",
    )
    parser.add_argument("--transport", choices=TRANSPORTS, default="auto")
    parser.add_argument("--log", type=Path, help="file for everything that the core prints")
    parser.add_argument("--pack", type=Path, default=DEFAULT_PACK, help="folder of the model pack")
    parser.add_argument("--threads", type=int, help="threads of the networks")
    parser.add_argument(
        "--idle", type=float, default=IDLE, help="seconds after which unused memory is given back"
    )
    parser.add_argument(
        "--grace", type=float, default=GRACE, help="seconds in which a cancelled job has to stop"
    )
    return parser.parse_args(argv)
