"""One commit that holds everything; pushing the same files again makes none, also after an answer that was lost."""

import contextlib
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from tuner.errors import NetworkError, SourceError, TunerError
from tuner.hub.client import Client, Repo

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, HfApi

Contents = Mapping[str, bytes | Path]
# Called with the bytes sent so far, and all of them.
OnProgress = Callable[[int, int], None]
# A slow line's upload; with a minute for the questions around it.
_BYTES_PER_SECOND = 200_000
LEAST_SECONDS = 60.0
# Open pull requests that are looked at for one that proposes the same.
_MOST_REQUESTS = 20


class Pushed(BaseModel):
    """What stands on the Hub now.

    Attributes:
        link: the repository's page.
        commit: the one that holds the files.
        unchanged: they were there already; nothing was sent.
        revision: the branch that holds them; of a pull request its own, `refs/pr/1`.
        pull_request: the page of the pull request; empty where none was wanted, or the files are in the branch already.
    """

    model_config = ConfigDict(frozen=True)

    repo_id: str
    link: str
    commit: str
    private: bool
    unchanged: bool
    revision: str = "main"
    pull_request: str = ""


def push_files(
    client: Client,
    repo: Repo,
    files: Contents,
    message: str,
    *,
    remove: Sequence[str] = (),
    pull_request: bool = False,
    on_progress: OnProgress | None = None,
) -> Pushed:
    """Puts files into a repository by one commit on top of `repo.head`; other files there stay.

    Where the outcome is not known (the connection broke, the Hub said nothing), what stands there decides.

    Args:
        files: path in the repository → content, or the file that holds it.
        remove: files that are there and go with the same commit.
        pull_request: proposes the commit; one that is open and proposes the same is taken for it.
        on_progress: called from several threads.

    Raises:
        SourceError: a file cannot be read.
        NetworkError, SettingsError: the Hub refuses or cannot be reached; the files are all there or none is.
    """
    try:
        if there := _found(client, repo, files, remove, pull_request):
            return there
        size = sum(size_of(content) for content in files.values())
    except OSError as error:  # without its folder: the person may be on another machine
        name = Path(error.filename or "A file").name
        raise SourceError(f"{name} cannot be read any more ({error.strerror}).", "Make it anew, and push again.") from None

    def commit(api: "HfApi") -> "CommitInfo":
        with _operations(files, size, on_progress) as added:
            about: dict[str, Any] = {"repo_type": repo.kind, "revision": repo.revision, "parent_commit": repo.head}
            operations = [*added, *_removals(remove)]
            return api.create_commit(repo.repo_id, operations, commit_message=message, create_pr=pull_request, **about)

    try:
        made = client.call(commit, repo.repo_id, repo.kind, seconds_for(size))
    except NetworkError:
        with contextlib.suppress(TunerError):
            if there := _found(client, repo, files, remove, pull_request):
                return there.model_copy(update={"unchanged": False})
        raise
    more = {"revision": made.pr_revision, "pull_request": made.pr_url} if made.pr_url else {"revision": repo.revision}
    return _pushed(repo, made.oid, **more)


def size_of(content: bytes | Path) -> int:
    """Bytes of a file."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def seconds_for(size: int) -> float:
    """What sending or fetching so many bytes may take on a slow line."""
    return LEAST_SECONDS + size / _BYTES_PER_SECOND


class _Told(io.BufferedReader):
    """A file that tells how far it was read; a retry reads it again from its start.

    The client sends open files by plain HTTP. Its other way (hf_xet) takes paths and bytes alone, says nothing of what it sent,
    and hides why it was refused: a full quota or a revoked token is "Network error" there, or no word but a number. What it
    saves by parts the Hub has already is little, since a training changes every weight.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self.tell_of: Callable[[int], None] | None = None

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        if self.tell_of:
            self.tell_of(self.tell())
        return content


@contextlib.contextmanager
def _operations(files: Contents, size: int, on_progress: OnProgress | None) -> Any:  # noqa: ANN401
    """The files as the client takes them; they are open until the commit is made."""
    from huggingface_hub import CommitOperationAdd

    sent: dict[str, int] = {}

    def told(name: str, position: int) -> None:
        sent[name] = max(position, sent.get(name, 0))
        on_progress(sum(list(sent.values())), size)

    with contextlib.ExitStack() as opened:
        added = []
        for name, content in files.items():
            source = io.BytesIO(content) if isinstance(content, bytes) else opened.enter_context(_Told(content))
            added.append(CommitOperationAdd(name, source))  # reads it once, for its checksum
            if on_progress and isinstance(source, _Told):
                source.tell_of = lambda position, name=name: told(name, position)
        yield added
    if on_progress:
        on_progress(size, size)


def _removals(paths: Sequence[str]) -> list[Any]:
    from huggingface_hub import CommitOperationDelete

    return [CommitOperationDelete(path, is_folder=False) for path in paths]


def _found(client: Client, repo: Repo, files: Contents, remove: Sequence[str], pull_request: bool) -> Pushed | None:
    """What holds the files already: the branch, else an open pull request; None where nothing does."""
    about: dict[str, Any] = {"repo_type": repo.kind}
    if _holds(client, repo, files, remove, repo.revision):
        info = client.call(lambda api: api.repo_info(repo.repo_id, revision=repo.revision, **about), repo.repo_id, repo.kind)
        return _pushed(repo, info.sha, revision=repo.revision, unchanged=True)
    if not pull_request:
        return None

    def requests(api: "HfApi") -> list[Any]:
        opened = api.get_repo_discussions(repo.repo_id, discussion_type="pull_request", discussion_status="open", **about)
        return [request for _, request in zip(range(_MOST_REQUESTS), opened, strict=False)]

    for request in client.call(requests, repo.repo_id, repo.kind):
        if _holds(client, repo, files, remove, request.git_reference):
            at = {"revision": request.git_reference, **about}
            info = client.call(lambda api, at=at: api.repo_info(repo.repo_id, **at), repo.repo_id, repo.kind)
            return _pushed(repo, info.sha, revision=request.git_reference, pull_request=request.url, unchanged=True)
    return None


def _pushed(repo: Repo, commit: str, **more: Any) -> Pushed:  # noqa: ANN401
    return Pushed(repo_id=repo.repo_id, link=repo.link, commit=commit, private=repo.private, **{"unchanged": False, **more})


def _holds(client: Client, repo: Repo, files: Contents, remove: Sequence[str], revision: str) -> bool:
    """Whether a revision of the repository has just these contents under these paths, and nothing under those to remove."""
    about: dict[str, Any] = {"repo_type": repo.kind, "revision": revision}
    found = client.call(lambda api: api.get_paths_info(repo.repo_id, [*files, *remove], **about), repo.repo_id, repo.kind)
    there = {entry.path: entry for entry in found}
    if any(path in there for path in remove):
        return False
    return all(path in there and same(there[path], content) for path, content in files.items())


def same(entry: Any, content: bytes | Path) -> bool:  # noqa: ANN401
    """Whether an entry of the Hub's has this content, by the checksum it keeps: SHA-256 of a file apart, else git's of a blob."""
    size = size_of(content)
    if getattr(entry, "size", None) != size:
        return False
    stored = getattr(entry, "lfs", None)
    digest = hashlib.sha256() if stored else hashlib.sha1(f"blob {size}\0".encode())
    if isinstance(content, bytes):
        digest.update(content)
    else:
        with content.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest() == (stored.sha256 if stored else entry.blob_id)
