"""The xet storage of the loopback Hub, as far as refusals and an upload go: it takes everything, and gives nothing back."""

import re
import time
from typing import Any

TOKEN = re.compile(r"/api/(models|datasets|spaces)/[\w.-]+/[\w.-]+/xet-(?P<right>read|write)-token/.+")
_CHUNKS = re.compile(r"/v1/chunks/.+")
_XORBS = re.compile(r"/v1/xorbs/default/[0-9a-f]{64}")
_RECONSTRUCTIONS = re.compile(r"/v\d/reconstructions/.+")
_SHARDS = re.compile(r"/(v1/)?shards")


def answer(hub: Any, path: str) -> tuple[int, dict[str, Any], dict[str, str]] | None:
    """Status, JSON and headers of a request to xet; None for one that is not for it. `hub.xet` names the fault of a step."""
    steps = {"token": TOKEN, "chunks": _CHUNKS, "xorbs": _XORBS, "shards": _SHARDS, "recon": _RECONSTRUCTIONS}
    step = next((step for step, pattern in steps.items() if pattern.fullmatch(path)), None)
    if step is None:
        return None
    if step in hub.xet:
        return hub.xet[step], {"error": "refused"}, {}
    expires = int(time.time()) + 3600
    if step == "token":
        headers = {"X-Xet-Cas-Url": hub.url, "X-Xet-Access-Token": "xet", "X-Xet-Token-Expiration": str(expires)}
        return 200, {"casUrl": hub.url, "accessToken": "xet", "exp": expires}, headers
    return {
        "chunks": (404, {}, {}),
        "xorbs": (200, {"was_inserted": True}, {}),
        "shards": (200, {"result": 1}, {}),
        "recon": (404, {}, {}),
    }[step]
