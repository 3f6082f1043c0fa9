"""C2PA content credentials: a signed statement inside each recording of how it was made.

C2PA 2.x (https://c2pa.org), by ``c2pa-python``. The statement says that the recording was created
as a composite with generated parts, or captured and covered; no name, no place, no time. Without an
institution's certificate an own one signs, which proves that nothing changed since, not who signed.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.atomic import explain
from framework.errors import ComponentError, ConfigError, MediaError
from framework.reading import why_unreadable

SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
CAPTURED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".avi": "video/avi",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
"""Containers that can hold the statement."""
STATEMENT = "org.clinical-empathy-framework.release"
_GENERATOR = {"name": "clinical-empathy-framework", "version": "1"}
_SETTINGS = {
    "core": {"allowed_network_hosts": []},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
    "builder": {"thumbnail": {"enabled": False}},
}
"""Nothing is asked of the network, and no picture of the recording is put into the statement."""


@dataclass(frozen=True)
class SigningKey:
    """What signs.

    Attributes:
        chain: certificates, PEM, the signer's first.
        key: private key, PEM.
        algorithm: as C2PA names it, for instance ``ed25519``.
        own: whether we made it, so that nobody but us vouches for it.
    """

    chain: bytes
    key: bytes
    algorithm: str
    own: bool


@dataclass(frozen=True)
class Credential:
    """What a recording says of itself.

    Attributes:
        state: ``Valid`` or ``Trusted`` if signature and content agree, ``Invalid`` if not, or
            ``missing``.
        source_type: IPTC digital source type; empty if there is none.
        signer: who signed, as the certificate says.
    """

    state: str
    source_type: str
    signer: str

    @property
    def valid(self) -> bool:
        return self.state in ("Valid", "Trusted")


def can_hold(path: Path) -> bool:
    """Whether the container can hold a statement."""
    return path.suffix.lower() in TYPES


def load_key(certificate: Path, private_key: Path) -> SigningKey:
    """An institution's certificate and key.

    Raises:
        ConfigError: one cannot be read, or is of no kind that C2PA allows.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        chain, key = certificate.read_bytes(), private_key.read_bytes()
    except OSError as error:
        raise ConfigError(f"certificate or private_key: {why_unreadable(error)}") from None
    try:
        loaded = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError):
        raise ConfigError("private_key: expected an unencrypted PEM key in PKCS #8") from None
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    elif isinstance(loaded, ec.EllipticCurvePrivateKey):
        algorithm = {256: "es256", 384: "es384", 521: "es512"}.get(loaded.curve.key_size, "")
    elif isinstance(loaded, rsa.RSAPrivateKey):
        algorithm = "ps256"
    else:
        algorithm = ""
    if not algorithm:
        raise ConfigError("private_key: expected Ed25519, ECDSA (P-256, P-384, P-521) or RSA")
    return SigningKey(chain, key, algorithm, own=False)


def own_key(folder: Path) -> SigningKey:
    """This study's own test certificate; made when it is first asked for.

    Raises:
        ComponentError: ``cryptography`` is not installed.
        MediaError: it cannot be written.
    """
    chain, key = folder / "signing-certificate.pem", folder / "signing-key.pem"
    if not (chain.is_file() and key.is_file()):
        made_chain, made_key = _make()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(made_key)
            chain.write_bytes(made_chain)
        except OSError as error:
            raise MediaError(f"cannot write the test certificate: {explain(error)}") from None
    return SigningKey(chain.read_bytes(), key.read_bytes(), "ed25519", own=True)


def _make() -> tuple[bytes, bytes]:
    """A root and a signer below it, as C2PA's certificate profile asks for."""
    _need("cryptography")
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    root_key, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

    def name(common: str) -> Any:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, common),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test certificate, not vouched for"),
            ]
        )

    def certificate(subject: Any, public: Any, root: bool) -> Any:
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(name("clinical-empathy-framework test root"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2056, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not root, key_cert_sign=root, crl_sign=root, **usage
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
                critical=False,
            )
        )
        if not root:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            )
        return builder.sign(root_key, None)

    pem = serialization.Encoding.PEM
    chain = [
        certificate(name("clinical-empathy-framework test signer"), key.public_key(), False),
        certificate(name("clinical-empathy-framework test root"), root_key.public_key(), True),
    ]
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return b"".join(c.public_bytes(pem) for c in chain), private


