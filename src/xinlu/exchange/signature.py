"""Signed bodies: whoever holds the signing key says that this method, path and body left him, now, and once.

The text that is signed has five lines::

    METHOD
    path, with the query as it was sent
    digest of the body, hexadecimal, by the hash of the algorithm
    timestamp: seconds since 1970
    nonce

and the signature is its HMAC in hexadecimal. Nothing here asks a clock or the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives import constant_time, hashes, hmac

from xinlu.exchange.refusal import Refused

WINDOW = timedelta(minutes=5)
"""How far the clocks of both sides may be apart; after twice as long a nonce can be forgotten."""
ALGORITHMS: Mapping[str, type[hashes.HashAlgorithm]] = {"HMAC-SM3": hashes.SM3, "HMAC-SHA256": hashes.SHA256}
HEADERS = ("X-Sign-Alg", "X-Timestamp", "X-Nonce", "X-Signature")

_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SECONDS = re.compile(r"[0-9]{9,11}")


@dataclass(frozen=True)
class Signed:
    """The four headers of a signed request."""

    algorithm: str
    timestamp: str
    nonce: str
    signature: str

    @property
    def headers(self) -> dict[str, str]:
        """The same as headers, for whoever sends."""
        return dict(zip(HEADERS, (self.algorithm, self.timestamp, self.nonce, self.signature), strict=True))


def text_to_sign(*, algorithm: str, method: str, path: str, body: bytes, timestamp: str, nonce: str) -> bytes:
    """The five lines.

    >>> print(text_to_sign(algorithm="HMAC-SHA256", method="post", path="/a?b=1", body=b"", timestamp="1", nonce="n"
    ... ).decode())
    POST
    /a?b=1
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    1
    n
    """
    state = hashes.Hash(ALGORITHMS[algorithm]())
    state.update(body)
    return "\n".join((method.upper(), path, state.finalize().hex(), timestamp, nonce)).encode()


def mac(key: str, text: bytes, *, algorithm: str) -> str:
    """The HMAC of ``text`` in hexadecimal; the key is taken as the bytes of its text."""
    return mac_of_bytes(key.encode(), text, algorithm=algorithm)


def mac_of_bytes(key: bytes, text: bytes, *, algorithm: str) -> str:
    """:func:`mac` for a key that is no text."""
    work = hmac.HMAC(key, ALGORITHMS[algorithm]())
    work.update(text)
    return work.finalize().hex()


def sign(
    key: str, *, method: str, path: str, body: bytes, at: datetime, nonce: str, algorithm: str = "HMAC-SM3"
) -> Signed:
    """What a client sends along; for tests, benchmarks and ``xinlu client sign``."""
    timestamp = str(int(at.timestamp()))
    text = text_to_sign(algorithm=algorithm, method=method, path=path, body=body, timestamp=timestamp, nonce=nonce)
    return Signed(algorithm, timestamp, nonce, mac(key, text, algorithm=algorithm))


def signed_of(headers: Mapping[str, str], *, at: datetime) -> Signed:
    """The headers of a request, of the right form and within :data:`WINDOW` of ``at``.

    Raises:
        Refused: EX-002 a header is missing or of the wrong form, EX-004 too early or too late.
    """
    found = Signed(*(headers.get(name, "").strip() for name in HEADERS))
    missing = [name for name in HEADERS if not headers.get(name, "").strip()]
    if missing:
        raise Refused("EX-002", f"缺少请求头 {'、'.join(missing)}", place=missing[0])
    if found.algorithm not in ALGORITHMS:
        raise Refused("EX-002", f"签名算法应为 {'、'.join(ALGORITHMS)} 之一", place="X-Sign-Alg")
    if not _NONCE.fullmatch(found.nonce):
        raise Refused("EX-002", "随机数应为 16～64 个字母、数字、下划线或连字符", place="X-Nonce")
    if not _SECONDS.fullmatch(found.timestamp):
        raise Refused("EX-002", "时间戳应为 1970 年以来的秒数", place="X-Timestamp")
    sent = datetime.fromtimestamp(int(found.timestamp), UTC)
    if abs(at - sent) > WINDOW:
        minutes = int(WINDOW.total_seconds() // 60)
        raise Refused("EX-004", f"时间戳与本系统相差超过 {minutes} 分钟", place="X-Timestamp")
    return found


def verify(signed: Signed, keys: Iterable[str], *, method: str, path: str, body: bytes) -> None:
    """Compare the signature with that of each live key.

    Raises:
        Refused: EX-003.
    """
    text = text_to_sign(
        algorithm=signed.algorithm,
        method=method,
        path=path,
        body=body,
        timestamp=signed.timestamp,
        nonce=signed.nonce,
    )
    given = signed.signature.lower().encode()
    for key in keys:
        if constant_time.bytes_eq(given, mac(key, text, algorithm=signed.algorithm).encode()):
            return
    raise Refused("EX-003", "签名与正文不符", place="X-Signature")
