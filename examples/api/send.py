"""Hand a batch of rows over by the open interface, with nothing but Python's standard library.

    XINLU_AT=https://… XINLU_CLIENT=… XINLU_SECRET=… XINLU_SIGNING_KEY=… python send.py administrative_penalty rows.json

``rows.json`` holds ``{"rows": [{…}, …]}``. See docs/api.md.
"""

# ruff: noqa: S310, TID251 - the address is the operator's own, and so is the clock

import hashlib
import hmac
import json
import os
import pathlib
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


def signed(key: str, method: str, path: str, body: bytes, *, algorithm: str = "HMAC-SHA256") -> dict[str, str]:
    """The four headers that sign a request; ``algorithm`` may be HMAC-SM3 where OpenSSL knows SM3."""
    name = {"HMAC-SHA256": "sha256", "HMAC-SM3": "sm3"}[algorithm]
    timestamp, nonce = str(int(time.time())), secrets.token_urlsafe(16)
    digest = hashlib.new(name, body).hexdigest()
    text = "\n".join((method, path, digest, timestamp, nonce))
    signature = hmac.new(key.encode(), text.encode(), name).hexdigest()
    return {"X-Sign-Alg": algorithm, "X-Timestamp": timestamp, "X-Nonce": nonce, "X-Signature": signature}


def token(at: str, client: str, secret: str) -> str:
    """An access token, good for an hour."""
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret, "scope": "records"}
    with urllib.request.urlopen(f"{at}/api/v1/oauth/token", urllib.parse.urlencode(form).encode()) as answer:
        return json.load(answer)["access_token"]


def main(item: str, file: str) -> None:
    """Send the file once; the key makes sure of that, however often this is tried again."""
    at, key = os.environ["XINLU_AT"].rstrip("/"), os.environ["XINLU_SIGNING_KEY"]
    body = pathlib.Path(file).read_bytes()
    path = f"/api/v1/items/{item}/records"
    headers = {
        "Authorization": f"Bearer {token(at, os.environ['XINLU_CLIENT'], os.environ['XINLU_SECRET'])}",
        "Content-Type": "application/json",
        "Idempotency-Key": hashlib.sha256(body).hexdigest(),
        **signed(key, "POST", path, body),
    }
    try:
        answer = urllib.request.urlopen(urllib.request.Request(at + path, body, headers))
    except urllib.error.HTTPError as refused:
        answer = refused
    print(json.dumps(json.load(answer), ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
