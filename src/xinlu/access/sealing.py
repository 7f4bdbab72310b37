"""Field encryption: SM4-GCM for the value, HMAC-SM3 as a blind index that finds it by equality.

The key comes from ``XINLU_FIELD_KEY`` (64 hexadecimal digits) or from a file in ``XINLU_VAR`` that is made on
first use. A product certified for commercial cryptography would stand in the same place.
"""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings

VERSION = "1"
_NONCE, _TAG = 12, 16


class SealBroken(ValueError):
    """A sealed value was changed, or sealed with another key."""


def seal(clear: str) -> str:
    """Encrypt ``clear``; the same text gives another result each time. The first character is the key version."""
    nonce = secrets.token_bytes(_NONCE)
    work = Cipher(algorithms.SM4(_keys()[0]), modes.GCM(nonce)).encryptor()
    body = work.update(clear.encode()) + work.finalize()
    return f"{VERSION}:{(nonce + work.tag + body).hex()}"


def unseal(sealed: str) -> str:
    """The clear text; :class:`SealBroken` when it was tampered with."""
    version, _, text = sealed.partition(":")
    if version != VERSION:
        raise SealBroken(f"no key of version {version!r}")
    raw = bytes.fromhex(text)
    nonce, tag, body = raw[:_NONCE], raw[_NONCE : _NONCE + _TAG], raw[_NONCE + _TAG :]
    work = Cipher(algorithms.SM4(_keys()[0]), modes.GCM(nonce, tag)).decryptor()
    try:
        return (work.update(body) + work.finalize()).decode()
    except InvalidTag as error:
        raise SealBroken("the sealed value does not hold") from error


def blind_index(clear: str) -> str:
    """A keyed digest (64 hexadecimal digits): equal texts agree, and nobody can guess back without the key."""
    work = hmac.HMAC(_keys()[1], hashes.SM3())
    work.update(clear.encode())
    return work.finalize().hex()


def _keys() -> tuple[bytes, bytes]:
    raw = _key(Path(settings.VAR), os.environ.get("XINLU_FIELD_KEY"))
    return raw[:16], raw[16:]


@lru_cache(maxsize=4)
def _key(folder: Path, named: str | None) -> bytes:
    if named:
        raw = bytes.fromhex(named)
    else:
        file = folder / "field-key"
        if not file.is_file():
            draft = folder / f"field-key.{os.getpid()}"
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_hex(32), encoding="ascii")
            try:
                os.link(draft, file)  # fails when another start was first
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        raw = bytes.fromhex(file.read_text(encoding="ascii").strip())
    if len(raw) != 32:
        raise ValueError("the field key must have 64 hexadecimal digits")
    return raw
