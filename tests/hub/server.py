"""A Hub on the loopback for tests: serves folders as repositories and takes commits; the real clients talk to it.

Point a child at it with `Hub.environment` (the clients read HF_ENDPOINT when they are imported).
What it answers was as the clients expect it: a stranger's look at a private or missing repository is
401 RepoNotFound; of a gated one anybody may read the description, the files alone are refused.
"""

import hashlib
import json
import re
import shutil
import tempfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub import jobs, oauth, spaces, writing, xet

TOKEN = "hf_loopbackTokenOfTheTests"
EXPIRED = "hf_loopbackTokenOfLastYear"
_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
_API = re.compile(
    rf"/api/(?P<kind>model|dataset|space)s/{_NAME}(/(?P<verb>[\w-]+)/(?P<revision>refs/pr/\d+|[^/]+)(/(?P<path>.+))?)?"
)
_FILE = re.compile(rf"/((?P<kind>dataset|space)s/)?{_NAME}/resolve/(?P<revision>refs/pr/\d+|[^/]+)/(?P<path>.+)")


@dataclass(frozen=True)
class Repo:
    """A folder as a repository with one commit, which its content decides.

    Attributes:
        fault: "" or what goes wrong: "private", "gated", "broken" (500), "silent" (no answer at all),
            "silent files" (the description comes, no file does).
        apart: paths of files that were sent apart (LFS).
    """

    folder: Path
    fault: str = ""
    apart: set[str] = field(default_factory=set)

    @property
    def files(self) -> dict[str, Path]:
        return {p.relative_to(self.folder).as_posix(): p for p in sorted(self.folder.rglob("*")) if p.is_file()}

    @property
    def commit(self) -> str:
        return _sha1(b"".join(name.encode() + path.read_bytes() for name, path in self.files.items()))


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    authorization: str | None


