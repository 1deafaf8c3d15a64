"""The loopback Hub as an OpenID provider: asks nobody for a password, and logs in whom `Hub.logs_in` names."""

import base64
import json
import time
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode

CLIENT_ID, CLIENT_SECRET = "tuner-of-the-tests", "secret-of-the-tests"
SCOPES = "openid profile read-repos write-repos manage-repos"
# Status, headers, body.
Answer = tuple[int, dict[str, str], bytes]


def answer(hub: Any, path: str, query: str, body: bytes, authorization: str | None) -> Answer | None:
    """The answer to a question of a login; None for every other one."""
    asked = {name: values[-1] for name, values in parse_qs(query or body.decode("latin-1")).items()}
    if path == "/.well-known/openid-configuration":
        return _json(_configuration(hub))
    if path == "/oauth/jwks":
        return _json({"keys": [_key().as_dict(private=False)]})
    if path == "/oauth/authorize":
        return _authorize(hub, asked)
    if path == "/oauth/token":
        return _token(hub, asked, authorization)
    return None


def _configuration(hub: Any) -> dict[str, Any]:
    places = {
        f"{name}_endpoint": f"{hub.url}/oauth/{path}" for name, path in (("authorization", "authorize"), ("token", "token"))
    }
    return {"issuer": hub.url, "jwks_uri": f"{hub.url}/oauth/jwks", "id_token_signing_alg_values_supported": ["RS256"], **places}


def _authorize(hub: Any, asked: dict[str, str]) -> Answer:
    """Goes back at once. The Hub sends people to https alone; here there is none."""
    code = f"code-{len(hub.codes)}"
    hub.codes[code] = (hub.logs_in, asked["nonce"])
    back = asked["redirect_uri"].replace("https://127.0.0.1", "http://127.0.0.1")
    join = "&" if "?" in back else "?"
    return 302, {"Location": f"{back}{join}{urlencode({'code': code, 'state': asked['state']})}"}, b""


def _token(hub: Any, asked: dict[str, str], authorization: str | None) -> Answer:
    if authorization != "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode():
        return _json({"error": "invalid_client"}, 401)
    from joserfc import jwt

    name, nonce = hub.codes.pop(asked["code"])
    token = next(token for token, person in hub.people.items() if person.name == name)
    now = int(time.time())
    claims = {"iss": hub.url, "sub": name, "aud": CLIENT_ID, "iat": now, "exp": now + 3600, "nonce": nonce, "name": name.title()}
    claims |= {"preferred_username": name, "profile": f"{hub.url}/{name}", "picture": ""}
    about = {"access_token": token, "token_type": "bearer", "expires_in": hub.login_seconds, "scope": SCOPES}
    return _json({**about, "id_token": jwt.encode({"alg": "RS256", "kid": "one"}, claims, _key())})


@cache
def _key() -> Any:
    from joserfc.jwk import RSAKey

    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


def _json(value: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()
