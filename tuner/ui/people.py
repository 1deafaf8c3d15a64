"""Whose request it is: every function of the app, each of the page and each endpoint, is called for the person who asks.

On a Space that offers a login the person stands in Gradio's session, a signed cookie; a program hands over a Hub token of its
own as gradio_client's `oauth_token` (or that field of the JSON body). No other header and no cookie is taken for a token: the
client sends the one that lies on its machine to every app by itself. A token is held for one request, and remembered nowhere.
"""

import functools
import inspect
import os
import time
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from tuner.access import GUEST, LOCAL, VISITOR, Person, acting, is_owner
from tuner.person import EXPIRED, logged_in, login_offered
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.sharing import owners

# A login that ends while its request is answered has ended.
_MARGIN_SECONDS = 5.0


def attach(app: gr.Blocks, context: Context) -> None:
    """Has every function of the built app called for the person who asks, and its errors told in words.

    Called once, last of all: what stands in the app by then cannot be forgotten.
    """
    for dependency in app.fns.values():
        if dependency.fn is None:
            continue
        if str(getattr(dependency.fn, "__module__", "")).startswith("gradio."):  # the login button's look at the cookie
            dependency.api_visibility = "private"
            continue
        wrap = _endpoint if dependency.api_visibility == "public" and login_offered() else _handler
        dependency.fn = wrap(toast(dependency.fn), context)


def is_attached(function: Callable[..., Any]) -> bool:
    """Whether the function is called for the person who asks."""
    return getattr(function, "asks_for_a_person", False)


def person_of(context: Context, scope: Any, token: str | None = None) -> Person:  # noqa: ANN401
    """Who sent a request.

    Args:
        scope: of the request, or None where there is none.
        token: a Hub token that came with it.

    Raises:
        NetworkError: the Hub does not know the token, or cannot be reached.
    """
    if context.local:
        return LOCAL
    if not os.environ.get("SPACE_ID"):
        return GUEST
    person = in_session(scope)
    if token and not person.name:
        return _named(owners(token)[0], token)
    return person


def in_session(scope: Any) -> Person:  # noqa: ANN401
    """Who is logged in by the signed cookie that came with a request; without one a visitor.

    Args:
        scope: of the request, or None where there is none.
    """
    session = scope.get("session") if isinstance(scope, dict) else None
    login = (session or {}).get("oauth_info")
    if login and (login.get("expires_at") or 0) > time.time() + _MARGIN_SECONDS:
        return _named(login["userinfo"]["preferred_username"], login["access_token"], login["expires_at"])
    return EXPIRED if login else VISITOR


def _named(name: str, token: str, until: float | None = None) -> Person:
    return Person(name, token, owner=is_owner(name), until=until)


def _handler(function: Callable[..., Any], context: Context) -> Callable[..., Any]:
    """A function of the page."""

    @functools.wraps(function)
    def handled(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return answer(function, context, _scope(), None, args, kwargs)

    handled.asks_for_a_person = True
    return handled


def _endpoint(function: Callable[..., Any], context: Context) -> Callable[..., Any]:
    """A function other programs call; it says to them that it takes a token."""

    @functools.wraps(function)
    def handled(oauth: gr.OAuthToken | None, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return answer(function, context, _scope(), oauth.token if oauth else None, args, kwargs)

    # First, since Gradio puts it at its place among the values that came, of which there may be fewer.
    signature, parameter = inspect.signature(function), inspect.Parameter("oauth", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    handled.__signature__ = signature.replace(parameters=[parameter, *signature.parameters.values()])
    handled.__annotations__ = {"oauth": gr.OAuthToken | None, **function.__annotations__}
    handled.asks_for_a_person = True
    return handled


def _scope() -> Any:  # noqa: ANN401
    """Of the request that Gradio answers; None where there is none."""
    return getattr(getattr(LocalContext.request.get(None), "request", None), "scope", None)


def answer(function: Callable[..., Any], context: Context, scope: Any, token: str | None, args: Any, kwargs: Any) -> Any:  # noqa: ANN401
    """What a function gives when it is called for the person who sent a request.

    Args:
        scope, token: as `person_of`.

    Raises:
        gr.Error: as the function, or the person is not known.
    """
    person = toast(person_of)(context, scope, token)
    with acting(person):
        try:
            return function(*args, **kwargs)
        except gr.Error:
            if person.expired:  # whatever it was called, it is not there for who is not logged in
                toast(logged_in)("")
            raise