@dataclass
class Hub:
    """The running server: `repos` may be changed at any time, `requests` grows; close it, or use it in a `with`.

    Attributes:
        people: token → whose it is and what it may do.
        commits: the messages of the commits that were made, in their order.
        stored: SHA-256 → content of what was sent apart.
        branches: (kind, name, revision) → what stands on a branch, or in a pull request (`refs/pr/1`).
        requests_open: the references of pull requests.
        xet: step of `tests.hub.xet` → the status that refuses it.
        xet_files: whether weights are said to lie in xet storage.
        jobs: id → a job that was begun.
        spaces: name → how a Space was made, and how far it is.
        granted: names of those who may read what is gated.
        logs_in: who the next login is; `login_seconds` how long it lasts, `codes` the logins under way.
    """

    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    people: dict[str, writing.Person] = field(default_factory=lambda: {TOKEN: writing.Person("owner")})
    faults: dict[str, list[writing.Fault]] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    branches: dict[tuple[str, str, str], Repo] = field(default_factory=dict)
    requests_open: list[str] = field(default_factory=list)
    xet: dict[str, int] = field(default_factory=dict)
    xet_files: bool = False
    jobs: "dict[str, jobs.Job]" = field(default_factory=dict)
    spaces: "dict[str, spaces.Made]" = field(default_factory=dict)
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    granted: set[str] = field(default_factory=set)
    logs_in: str = "owner"
    login_seconds: int = 3600

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hub-"))
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Hub":
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        jobs.end_all(self)
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def fail(self, step: str, fault: writing.Fault, times: int = 1) -> None:
        """What becomes of the next `times` requests of a step, one of `writing.STEPS`.

        Args:
            fault: a status to answer, or "silent" (never), "drop" (the connection ends), "lost" (done, then dropped),
                or "torn" (it ends while a file is being sent).
        """
        self.faults.setdefault(step, []).extend([fault] * times)

    def add(self, kind: str, name: str, folder: Path, fault: str = "") -> str:
        """Serves `folder` as the model or dataset `name`; returns its commit."""
        repo = self.repos[kind, name] = Repo(folder, fault)
        return repo.commit

    def at(self, kind: str, name: str, revision: str | None = None) -> Repo | None:
        """The repository as it stands on a branch, in a pull request or at a commit; None where there is none."""
        main = self.repos.get((kind, name))
        if main is None or revision in (None, "main"):
            return main
        others = {key[2]: repo for key, repo in self.branches.items() if key[:2] == (kind, name)}
        return others.get(revision) or next((repo for repo in (main, *others.values()) if repo.commit == revision), None)

    def fork(self, kind: str, name: str, revision: str, to: str) -> Repo:
        """Begins a branch."""
        start = self.at(kind, name, revision)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        shutil.copytree(start.folder, folder, dirs_exist_ok=True)
        made = self.branches[kind, name, to] = Repo(folder, start.fault, set(start.apart))
        return made

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to take this for the Hub."""
        quiet = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
        return {"HF_ENDPOINT": self.url, **quiet}


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Says nothing on stderr."""

    def do_GET(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _write(self, step: str, address: re.Match[str], body: bytes) -> None:
        """Answers a request that writes, or asks who may."""
        fault = self.hub.faults.get(step) and self.hub.faults[step].pop(0)
        if fault == "silent":
            self.hub.closing.wait()
        if fault in ("silent", "drop"):
            self.close_connection = True
            return
        if isinstance(fault, int):
            said = writing.SAID.get(fault, "refused")
            status, answer = fault, {"error": said, "errors": [{"message": said}], "url": f"{self.hub.url}/there/already"}
        else:
            status, answer = writing.STEPS[step](self.hub, self.headers.get("Authorization"), body, address.groupdict())
        if fault == "lost":
            self.close_connection = True
        elif status == 404:
            self._refuse(404, "RepoNotFound")
        elif answer == "gated":
            self._refuse(status, "GatedRepo")
        else:
            self._send(status, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _torn(self) -> bool:
        """Whether the connection is to end while a file is being sent."""
        waiting = self.hub.faults.get("put", [])
        if self.command != "PUT" or waiting[:1] != ["torn"]:
            return False
        waiting.pop(0)
        self.rfile.read(1_000)
        self.close_connection = True
        return True

    def _handle(self) -> None:
        if self._torn():
            return
        body = self._body()
        address = urlsplit(self.path)
        path = unquote(address.path)
        self.hub.requests.append(Request(self.command, path, self.headers.get("Authorization")))
        if jobs.answer(self, self.hub, path, address.query, body):
            return
        proposed = "?create_pr=1" if "create_pr=1" in address.query and ("/commit/" in path or "/preupload/" in path) else ""
        if stored := xet.answer(self.hub, path):
            status, said, headers = stored
            self._send(status, json.dumps(said).encode(), {"Content-Type": "application/json", **headers})
            return
        if login := oauth.answer(self.hub, path, address.query, body, self.headers.get("Authorization")):
            status, headers, content = login
            self._send(status, content, headers)
            return
        if asked := writing.step_of(self.command, path + proposed):
            self._write(*asked, body)
            return
        file, api = _FILE.fullmatch(path), _API.fullmatch(path)
        wanted = (file or api).groupdict() if file or api else {}
        repo = self.hub.repos.get((wanted.get("kind") or "model", wanted.get("name", "")))
        if self.headers.get("Authorization") == f"Bearer {EXPIRED}":
            self._send(401, b"{}", {"X-Error-Message": "Invalid credentials in Authorization header"})
        elif repo is None or (repo.fault == "private" and not self._may_read(wanted["name"])):
            self._refuse(404 if self.headers.get("Authorization") else 401, "RepoNotFound")
        elif repo.fault == "silent" or (repo.fault == "silent files" and file):
            self.hub.closing.wait()
            self.close_connection = True
        elif repo.fault == "broken":
            self._refuse(500, "")
        elif (at := self.hub.at(wanted.get("kind") or "model", wanted["name"], wanted["revision"])) is None:
            self._refuse(404, "RevisionNotFound")
        elif file and repo.fault == "gated" and not writing.is_granted(self.hub, self.headers.get("Authorization")):
            self._refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        elif file:
            self._send_file(at, wanted["path"])
        elif wanted["verb"] in (None, "revision"):
            about = _description(wanted["name"], at, "blobs=true" in address.query.lower())
            self._send_json(about | spaces.described(self.hub, wanted, at))
        elif wanted["verb"] == "tree":
            self._send_tree(at, wanted["path"], "recursive=true" in address.query.lower())
        elif wanted["verb"] == "paths-info":
            entries = _entries(at)
            self._send_json([entries[name] for name in parse_qs(body.decode()).get("paths", []) if name in entries])
        else:
            self._refuse(404, "")

    def _may_read(self, name: str) -> bool:
        authorization = self.headers.get("Authorization")
        person = writing.person_of(self.hub, authorization)
        return authorization == f"Bearer {TOKEN}" or (person is not None and person.owns(name))

    def _send_tree(self, repo: Repo, folder: str | None, recursive: bool) -> None:
        inside = f"{folder}/" if folder else ""
        found = [entry for name, entry in _entries(repo).items() if name.startswith(inside) and name != inside]
        if folder and not found:
            return self._refuse(404, "EntryNotFound")
        return self._send_json([e for e in found if recursive or "/" not in e["path"].removeprefix(inside)])

    def _send_file(self, repo: Repo, name: str) -> None:
        if name not in repo.files:
            return self._refuse(404, "EntryNotFound")
        content = repo.files[name].read_bytes()
        headers = {"ETag": f'"{_sha1(content)}"', "X-Repo-Commit": repo.commit, "Accept-Ranges": "bytes"}
        if self.hub.xet_files and name.endswith(".safetensors"):
            route = f"{self.hub.url}/api/models/owner/model/xet-read-token/{repo.commit}"
            headers |= {"X-Xet-Hash": hashlib.sha256(content).hexdigest(), "X-Xet-Refresh-Route": route}
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if not part:
            return self._send(200, content, headers)
        first, last = int(part[1]), min(int(part[2] or len(content)), len(content) - 1)
        if first >= len(content):
            return self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        return self._send(206, content[first : last + 1], headers | {"Content-Range": f"bytes {first}-{last}/{len(content)}"})

    def _send_json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b'{"error": "refused"}', {"X-Error-Code": code} if code else {})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _description(name: str, repo: Repo, sizes: bool) -> dict:
    siblings = [{"rfilename": file, **({"size": path.stat().st_size} if sizes else {})} for file, path in repo.files.items()]
    about = {"private": repo.fault == "private", "gated": "manual" if repo.fault == "gated" else False, "disabled": False}
    return {"_id": "0" * 24, "id": name, "sha": repo.commit, "siblings": siblings, "tags": [], "downloads": 0, "likes": 0} | about


def _entries(repo: Repo) -> dict[str, dict]:
    """Path → what the tree says of it; folders as well as files."""
    folders = {parent.as_posix() for name in repo.files for parent in Path(name).parents} - {"."}
    entries = {name: {"type": "directory", "oid": _sha1(name.encode()), "size": 0, "path": name} for name in folders}
    for name, path in repo.files.items():
        content = path.read_bytes()
        entries[name] = {"type": "file", "oid": writing.blob_id(content), "size": len(content), "path": name}
        if name in repo.apart:
            entries[name]["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return dict(sorted(entries.items()))


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
