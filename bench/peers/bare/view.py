"""The least that Flask can do for a token: check one secret, sign RS256, answer.

It knows one client, reads no database, writes no log and checks nothing else of a request. Whatever
another server under gunicorn needs beyond it is what that server does more.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask, request
from flask.typing import ResponseReturnValue

CLIENT_ID = "bench"
DIGEST = hashlib.sha256(b"a-secret-of-the-bench").digest()
LIFETIME = 3600

key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
app = Flask(__name__)


def encode(part: object) -> bytes:
    """JSON as a part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


HEADER = encode({"alg": "RS256", "kid": "bare", "typ": "at+jwt"})


@app.post("/token")
def token() -> ResponseReturnValue:
    """A signed token for who knows the secret."""
    form = request.form
    digest = hashlib.sha256(form["client_secret"].encode()).digest()
    if form["client_id"] != CLIENT_ID or not hmac.compare_digest(digest, DIGEST):
        return {"error": "invalid_client"}, 400
    now = int(time.time())
    claims = {
        "iss": "http://127.0.0.1",
        "sub": CLIENT_ID,
        "aud": "external-api",
        "client_id": CLIENT_ID,
        "scope": form["scope"],
        "iat": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_urlsafe(16),
    }
    content = HEADER + b"." + encode(claims)
    signature = base64.urlsafe_b64encode(key.sign(content, padding.PKCS1v15(), SHA256()))
    return {
        "access_token": (content + b"." + signature.rstrip(b"=")).decode(),
        "expires_in": LIFETIME,
        "token_type": "Bearer",
        "scope": form["scope"],
    }
