"""What the loopback Hub does for Spaces: their hardware, secrets, prices, and how far they are."""

import json
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.hub import writing

_SPACE = r"/api/(?P<kind>space)s/(?P<name>[\w.-]+/[\w.-]+)"
_PATHS = {
    "offers": r"GET /api/spaces/hardware",
    "runtime": rf"GET {_SPACE}/runtime",
    "hardware": rf"POST {_SPACE}/hardware",
    "secrets": rf"GET {_SPACE}/secrets",
    "secret": rf"POST {_SPACE}/secrets",
    "variable": rf"POST {_SPACE}/variables",
}
OFFERS = [("cpu-basic", "CPU Basic", 0.0), ("cpu-upgrade", "CPU Upgrade", 0.0005), ("t4-small", "Nvidia T4 - small", 0.00667)]


@dataclass
class Made:
    """A Space as it was made. `stages` come one after the other, one for each question; the last stays."""

    sdk: str
    hardware: str = "cpu-basic"
    sleep: int | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    stages: list[str] = field(default_factory=lambda: ["BUILDING"])
    problem: str = ""

    @property
    def runtime(self) -> dict[str, Any]:
        stage = self.stages[0] if len(self.stages) == 1 else self.stages.pop(0)
        current = None if stage == "BUILDING" else self.hardware
        about = {"stage": stage, "hardware": {"current": current, "requested": self.hardware}, "gcTimeout": self.sleep}
        return about | ({"errorMessage": self.problem} if self.problem else {})


def described(hub: Any, wanted: dict, repo: Any) -> dict[str, Any]:
    """What the description of a Space holds beside that of any repository."""
    if wanted.get("kind") != "space":
        return {}
    readme = repo.files.get("README.md")
    front = yaml.safe_load(readme.read_text().split("---\n")[1]) if readme else {}
    made = hub.spaces.get(wanted["name"])
    return {"sdk": made.sdk if made else front.get("sdk"), "cardData": front}


def _offers(hub: Any, who: str | None, body: bytes, address: dict) -> writing.Answer:
    rows = []
    for name, pretty, price in OFFERS:
        cost = {"unitCostMicroUSD": round(price * 1e6), "unitCostUSD": price, "unitLabel": "minute"}
        rows.append({"name": name, "prettyName": pretty, "cpu": "4 vCPU", "ram": "15 GB", **cost})
    return 200, rows


def _create(hub: Any, who: str | None, body: bytes, address: dict) -> writing.Answer:
    wanted = json.loads(body)
    if wanted.get("type") == "space" and not wanted.get("sdk"):
        return 400, {"error": "sdk is required"}
    status, answer = _create_any(hub, who, body, address)
    if status == 200 and wanted.get("type") == "space":
        given = {"hardware": wanted.get("hardware"), "sleep": wanted.get("sleepTimeSeconds")}
        hub.spaces[answer["name"]] = Made(wanted["sdk"], **{name: value for name, value in given.items() if value})
    return status, answer


def _of_owner(step: Any) -> Any:
    """A question that the Hub answers to those who may write there."""

    def answer(hub: Any, who: str | None, body: bytes, address: dict) -> writing.Answer:
        return writing._refused(hub, who, address) or step(hub, hub.spaces[address["name"]], body)

    return answer


def _ask_hardware(hub: Any, made: Made, body: bytes) -> writing.Answer:
    wanted = json.loads(body)
    made.hardware, made.sleep = wanted["flavor"], wanted.get("sleepTimeSeconds")
    return 200, made.runtime


def _put_secret(hub: Any, made: Made, body: bytes) -> writing.Answer:
    wanted = json.loads(body)
    made.secrets[wanted["key"]] = wanted["value"]
    return 200, {}


def _put_variable(hub: Any, made: Made, body: bytes) -> writing.Answer:
    wanted = json.loads(body)
    made.variables[wanted["key"]] = wanted["value"]
    return 200, {name: {"key": name, "value": value} for name, value in made.variables.items()}


_create_any = writing.STEPS["create"]
writing._PATHS |= _PATHS
writing.STEPS |= {
    "create": _create,
    "offers": _offers,
    "runtime": _of_owner(lambda hub, made, body: (200, made.runtime)),
    "hardware": _of_owner(_ask_hardware),
    "secrets": _of_owner(lambda hub, made, body: (200, {name: {"key": name} for name in made.secrets})),
    "secret": _of_owner(_put_secret),
    "variable": _of_owner(_put_variable),
}
