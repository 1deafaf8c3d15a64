"""What the loopback Hub does when somebody writes: rights, repositories, files sent apart, commits."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from tests.hub import keeping

Fault = int | Literal["silent", "drop", "lost", "torn"]
READ_ONLY = "hf_loopbackTokenThatOnlyReads"
FINE_GRAINED = "hf_loopbackTokenForOneOtherThing"
STRANGER = "hf_loopbackTokenOfSomebodyElse"
SAID = {402: "payment required", 403: "Storage quota exceeded", 400: "license must be one of those", 429: "slow down"}
# Above it, or where it is no text, a file is sent apart.
LARGE = 100_000
_REPO = r"(?P<kind>model|dataset|space)s/(?P<name>[\w.-]+/[\w.-]+)"
_PATHS = {
    "whoami": r"GET /api/whoami-v2",
    "create": r"POST /api/repos/create",
    "card": r"POST /api/validate-yaml",
    "auth-check": rf"GET /api/{_REPO}/auth-check(?P<right>/write)?",
    "preupload": rf"POST /api/{_REPO}/preupload/(?P<revision>.+?)(?P<propose>[?]create_pr=1)?",
    "branch": rf"POST /api/{_REPO}/branch/(?P<revision>.+)",
    "commit": rf"POST /api/{_REPO}/commit/(?P<revision>.+?)(?P<propose>[?]create_pr=1)?",
    "discussions": rf"GET /api/{_REPO}/discussions",
    "lfs": r"POST /((?P<kind>dataset|space)s/)?(?P<name>[\w.-]+/[\w.-]+)\.git/info/lfs/objects/batch",
    "put": r"PUT /stored/(?P<oid>[0-9a-f]{64})",
    "verify": r"POST /stored/verify",
    "squash": keeping.STEP,
}
Answer = tuple[int, Any]


@dataclass(frozen=True)
class Person:
    """Whose a token is. `role`: "write", "read", or "fineGrained" for one that may write elsewhere."""

    name: str
    role: str = "write"
    orgs: tuple[str, ...] = ()

    def owns(self, repo: str) -> bool:
        return repo.partition("/")[0] in (self.name, *self.orgs)


def step_of(method: str, path: str) -> tuple[str, re.Match[str]] | None:
    """Which step of a push a request is; None for one that reads."""
    found = ((step, re.fullmatch(pattern, f"{method} {path}")) for step, pattern in _PATHS.items())
    return next(((step, match) for step, match in found if match), None)


def person_of(hub: Any, authorization: str | None) -> Person | None:
    return hub.people.get((authorization or "").removeprefix("Bearer "))


def is_granted(hub: Any, authorization: str | None) -> bool:
    person = person_of(hub, authorization)
    return person is not None and person.name in hub.granted


def blob_id(content: bytes) -> str:
    """Git's name of a file's content."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def _whoami(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    person = person_of(hub, who)
    if person is None:
        return 401, {"error": "Invalid credentials in Authorization header"}
    orgs = [{"name": name} for name in person.orgs]
    return 200, {"type": "user", "name": person.name, "orgs": orgs, "auth": {"accessToken": {"role": person.role}}}


