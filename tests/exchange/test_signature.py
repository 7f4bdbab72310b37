"""Signed bodies, with known answers from the documents of both hashes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from xinlu.exchange.refusal import Refused
from xinlu.exchange.signature import WINDOW, mac_of_bytes, sign, signed_of, verify

AT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
KEY = "a-key-that-everybody-may-know"
SAID = {"method": "POST", "path": "/api/v1/items/a/records?mode=accept_good", "body": b'{"rows":[{}]}'}


def signed(algorithm: str = "HMAC-SM3", **changes: object):
    return sign(KEY, **{**SAID, "at": AT, "nonce": "0123456789abcdef", "algorithm": algorithm, **changes})


@pytest.mark.parametrize(
    ("key", "text", "answer"),
    [
        # GM/T 0042-2015, appendix D.3
        (
            bytes(range(1, 33)),
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2,
            "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
        ),
        (
            bytes(range(1, 38)),
            b"\xcd" * 50,
            "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae",
        ),
    ],
)
def test_hmac_sm3_gives_the_known_answers(key: bytes, text: bytes, answer: str) -> None:
    assert mac_of_bytes(key, text, algorithm="HMAC-SM3") == answer


@pytest.mark.parametrize(
    ("key", "text", "answer"),
    [
        # RFC 4231, test cases 1 and 2
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
    ],
)
def test_hmac_sha256_gives_the_known_answers(key: bytes, text: bytes, answer: str) -> None:
    assert mac_of_bytes(key, text, algorithm="HMAC-SHA256") == answer


@pytest.mark.parametrize(
    ("algorithm", "answer"),
    [
        ("HMAC-SM3", "eecbf90380c17929189c67e6d8b96489a11bba10fb641a92c992238d9cf0bfe0"),
        ("HMAC-SHA256", "e7c3bacf20dd3032f449a59c641692cd312c94b81b97a1740160e0d49e51a7de"),
    ],
)
def test_the_example_of_the_guide_has_this_signature(algorithm: str, answer: str) -> None:
    assert signed(algorithm).signature == answer


@pytest.mark.parametrize("algorithm", ["HMAC-SM3", "HMAC-SHA256"])
def test_a_signature_holds_for_what_was_signed_and_for_nothing_else(algorithm: str) -> None:
    one = signed(algorithm)
    verify(one, ["an older key", KEY], **SAID)
    for change in ({"method": "PUT"}, {"path": SAID["path"] + "&x=1"}, {"body": b'{"rows":[{ }]}'}):
        with pytest.raises(Refused, match="EX-003"):
            verify(one, [KEY], **{**SAID, **change})
    with pytest.raises(Refused, match="EX-003"):
        verify(one, ["another key"], **SAID)


def test_a_request_is_good_for_five_minutes_on_both_sides() -> None:
    one = signed()
    for at in (AT - WINDOW, AT, AT + WINDOW):
        assert signed_of(one.headers, at=at) == one
    for at in (AT - WINDOW - timedelta(seconds=1), AT + WINDOW + timedelta(seconds=1)):
        with pytest.raises(Refused, match="EX-004"):
            signed_of(one.headers, at=at)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Sign-Alg", "HMAC-MD5"),
        ("X-Sign-Alg", ""),
        ("X-Timestamp", "now"),
        ("X-Timestamp", "-1"),
        ("X-Nonce", "short"),
        ("X-Nonce", "with spaces in it, long enough"),
        ("X-Signature", " "),
    ],
)
def test_a_header_that_is_missing_or_odd_is_named(name: str, value: str) -> None:
    with pytest.raises(Refused, match="EX-002") as refused:
        signed_of({**signed().headers, name: value}, at=AT)
    assert refused.value.problem.file == name
