"""A short-lived certificate authority, RSA with 2,048 bits as at AWS."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def make(folder: Path) -> tuple[Path, Path, bytes]:
    """Writes a certificate for localhost, its key, and the certificate of the authority that signed it."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)

    def build(name: str, issuer: x509.Name | None, public, signer, *extensions) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256())

    authority_key = rsa.generate_private_key(65537, 2048)
    may_sign = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    authority = build(
        "bench authority",
        None,
        authority_key.public_key(),
        authority_key,
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (may_sign, True),
    )
    key = rsa.generate_private_key(65537, 2048)
    leaf = build(
        "localhost",
        authority.subject,
        key.public_key(),
        authority_key,
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False),
    )
    pem = serialization.Encoding.PEM
    chain_file = folder / "localhost.pem"
    key_file = folder / "localhost.key"
    chain_file.write_bytes(leaf.public_bytes(pem))
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain_file, key_file, authority.public_bytes(pem)
