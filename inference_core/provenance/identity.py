# SPDX-License-Identifier: GPL-3.0-or-later
"""The key and certificates that this user's files are signed with, made at the first use.

One file in the user's configuration folder, readable by the user alone; never in a .blend or a
zip. A certificate that one makes oneself says "the same hand as before", not who that hand is:
verifiers call its signer unknown unless they were told to trust it.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

FILE = "signing.pem"
FOLDER_VARIABLE = "SPEAK_CONFIG"  # another folder than the user's own, for tests and farms
ORGANISATION = "SPEAK for Blender"
YEARS = 25
KEY_HEAD = b"-----BEGIN PRIVATE KEY-----"
CERTIFICATE_HEAD = b"-----BEGIN CERTIFICATE-----"


class NoIdentityError(Exception):
    """There is no key to sign with, in a few words."""


@dataclass(frozen=True)
class Identity:
    """PEM texts: the private key, and the certificates from the signer's to the root's."""

    key: bytes = field(repr=False)
    certificates: bytes

    @property
    def own_certificate(self) -> bytes:
        """The signer's certificate alone; who trusts the root needs no more, and it is short."""
        return self.certificates[: self.certificates.rfind(CERTIFICATE_HEAD)]

    @property
    def root(self) -> bytes:
        """The last certificate: whoever trusts it trusts what is signed here."""
        return CERTIFICATE_HEAD + self.certificates.rpartition(CERTIFICATE_HEAD)[2]


def folder() -> Path:
    """The user's configuration folder for this product; it need not exist."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
        return Path(base) / "speak-for-blender"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "speak-for-blender"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "speak-for-blender"


def own(create: bool = True) -> Identity:
    """The user's identity, made when there is none yet. NoIdentityError says what is missing."""
    path = folder() / FILE
    try:
        if create and not path.exists():
            _write_new(path, _made())
        text = path.read_bytes()
    except FileNotFoundError:
        raise NoIdentityError("nothing has been signed on this computer yet") from None
    except OSError as error:
        raise NoIdentityError(
            f"the configuration folder cannot be used: {error.strerror}"
        ) from None
    key_at, chain_at = text.find(KEY_HEAD), text.find(CERTIFICATE_HEAD)
    if not 0 <= key_at < chain_at:
        raise NoIdentityError(f"{FILE} in the configuration folder is damaged")
    return Identity(text[key_at:chain_at], text[chain_at:])


def _write_new(path: Path, text: bytes) -> None:
    """Write the file whole, for the user alone, unless another process was first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent)  # made with 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
        with contextlib.suppress(FileExistsError):
            try:
                os.link(name, path)
            except (OSError, AttributeError) as error:
                if isinstance(error, FileExistsError):
                    raise
                if not path.exists():  # a file system without links
                    os.replace(name, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


def _made() -> bytes:
    """A new key with its certificate, and the root that signed it, whose key is thrown away."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError:
        raise NoIdentityError("the Python package cryptography is not installed") from None

    now = datetime.datetime.now(datetime.UTC)
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    print_of_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]

    def name(common: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )

    # No name of the user or the computer: a signed frame tells nobody who made it.
    root_name, own_name = name(f"own root {print_of_key}"), name(f"own key {print_of_key}")

    def certificate(
        subject: x509.Name, public: ec.EllipticCurvePublicKey, root: bool
    ) -> x509.Certificate:
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            # Clocks of other computers may be behind.
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
            .add_extension(x509.BasicConstraints(root, None), True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not root, key_cert_sign=root, crl_sign=root, **usage
                ),
                True,
            )
            .add_extension(identifier, False)
            .add_extension(issuer, False)
        )
        if not root:
            # C2PA asks for a purpose; of those that it takes, this one fits a person.
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, False)
        return builder.sign(root_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain = (
        certificate(own_name, key.public_key(), root=False),
        certificate(root_name, root_key.public_key(), root=True),
    )
    return secret + b"".join(one.public_bytes(pem) for one in chain)
