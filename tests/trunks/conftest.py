"""Certificates of our own, made once."""

import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gevent import ssl


class Authority:
    """Signs certificates for 127.0.0.1 or another name, valid for so many days."""

    def __init__(self, folder):
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
        self.file = folder / "cafile.pem"
        self._write(self.file, self._sign(self._name, self._key.public_key(), 3650, x509.BasicConstraints(True, None)))

    def context(self, days=365, name=None):
        """A server's context with such a certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge of the tests")])
        who = x509.DNSName(name) if name else x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        made = self._sign(subject, key.public_key(), days, x509.SubjectAlternativeName([who]))
        path = self._folder / f"server{days}{name}.pem"
        self._write(path, made, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(self, subject, public_key, days, extension):
        now = datetime.datetime.now(datetime.timezone.utc)
        begin = min(now, now + datetime.timedelta(days=days)) - datetime.timedelta(days=2)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(public_key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin)
        builder = builder.not_valid_after(now + datetime.timedelta(days=days)).add_extension(extension, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    @staticmethod
    def _write(path, made, key=None):
        text = made.public_bytes(serialization.Encoding.PEM)
        if key:
            text += key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption())
        path.write_bytes(text)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))
