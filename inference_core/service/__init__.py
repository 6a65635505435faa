# SPDX-License-Identifier: GPL-3.0-or-later
"""The core as a process: a small control process that always answers, and a worker it can kill.

main        `python -m inference_core serve`: token, log, lease, and the parts below put together
listener    the Unix socket or loopback port, and who gets past the handshake
admission   what a request must look like to be let in
session     one client: its requests in, its events out
scheduler   the queue, the job that runs, cancelling, the worker's life
inputs      portraits and voices kept so that a new worker can be given them again
worker_link the control process's end of a worker process
worker      the worker process: runs the engine, one job at a time
log_file    everything that either process prints, in one file of limited size
"""
