"""Reasons for a refused certificate, with its names or dates."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ldirectord_py.runtime.text import as_bytes, printable

MAX_NAMES = 3
"""Names of a certificate in a reason."""

MAX_NAME = 80
"""Bytes of a name in a reason."""

Certificate = Mapping[str, Any]
"""A certificate in the form of ``ssl.SSLSocket.getpeercert``."""


class VerifyingSSLObject(ssl.SSLObject):
    """A TLS connection whose errors name the refused certificate in ``verify_message``."""

    def do_handshake(self) -> None:
        """Continue the handshake; raises ssl.SSLError."""
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            error.verify_message = self._refusal(error)
            raise

    def _refusal(self, error: ssl.SSLCertVerificationError) -> str:
        try:
            return refusal(error, self._chain(), self.server_hostname or "")
        except (ValueError, KeyError, ssl.SSLError):  # ssl cannot describe the certificate
            return _other(error)

    def _chain(self) -> Sequence[Certificate]:
        """Return the chain that the server sent, its own certificate first.

        Python offers a refused certificate nowhere else.
        """
        inner: Any = getattr(self, "_sslobj", None)
        if not hasattr(inner, "get_unverified_chain"):
            return ()
        return [certificate.get_info() for certificate in inner.get_unverified_chain() or ()]


def refusal(error: ssl.SSLCertVerificationError, chain: Sequence[Certificate], name: str) -> str:
    """Return the reason why OpenSSL refuses the chain for a server with this name."""
    said = _REASONS.get(error.verify_code)
    return said(chain, name) if said else _other(error)


def _other(error: ssl.SSLCertVerificationError) -> str:
    return f"certificate refused: {error.verify_message}"


def _expired(chain: Sequence[Certificate], _: str) -> str:
    return _out_of_time(chain, "notAfter", "expired", lambda when: when < time.time())


def _not_yet_valid(chain: Sequence[Certificate], _: str) -> str:
    return _out_of_time(chain, "notBefore", "not valid before", lambda when: when > time.time())


def _out_of_time(chain: Sequence[Certificate], key: str, words: str, wrong: Callable[[float], bool]) -> str:
    """Return the first certificate of the chain outside its validity, with the date."""
    for depth, certificate in enumerate(chain):
        when = ssl.cert_time_to_seconds(certificate[key])
        if wrong(when):
            name = "certificate of the issuer" if depth else "certificate"
            return f"{name} {words} {time.strftime('%Y-%m-%d', time.gmtime(when))}"
    return "certificate of the issuer is out of its time"


def _unknown(*_: object) -> str:
    return "certificate of an unknown issuer"


def _self_signed(*_: object) -> str:
    return "certificate is self-signed"


def _mismatch(chain: Sequence[Certificate], name: str) -> str:
    names = _names(chain[0]) if chain else []
    shown = ", ".join(printable(as_bytes(each)[:MAX_NAME]) for each in names[:MAX_NAMES])
    shown += ", ..." if len(names) > MAX_NAMES else ""
    return f"certificate is for {shown or 'another name'}, not {name}"


def _names(certificate: Certificate) -> list[str]:
    """Return the alternative names of a certificate, or else the names of its subject."""
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind in {"DNS", "IP Address"}]
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    return names or [value for kind, value in subject if kind == "commonName"]


# The codes of OpenSSL's X509_verify_cert.
_REASONS: Mapping[int, Callable[[Sequence[Certificate], str], str]] = {
    2: _unknown,  # UNABLE_TO_GET_ISSUER_CERT
    9: _not_yet_valid,  # CERT_NOT_YET_VALID
    10: _expired,  # CERT_HAS_EXPIRED
    18: _self_signed,  # DEPTH_ZERO_SELF_SIGNED_CERT
    19: _unknown,  # SELF_SIGNED_CERT_IN_CHAIN
    20: _unknown,  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: _unknown,  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
    62: _mismatch,  # HOSTNAME_MISMATCH
    64: _mismatch,  # IP_ADDRESS_MISMATCH
}