def statement(title: str, synthetic: bool, sentence: str, seed: bytes) -> dict[str, Any]:
    """The manifest to be signed.

    Args:
        title: name of the released file.
        synthetic: whether generated faces are shown.
        sentence: how it was covered.
        seed: 16 bytes from which its identifiers follow, so that they say nothing.
    """
    identifier = uuid.UUID(bytes=seed, version=4)
    action: dict[str, Any] = {
        "action": "c2pa.created",
        "digitalSourceType": SYNTHETIC if synthetic else CAPTURED,
        "description": sentence,
    }
    actions = [action]
    if not synthetic:
        actions.append({"action": "c2pa.edited", "description": sentence})
    return {
        "claim_generator_info": [_GENERATOR],
        "title": title,
        "label": f"urn:c2pa:{identifier}",
        "instance_id": f"xmp:iid:{identifier}",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {
                "label": STATEMENT,
                "data": {"synthetic_faces": synthetic, "statement": sentence},
                "kind": "Json",
            },
        ],
    }


def sign(source: Path, target: Path, manifest: Mapping[str, Any], key: SigningKey) -> None:
    """Write a signed copy of a recording.

    Raises:
        ComponentError: ``c2pa-python`` is not installed.
        ConfigError: the certificate is refused.
        MediaError: the recording cannot be read or written.
    """
    c2pa = _need("c2pa")
    algorithm = getattr(c2pa.C2paSigningAlg, key.algorithm.upper())
    try:
        info = c2pa.C2paSignerInfo(algorithm, key.chain, key.key, None)
        signer = c2pa.Signer.from_info(info)
        context = c2pa.Context.from_dict(_SETTINGS)
        with (
            c2pa.Builder(json.dumps(manifest), context) as builder,
            source.open("rb") as reading,
            target.open("w+b") as writing,
        ):
            builder.sign(signer, TYPES[source.suffix.lower()], reading, writing)
    except c2pa.C2paError as error:
        target.unlink(missing_ok=True)
        raise ConfigError(
            f"signing failed ({error}); check that certificate and private_key belong together and "
            f"fit C2PA's certificate profile"
        ) from None
    except OSError as error:
        target.unlink(missing_ok=True)
        raise MediaError(f"cannot write {target.name}: {explain(error)}") from None


def read_credential(path: Path) -> Credential:
    """What a recording says of itself, checked against its content.

    Raises:
        ComponentError: ``c2pa-python`` is not installed.
    """
    c2pa = _need("c2pa")
    try:
        with path.open("rb") as handle:
            context = c2pa.Context.from_dict(_SETTINGS)
            with c2pa.Reader(TYPES[path.suffix.lower()], handle, context=context) as reader:
                state = str(reader.get_validation_state())
                active = reader.get_active_manifest() or {}
    except c2pa.C2paError as error:
        kind = "missing" if "ManifestNotFound" in f"{type(error).__name__} {error}" else "Invalid"
        return Credential(kind, "", "")
    source = next(
        (
            action["digitalSourceType"]
            for assertion in active.get("assertions", ())
            if assertion.get("label", "").startswith("c2pa.actions")
            for action in assertion.get("data", {}).get("actions", ())
            if "digitalSourceType" in action
        ),
        "",
    )
    signer = active.get("signature_info", {}).get("common_name", "")
    return Credential(state, str(source), str(signer))


def _need(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise ComponentError(
            "content credentials need c2pa-python and cryptography; run: pip install "
            "'clinical-empathy-framework[release]' (or set credentials: none in release.yaml)"
        ) from None
