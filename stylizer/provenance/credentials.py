"""C2PA content credentials, where the optional package `c2pa-python` is installed; without it nothing happens.

The signing key is made for one picture and thrown away: a key that stayed would tie all pictures of one person
together. So the credentials show that the picture was not changed since, and by what it was made; not by whom, and
validators call the signer unknown. Neither signing nor reading asks the network.

Source: C2PA technical specification 2.1, certificate profile (14.5) and digital source types (18.15).
"""

import io
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

log = logging.getLogger(__name__)

_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},  # a second, unmarked copy of the picture
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}
_EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"  # the purpose that C2PA asks of signers' certificates
_YEARS = 10


def sign(data: bytes, mime: str, generator: Mapping[str, str], source_type: str) -> bytes:
    """Put content credentials into a picture file.

    Args:
        data: of the file. mime: image/png, image/jpeg or image/webp.
        generator: name and version of the program.
        source_type: IPTC's address of how the picture came about.
    Returns:
        The file with credentials; as it was where the package is missing, or fails (with a logged warning).
    """
    c2pa = _library()
    if c2pa is None:
        return data
    made = {"action": "c2pa.created", "digitalSourceType": source_type, "softwareAgent": dict(generator)}
    manifest = {
        "claim_generator_info": [dict(generator)],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [made]}}],
    }
    signed = io.BytesIO()
    try:
        chain, key = _certificate(generator["name"])
        signer = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None)
        builder = c2pa.Builder(json.dumps(manifest), context=c2pa.Context.from_dict(_SETTINGS))
        builder.sign(c2pa.Signer.from_info(signer), mime, io.BytesIO(data), signed)
    except Exception as error:  # a picture must not be lost over its credentials
        log.warning("The picture has no content credentials: %s.", " ".join(str(error).split()))
        return data
    return signed.getvalue()


def verify(data: bytes, mime: str, name: str) -> bool | None:
    """Whether a picture file is as the program of this name signed it.

    Returns:
        None: it has no credentials by that program, or the package is missing.
    """
    c2pa = _library()
    if c2pa is None:
        return None
    try:
        reader = c2pa.Reader.try_create(mime, io.BytesIO(data), context=c2pa.Context.from_dict(_SETTINGS))
        manifest = reader.get_active_manifest() if reader else None
        if not manifest or all(info.get("name") != name for info in manifest.get("claim_generator_info", [])):
            return None
        return str(reader.get_validation_state()) in ("Valid", "Trusted")
    except Exception:  # what cannot be read says nothing
        return None


def _library() -> Any:
    try:
        return import_module("c2pa")
    except (ImportError, OSError):  # OSError: its native part does not fit this system
        return None


def _certificate(name: str) -> tuple[bytes, bytes]:
    """A chain of two certificates, as C2PA takes none that signed itself, and the key of the first; all PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = _signed(name, leaf, root, is_root=False) + _signed(name, root, root, is_root=True)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return chain, leaf.private_bytes(*form)


def _signed(name: str, key: Any, issuer_key: Any, *, is_root: bool) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    def called(what: str) -> x509.Name:
        parts = ((NameOID.ORGANIZATION_NAME, name), (NameOID.COMMON_NAME, f"{name} {what}"))
        return x509.Name([x509.NameAttribute(*part) for part in parts])

    uses = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    usage = x509.KeyUsage(
        digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, decipher_only=False, **uses
    )
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(called("one-time root"), called("one-time root" if is_root else "one picture"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not is_root:
        purpose = x509.ExtendedKeyUsage([x509.ObjectIdentifier(_EMAIL_PROTECTION)])
        builder = builder.add_extension(purpose, critical=True)
    return bytes(builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
