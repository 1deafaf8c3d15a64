"""The Hub's client with a deadline for every call, and the check of rights that comes before any upload."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tuner.errors import NetworkError, SettingsError
from tuner.hub import errors
from tuner.hub_read import HUB_ID, within_deadline

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Kind = Literal["model", "dataset", "space"]
IN_WORDS: dict[Kind, str] = {"model": "a model", "dataset": "a data set", "space": "a Space"}
# For a question; an upload gets more, by its size.
SECONDS = 20.0
# Of what git takes (`git check-ref-format --branch`) the names of these characters alone.
_BRANCH = re.compile(r"(?!refs/|-|HEAD$)(?!.*(\.\.|\.lock(/|$)|\.$))[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)
_FOLDERS: dict[Kind, str] = {"model": "", "dataset": "datasets/", "space": "spaces/"}


@dataclass(frozen=True)
class Repo:
    """A repository that may be written to.

    Attributes:
        head: the newest commit of `revision`.
        link: its page.
        revision: the branch that is written to.
    """

    repo_id: str
    kind: Kind
    private: bool
    head: str
    link: str
    revision: str = "main"


class Client:
    """Writes as one person.

    Args:
        token: the person's; it is held in memory alone.
        endpoint: another Hub than huggingface.co or that of HF_ENDPOINT.

    Raises:
        NetworkError: there is no token.
    """

    def __init__(self, token: str | bool | None, endpoint: str | None = None) -> None:
        if not isinstance(token, str) or not token:
            raise errors.no_token()
        self.token, self.endpoint = token, endpoint
        self._known: dict[str, Any] = {}

    @cached_property
    def _api(self) -> "HfApi":
        from huggingface_hub import HfApi

        return HfApi(self.endpoint, token=self.token)

    @property
    def page(self) -> str:
        """The Hub's address."""
        return self._api.endpoint

    def call(self, question: Callable[["HfApi"], Any], repo_id: str, kind: Kind, seconds: float | None = None) -> Any:  # noqa: ANN401
        """The answer to one question.

        Raises:
            NetworkError, SettingsError: the Hub refuses, breaks off, or says nothing within `seconds` (20).
        """
        with errors.translated(repo_id, IN_WORDS[kind]):
            return within_deadline(lambda: question(self._api), seconds or SECONDS)

    def writable(self, repo_id: str, kind: Kind, private: bool, made_with: Mapping[str, Any] | None = None) -> Repo:
        """The repository, made where there is none, after everything that would refuse an upload was asked.

        Args:
            private: as it is made; one that is there already stays as it is.
            made_with: what else `HfApi.create_repo` takes.

        Raises:
            SettingsError: no name of a repository.
            NetworkError: the token may not write there, or it is public already and was to be private.
        """
        repo_id = self._check_person(repo_id, kind)
        about: dict[str, Any] = {"repo_type": kind, "private": private, "exist_ok": True, **(made_with or {})}
        self.call(lambda api: api.create_repo(repo_id, **about), repo_id, kind)
        self.call(lambda api: api.auth_check(repo_id, repo_type=kind, write=True), repo_id, kind)
        found = self.call(lambda api: api.repo_info(repo_id, repo_type=kind, timeout=SECONDS), repo_id, kind)
        return self._repo(found, repo_id, kind, private)

    def check(self, repo_id: str, kind: Kind, private: bool, *, pull_request: bool = False) -> Repo | None:
        """The repository as it stands, None where there is none yet; asks what would refuse an upload, and makes nothing.

        Whether a token of narrow rights may make a new repository is known to the Hub alone, when it is made.

        Args:
            private, pull_request: as for `writable` and `readable`.

        Raises:
            SettingsError, NetworkError: as `writable` and `readable`.
        """
        if pull_request:
            return self.readable(repo_id, kind, private)
        repo_id = self._check_person(repo_id, kind)
        found = self.call(lambda api: _info_or_none(api, repo_id, kind), repo_id, kind)
        if found is None:
            return None
        self.call(lambda api: api.auth_check(repo_id, repo_type=kind, write=True), repo_id, kind)
        return self._repo(found, repo_id, kind, private)

    def readable(self, repo_id: str, kind: Kind, private: bool) -> Repo:
        """A repository that a pull request may be opened at: whoever may read it may propose a change.

        Args:
            private: what is proposed is for those alone who may read it; at a public repository that is refused.

        Raises:
            SettingsError: no name of a repository.
            NetworkError: there is none, or the token may only read.
        """
        if not HUB_ID.fullmatch(repo_id):
            raise errors.invalid_name(repo_id)
        self._check_role(repo_id, kind)
        found = self.call(lambda api: _info_or_none(api, repo_id, kind), repo_id, kind)
        if found is None:
            raise NetworkError(
                f"There is no '{repo_id}' that a pull request could be opened at.", "Push it without one: that makes it."
            )
        return self._repo(found, repo_id, kind, private)

    def on_branch(self, repo: Repo, branch: str) -> Repo:
        """The same repository, to be written on a branch; it begins at `repo.head` where it is new.

        Raises:
            SettingsError: no name of a branch.
            NetworkError: as `call`.
        """
        check_branch(branch)
        about: dict[str, Any] = {"repo_type": repo.kind}
        self.call(lambda api: api.create_branch(repo.repo_id, branch=branch, exist_ok=True, **about), repo.repo_id, repo.kind)
        found = self.call(lambda api: api.repo_info(repo.repo_id, revision=branch, **about), repo.repo_id, repo.kind)
        return replace(repo, head=found.sha, revision=branch)

    def owners(self) -> list[str]:
        """The names this person may write under: their own, then those of their organisations.

        Raises:
            NetworkError: the Hub does not know the token, or cannot be reached.
        """
        person = self._person("your account", "model")
        return [person.get("name", ""), *(group.get("name", "") for group in person.get("orgs", []))]

    def spelled(self, repo_id: str) -> str:
        """The name with its owner in the letters of the Hub, which takes no "Owner/model" of owner's.

        Raises:
            SettingsError: no name of a repository.
            NetworkError: as `owners`.
        """
        if not HUB_ID.fullmatch(repo_id):
            raise errors.invalid_name(repo_id)
        owner, _, name = repo_id.partition("/")
        return next((f"{own}/{name}" for own in self.owners() if own.lower() == owner.lower()), repo_id)

    def _repo(self, found: Any, repo_id: str, kind: Kind, private: bool) -> Repo:  # noqa: ANN401
        if private and not found.private:
            raise NetworkError(
                f"'{repo_id}' is there already, and everybody may read it.", "Push it as public, or choose another name."
            )
        link = f"{self._api.endpoint}/{_FOLDERS[kind]}{repo_id}"
        return Repo(repo_id, kind, bool(found.private), found.sha, link)

    def _person(self, repo_id: str, kind: Kind) -> dict[str, Any]:
        """Asked once: the Hub limits this question more than others."""
        if not self._known:
            self._known.update(self.call(lambda api: api.whoami(), repo_id, kind))
        return self._known

    def _check_role(self, repo_id: str, kind: Kind) -> None:
        if self._person(repo_id, kind).get("auth", {}).get("accessToken", {}).get("role") == "read":
            raise errors.read_only(repo_id)

    def _check_person(self, repo_id: str, kind: Kind) -> str:
        """Whose token it is, and whether it may write under that name; the name as it is spelled.

        Raises:
            SettingsError: no name of a repository.
            NetworkError: it may not.
        """
        if not HUB_ID.fullmatch(repo_id):
            raise errors.invalid_name(repo_id)
        self._check_role(repo_id, kind)
        repo_id, own = self.spelled(repo_id), self.owners()
        owner, _, name = repo_id.partition("/")
        if owner not in own:
            raise NetworkError(
                f"You cannot write under '{owner}': you are {own[0]}" + (f", of {', '.join(own[1:6])}." if own[1:] else "."),
                f"Name it {own[0]}/{name}.",
            )
        return repo_id


def check_branch(branch: str) -> None:
    """Refuses what is no name of a branch.

    Raises:
        SettingsError: with the name.
    """
    if len(branch) > 100 or not _BRANCH.fullmatch(branch):
        raise SettingsError(
            [f"'{branch[:100]}' is no name of a branch."], "Give letters, digits, '-', '_', '.' and '/', such as better-data."
        )


def _info_or_none(api: "HfApi", repo_id: str, kind: Kind) -> Any:  # noqa: ANN401
    """The Hub's description of a repository; None where there is none for this person."""
    from huggingface_hub import errors as hub_errors

    try:
        return api.repo_info(repo_id, repo_type=kind, timeout=SECONDS)
    except hub_errors.RepositoryNotFoundError:
        return None
