"""A Hub on the loopback for tests: serves folders as repositories; the real clients talk to it.

Point a child at it with `Hub.environment` (the clients read HF_ENDPOINT when they are imported).
What it answers was as the clients expect it: a stranger's look at a private or missing repository is
401 RepoNotFound; of a gated one anybody may read the description, the files alone are refused.
"""

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_loopbackTokenOfTheTests"
EXPIRED = "hf_loopbackTokenOfLastYear"
_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
_API = re.compile(rf"/api/(?P<kind>model|dataset)s/{_NAME}(/(?P<verb>[\w-]+)/(?P<revision>[^/]+)(/(?P<path>.+))?)?")
_FILE = re.compile(rf"/((?P<kind>dataset)s/)?{_NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass(frozen=True)
class Repo:
    """A folder as a repository with one commit, which its content decides.

    Attributes:
        fault: "" or what goes wrong: "private", "gated", "broken" (500), "silent" (no answer at all),
            "silent files" (the description comes, no file does).
    """

    folder: Path
    fault: str = ""

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
    """The running server: `repos` may be changed at any time, `requests` grows; close it, or use it in a `with`."""

    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Hub":
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def add(self, kind: str, name: str, folder: Path, fault: str = "") -> str:
        """Serves `folder` as the model or dataset `name`; returns its commit."""
        repo = self.repos[kind, name] = Repo(folder, fault)
        return repo.commit

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

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        path = unquote(address.path)
        self.hub.requests.append(Request(self.command, path, self.headers.get("Authorization")))
        file, api = _FILE.fullmatch(path), _API.fullmatch(path)
        wanted = (file or api).groupdict() if file or api else {}
        repo = self.hub.repos.get((wanted.get("kind") or "model", wanted.get("name", "")))
        if self.headers.get("Authorization") == f"Bearer {EXPIRED}":
            self._send(401, b"{}", {"X-Error-Message": "Invalid credentials in Authorization header"})
        elif repo is None or (repo.fault == "private" and self.headers.get("Authorization") != f"Bearer {TOKEN}"):
            self._refuse(404 if self.headers.get("Authorization") else 401, "RepoNotFound")
        elif repo.fault == "silent" or (repo.fault == "silent files" and file):
            self.hub.closing.wait()
            self.close_connection = True
        elif repo.fault == "broken":
            self._refuse(500, "")
        elif wanted["revision"] not in (None, "main", repo.commit):
            self._refuse(404, "RevisionNotFound")
        elif file and repo.fault == "gated":
            self._refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        elif file:
            self._send_file(repo, wanted["path"])
        elif wanted["verb"] in (None, "revision"):
            self._send_json(_description(wanted["name"], repo, "blobs=true" in address.query.lower()))
        elif wanted["verb"] == "tree":
            self._send_tree(repo, wanted["path"], "recursive=true" in address.query.lower())
        elif wanted["verb"] == "paths-info":
            entries = _entries(repo)
            self._send_json([entries[name] for name in parse_qs(body.decode()).get("paths", []) if name in entries])
        else:
            self._refuse(404, "")

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
        entries[name] = {"type": "file", "oid": _sha1(content), "size": len(content), "path": name}
    return dict(sorted(entries.items()))


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
