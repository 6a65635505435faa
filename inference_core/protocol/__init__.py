# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender and the core say to each other.

Standard library only and relative imports only: Blender imports this package inside the
extension (`bl_ext.<repository>.speak.inference_core.protocol`), the core as
`inference_core.protocol`.

controls      the control table: everything an animator can key
errors        SpeakError and the table of codes, sentences and hints
messages      the requests and events, field by field, with their limits
wire          messages as bytes: capped JSON header, raw blobs of declared dtype and shape
channel       sockets and pipes as one kind of byte stream
handshake     magic, version and mutual proof of the token
core_process  a core as a child process: environment, token, lease
client        the caller's side: connect, send, poll
version       the version of the link
"""
