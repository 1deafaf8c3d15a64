"""Runs kept in a private data set repository, for a machine whose disk does not last: the way there and the way back.

One folder for each run, under the names of `$TUNER_HOME`. Each change is one commit, in which the older checkpoints of a run go
when a newer one comes. The token is that of the Space's owner, and is used for this alone.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner import runs
from tuner.errors import NetworkError, RunError, TunerError
from tuner.hub.client import Client, Kind, Repo
from tuner.hub.commit import push_files, same, seconds_for
from tuner.hub.kept_files import JOURNALS, Kept, Stamp, folder_of, hold, is_ours, merge, place_of, stamp, uploads_of
from tuner.hub.living import living
from tuner.runs import Run

_INDEX = "keep.json"
_KIND: Kind = "dataset"
# What a new repository may hold, and still be taken.
_OF_THE_HUB = {".gitattributes", "README.md"}
_TRIES = 3
# Large files that were replaced stay in the repository's history until it is folded up; less than this is not worth a word.
_LEAST_FOLDED_BYTES = 100 * 2**20


class _Changed(Exception):
    """A run came into another state while its files were read."""


@dataclass(frozen=True)
class Found:
    """What the repository holds.

    Attributes:
        entries: path → the Hub's description of the file.
        living: the runs that were queued or going on when they were kept last, the next one first.
    """

    repo: Repo
    entries: dict[str, Any]
    living: list[str]

    @property
    def folders(self) -> list[str]:
        """Runs, uploads and journals as "runs/ID"; what the living runs need comes first, then the newest runs."""
        found = {folder_of(path) for path in self.entries if is_ours(path)}
        order = {f"runs/{run_id}": place for place, run_id in enumerate(self.living)}
        own = sorted((f for f in found if f.startswith("runs/") and f not in order), reverse=True)
        others = sorted(f for f in found if not f.startswith("runs/"))
        return [*others, *(f for f in order if f in found), *own]


class Keep:
    """One repository and what was put there; one thread uses it at a time.

    Args:
        space: whose runs these are; a repository that keeps another Space's is refused.

    Attributes:
        absent: folders that are there and not yet here, since they could not be fetched or another container kept them meanwhile;
            nothing is written to them.
    """

    def __init__(self, client: Client, repo_id: str, space: str) -> None:
        self.repo_id = repo_id
        self._client, self._space = client, space
        self._files = Kept()
        self._head = self._index = ""
        self._kept: dict[str, Stamp | None] = {}
        self._replaced = 0
        self.absent: set[str] = set()
        # What is on this disk, or was since the start: what is gone of it was deleted.
        self._here: set[str] = set()

    def find(self) -> Found:
        """Looks what is there; makes the repository where there is none.

        Raises:
            SettingsError, NetworkError: the token may not write there, it is public, holds other things or another Space's
                runs, or the Hub cannot be reached.
        """
        self._here |= {f"runs/{run.id}" for run in runs.all_runs()}
        repo = self._repo()
        entries = self._entries(repo)
        return Found(repo, entries, self._living_in(repo, entries))

    def fetch(self, found: Found, folder: str) -> None:
        """Brings a folder that is not on the disk, all of it or nothing; the lines of a journal come before those on the disk.

        A run that was deleted since the start is not brought again.

        Raises:
            NetworkError: it did not arrive whole.
            OSError: it cannot be written.
        """
        target = runs.home() / folder
        is_journal = folder.startswith(JOURNALS)
        if folder in self._here or (target.exists() and not is_journal):
            return
        entries = {path: entry for path, entry in found.entries.items() if is_ours(path) and folder_of(path) == folder}
        with self._arrived(found.repo, entries) as part:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if is_journal and target.exists():
                merge(part, target)
            else:
                part.rename(target)
        self._here.add(folder)
        self._kept |= dict.fromkeys(entries)

    def take(self, found: Found) -> None:
        """Notes which files of the disk are there already; to be called when what can be fetched was."""
        self.absent = self._missing(found)
        self._kept = {path: None for path in found.entries if folder_of(path) in self._here} | self._kept
        self._learn(found.repo, found.entries)

    @property
    def has_deleted(self) -> bool:
        """Whether a run that is there is no more here."""
        kept = {folder_of(path) for path in self._kept if path.startswith("runs/")}
        return any(not (runs.home() / folder).is_dir() for folder in kept)

    def complete(self, found: Found, run_ids: Sequence[str]) -> list[str]:
        """Those of the runs that lack nothing which could still be fetched: their folder, an upload they name, a journal."""
        missing = self._missing(found)
        if any(folder.startswith(JOURNALS) for folder in missing):
            return []
        needed = {run_id: [f"runs/{run_id}", *uploads_of(Run(run_id, runs.home() / "runs" / run_id))] for run_id in run_ids}
        return [run_id for run_id, folders in needed.items() if missing.isdisjoint(folders)]

    def _missing(self, found: Found) -> set[str]:
        away = (folder for folder in found.folders if folder not in self._here)
        return {folder for folder in away if folder.startswith(JOURNALS) or not (runs.home() / folder).exists()}

    def push(self, resumed: Sequence[str] | None = None) -> bool:
        """Puts there what has changed since, by one commit; False where nothing has.

        Args:
            resumed: the runs to go on with after a restart; None: those that are queued or going on now.

        Raises:
            SettingsError, NetworkError: as `find`; what was kept before stands.
            RunError, SourceError: files changed faster than they could be read, or cannot be.
        """
        for _ in range(_TRIES):
            # A checkpoint was removed, or a run deleted or completed, while it was looked at.
            with contextlib.suppress(FileNotFoundError, _Changed):
                return self._push(living() if resumed is None else resumed)
        raise RunError("The runs changed while they were read.", "")

    def _push(self, resumed: Sequence[str]) -> bool:
        index = json.dumps({"space": self._space, "living": list(resumed)})
        if not any(self._difference()) and index == self._index:
            return False
        repo = self._repo()
        if repo.head != self._head:  # an answer was lost, or somebody wrote there
            entries = self._entries(repo)
            self.take(Found(repo, entries, self._living_in(repo, entries)))
        states = self._files.states()
        changed, gone = self._difference()
        stamps = {path: stamp(file) for path, file in changed.items()}
        self._here |= set(map(folder_of, changed))
        with self._staging() as folder:
            contents = {path: hold(file, folder, number) for number, (path, file) in enumerate(changed.items())}
            if self._files.states() != states:  # else its status might say completed, without the model that was not there yet
                raise _Changed
            message = f"Runs of {self._space}, kept by Tuner"
            pushed = push_files(self._client, repo, {**contents, _INDEX: index.encode()}, message, remove=gone)
        self._replaced += sum(size for path in (*changed, *gone) for size, _, _ in [self._kept.get(path) or (0, 0, 0)])
        self._kept = {path: known for path, known in self._kept.items() if path not in gone} | stamps
        self._head, self._index = pushed.commit, index
        self._fold_up()
        return True

    def _difference(self) -> tuple[dict[str, Path], list[str]]:
        """Files that are not there as they are here, and paths there that are no more here."""
        files = self._listed()
        if not (runs.home() / "runs").is_dir() and any(path.startswith("runs/") for path in self._kept):
            raise RunError(
                "The folder of the runs is gone; what was kept of them stays.", "Start the server anew: it fetches them."
            )
        changed = {path: file for path, file in files.items() if self._kept.get(path) != stamp(file)}
        return changed, [path for path in self._kept if path not in files and not self._stays(path)]

    def _listed(self) -> dict[str, Path]:
        files = self._files.files()
        return {path: file for path, file in files.items() if folder_of(path) not in self.absent} if self.absent else files

    def _stays(self, path: str) -> bool:
        """Whether it is a checkpoint that is still needed: of an unfinished run that has no other whole one just now."""
        tree, run_id, *rest = path.split("/")
        if tree != "runs" or rest[0] != "checkpoints":
            return False
        run = Run(run_id, runs.home() / "runs" / run_id)
        if not run.folder.is_dir() or self._files.has_checkpoint(run):
            return False
        try:
            return runs.read_status(run).state != "completed"
        except TunerError:
            return True

    def _fold_up(self) -> None:
        """Folds the history up once it holds more than what stands; what that cannot do now is done after another push."""
        standing = sum(known[0] for known in self._kept.values() if known)
        if self._replaced < max(standing, _LEAST_FOLDED_BYTES):
            return
        with contextlib.suppress(TunerError):
            self._client.call(lambda api: api.super_squash_history(self.repo_id, repo_type=_KIND), self.repo_id, _KIND)
            self._replaced = 0
            self._head = self._repo().head

    def _repo(self) -> Repo:
        found = self._client.check(self.repo_id, _KIND, private=False)
        if found is None:
            return self._client.writable(self.repo_id, _KIND, private=True)
        if not found.private:
            raise NetworkError(
                f"'{self.repo_id}' is public, and runs are kept in a private repository alone.", "Make it private."
            )
        return found

    def _entries(self, repo: Repo) -> dict[str, Any]:
        def tree(api: Any) -> list[Any]:  # noqa: ANN401
            return list(api.list_repo_tree(repo.repo_id, recursive=True, repo_type=_KIND, revision=repo.head))

        found = self._client.call(tree, repo.repo_id, _KIND, seconds_for(0))
        return {entry.path: entry for entry in found if hasattr(entry, "blob_id")}

    def _living_in(self, repo: Repo, entries: dict[str, Any]) -> list[str]:
        """What the index says; refuses a repository that is not for these runs."""
        if _INDEX not in entries:
            if set(entries) - _OF_THE_HUB:
                raise NetworkError(f"'{self.repo_id}' holds other things than kept runs.", "Name an empty or a new repository.")
            return []
        try:
            with self._downloaded(repo, {_INDEX: entries[_INDEX]}) as folder:
                index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
            resumed = [run_id for run_id in index["living"] if runs.is_run_id(run_id)]
            space = index["space"]
        except (ValueError, KeyError, TypeError):
            raise NetworkError(f"{_INDEX} of '{self.repo_id}' is damaged.", "Name a new repository.") from None
        if space != self._space:
            cause = f"'{self.repo_id}' keeps the runs of the Space {space}."
            raise NetworkError(cause, f"Name another, or delete {_INDEX} there if that Space is gone.")
        return resumed

    def _learn(self, repo: Repo, entries: dict[str, Any]) -> None:
        files, before = self._listed(), self._kept
        self._kept = {
            path: stamp(files[path]) if path in files and same(entry, files[path]) else None
            for path, entry in entries.items()
            if path in files or path in before
        }
        self._head, self._index = repo.head, ""

    @contextlib.contextmanager
    def _arrived(self, repo: Repo, entries: dict[str, Any]) -> Iterator[Path]:
        """The files of one folder under their names on the disk, in a folder that may be moved."""
        with self._downloaded(repo, entries) as staging:
            part = staging / "part"
            part.mkdir(mode=0o700)
            for path in entries:
                file = part.joinpath(*place_of(path).parts[2:])
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                (staging / path).rename(file)
            yield part

    @contextlib.contextmanager
    def _downloaded(self, repo: Repo, entries: dict[str, Any]) -> Iterator[Path]:
        size = sum(entry.size for entry in entries.values())
        about = {"repo_type": _KIND, "revision": repo.head, "allow_patterns": list(entries)}
        with self._staging() as folder:
            self._client.call(
                lambda api: api.snapshot_download(repo.repo_id, local_dir=folder, **about),
                repo.repo_id,
                _KIND,
                seconds_for(size),
            )
            for path, entry in entries.items():
                if not (folder / path).is_file() or not same(entry, folder / path):
                    raise NetworkError(f"{path} of '{self.repo_id}' did not arrive whole.", "")
            yield folder

    @contextlib.contextmanager
    def _staging(self) -> Iterator[Path]:
        """A folder on the disk of the runs: what is in it can be moved to them, or linked from there."""
        (runs.home() / "keep").mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(dir=runs.home() / "keep"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