def _create(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    from tests.hub.server import Repo

    person, wanted = person_of(hub, who), json.loads(body)
    if person is None:
        return 401, {"error": "Invalid credentials in Authorization header"}
    kind, name = wanted.get("type", "model"), f"{wanted.get('organization') or person.name}/{wanted['name']}"
    place = f"{hub.url}/{'' if kind == 'model' else f'{kind}s/'}{name}"
    if (kind, name) in hub.repos:
        return 409, {"error": "You already created this repo", "url": place}
    if person.role != "write" or not person.owns(name):
        said = f'You don\'t have the rights to create a {kind} under the namespace "{name.partition("/")[0]}"'
        return 403, {"error": said}
    folder = hub.folder / kind / name
    folder.mkdir(parents=True)
    (folder / ".gitattributes").write_text("")
    private = wanted.get("visibility") == "private" or wanted.get("private")
    hub.repos[kind, name] = Repo(folder, "private" if private else "")
    return 200, {"url": place, "name": name}


def _card(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    given = json.loads(body)["content"]
    front = re.match(r"---\n(.+?)\n---\n", given, re.DOTALL)
    good = front and isinstance(yaml.safe_load(front[1]), dict)
    return (200, {"errors": [], "warnings": []}) if good else (400, {"errors": [{"message": "no front matter"}]})


def _refused(hub: Any, who: str | None, address: dict) -> Answer | None:
    """Why somebody may not write to a repository; whoever may read it may propose a change."""
    person = person_of(hub, who)
    if person is None:
        return 401, {"error": "Invalid credentials in Authorization header"}
    if (address["kind"] or "model", address["name"]) not in hub.repos:
        return 404, {}
    proposes = address.get("propose") and hub.repos[address["kind"], address["name"]].fault == ""
    if person.role != "write" or not (proposes or person.owns(address["name"])):
        return 403, {"error": "Forbidden: you must use a write token"}
    return None


def _auth_check(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    """May somebody write to it, or read the files of a gated one?"""
    repo = hub.repos.get((address["kind"], address["name"]))
    if address["right"] or repo is None or repo.fault != "gated":
        return _refused(hub, who, address) or (200, {})
    return (200, {}) if is_granted(hub, who) else (403 if who else 401, "gated")


def _preupload(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    if refused := _refused(hub, who, address):
        return refused
    files = hub.at(**_place(address)).files
    answers = []
    for file in json.loads(body)["files"]:
        apart = file["size"] > LARGE or b"\0" in base64.b64decode(file["sample"])
        content = files[file["path"]].read_bytes() if file["path"] in files else None
        known = None if content is None else hashlib.sha256(content).hexdigest() if apart else blob_id(content)
        mode = "lfs" if apart else "regular"
        answers.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": known})
    return 200, {"files": answers}


def _batch(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    if refused := _refused(hub, who, {**address, "kind": address["kind"] or "model", "propose": True}):
        return refused
    wanted = json.loads(body)["objects"]
    actions = {"upload": f"{hub.url}/stored/", "verify": f"{hub.url}/stored/verify"}
    objects = []
    for each in wanted:
        steps = {"upload": {"href": actions["upload"] + each["oid"]}, "verify": {"href": actions["verify"]}}
        objects.append({**each, **({} if each["oid"] in hub.stored else {"actions": steps})})
    return 200, {"transfer": "basic", "objects": objects}


def _put(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    if hashlib.sha256(body).hexdigest() != address["oid"]:
        return 400, {"error": "another content than was announced"}
    hub.stored[address["oid"]] = body
    return 200, {}


def _verify(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    about = json.loads(body)
    good = len(hub.stored.get(about["oid"], b"")) == about["size"]
    return (200, {}) if good else (404, {})


def _commit(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    if refused := _refused(hub, who, address):
        return refused
    repo = hub.at(**_place(address))
    if address["propose"]:
        hub.requests_open.append(f"refs/pr/{len(hub.requests_open) + 1}")
        repo = hub.fork(**_place(address), to=hub.requests_open[-1])
    lines = [json.loads(line) for line in body.splitlines()]
    header = lines[0]["value"]
    if header.get("parentCommit") not in (None, repo.commit):
        return 412, {"error": "The branch has moved"}
    contents = {}
    for line in lines[1:]:
        value = line["value"]
        if line["key"].startswith("deleted"):
            continue
        if line["key"] == "lfsFile" and value["oid"] not in hub.stored:
            return 400, {"error": f"{value['path']} was never sent"}
        contents[value["path"]] = hub.stored[value["oid"]] if line["key"] == "lfsFile" else base64.b64decode(value["content"])
        (repo.apart.add if line["key"] == "lfsFile" else repo.apart.discard)(value["path"])
    if missing := keeping.remove(repo.folder, lines):
        return 400, {"error": f"{missing} is not there"}
    for path, content in contents.items():
        (repo.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (repo.folder / path).write_bytes(content)
    commit = repo.commit
    hub.commits.append(header["summary"])  # last: a test that saw it may write there itself
    page = f"{hub.url}/{address['name']}/discussions/{len(hub.requests_open)}" if address["propose"] else None
    made = {"commitUrl": f"{hub.url}/{address['name']}/commit/{commit}", "commitOid": commit}
    return 200, {**made, **({"pullRequestUrl": page} if page else {})}


def _place(address: dict) -> dict[str, str]:
    return {"kind": address["kind"], "name": address["name"], "revision": address["revision"]}


def _branch(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    if refused := _refused(hub, who, address):
        return refused
    if (address["kind"], address["name"], address["revision"]) in hub.branches:
        return 409, {"error": "Reference already exists"}
    hub.fork(**{**_place(address), "revision": "main"}, to=address["revision"])
    return 200, {}


def _discussions(hub: Any, who: str | None, body: bytes, address: dict) -> Answer:
    where = {"name": address["name"], "type": address["kind"]}
    about = {
        "title": "a proposal",
        "createdAt": "2026-01-01T00:00:00.000Z",
        "status": "open",
        "repo": where,
        "isPullRequest": True,
    }
    found = [{**about, "num": number + 1, "author": {"name": "owner"}} for number in range(len(hub.requests_open))]
    return 200, {"discussions": found, "start": 0, "count": len(found)}


STEPS = {
    "whoami": _whoami, "create": _create, "card": _card, "auth-check": _auth_check, "preupload": _preupload,
    "lfs": _batch, "put": _put, "verify": _verify, "commit": _commit, "branch": _branch, "discussions": _discussions,
    "squash": keeping.squash,
}  # fmt: skip
