"""Launches the app with the settings that make it safe to leave open."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Read when Gradio is imported: nothing is reported and no version looked up.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Gradio sums up its timings with pandas at the begin and end of every event, for a monitoring page that is off here: with twenty
# people asking, half of the server's time.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000000")
# A core that waits for torch's next product looks out for it 300,000 times, and serves nobody meanwhile: with 50,000 the slowest
# of twenty people waited 81 ms instead of 92, and one alone as long as before. Workers, who serve nobody, do not get it.
os.environ.setdefault("GOMP_SPINCOUNT", "50000")
if os.environ.get("SPACE_ID"):  # transformers asks for a list of files without the token it was given, and so with the Space's
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tuner import runs
from tuner.errors import SettingsError
from tuner.inference import Place
from tuner.launch.keeper import keeper
from tuner.person import strangers_come
from tuner.ui import theme
from tuner.ui.build import build_app
from tuner.ui.context import Context
from tuner.ui.guard import Guard, SpaceHosts
from tuner.ui.leaving import Leaving
from tuner.ui.questions import Questions

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_MOST_UPLOAD = "2gb"
# Gradio keeps 1.2 MB of this page for each session, and makes one for every call that names none: its 10,000 were 12 GB.
_MOST_SESSIONS = 300


def serve(host: str = "127.0.0.1", port: int = 7860, block: bool = True, context: Context | None = None) -> gr.Blocks:
    """Serves the app at `http://host:port`.

    Args:
        block: keep the calling thread until the server ends.
        context: of an app that is not as usual, as on ZeroGPU.

    Raises:
        SettingsError: the port is taken, or runs cannot be kept as the environment asks.
    """
    on_space = bool(os.environ.get("SPACE_ID"))
    # Who comes over the network is a guest: names no paths of this machine, and pushes nothing with its token.
    context = context or Context(local=not on_space and host in _THIS_MACHINE, keeper=keeper())
    Place.default = staticmethod(context.device)
    if on_space:
        strangers_come()
    app = build_app(context)
    app.queue(max_size=64)
    names = ["127.0.0.1", "localhost", "[::1]", host]
    names += [name.strip() for name in os.environ.get("SPACE_HOST", "").split(",") if name.strip()]
    # Served to a whole network by the person's own wish: any name of this machine will do.
    allowed = ["*"] if host in ("0.0.0.0", "::") and not on_space else names
    hosts = SpaceHosts if on_space else TrustedHostMiddleware
    middleware = [Middleware(hosts, allowed_hosts=allowed, www_redirect=False), Middleware(Guard), Middleware(Leaving)]
    if not context.answers_queue:
        middleware.append(Middleware(Questions, context=context))
    try:
        with _no_proxy():
            app.launch(
                server_name=host,
                server_port=port,
                share=False,
                # Else Gradio asks its own page, and a machine too busy to give it within 3 s ends the server.
                _frontend=False,
                quiet=True,
                theme=theme.theme(),
                css=theme.CSS,
                run_history=False,
                show_error=False,
                enable_monitoring=False,
                max_file_size=_MOST_UPLOAD,
                state_session_capacity=_MOST_SESSIONS,
                allowed_paths=[],
                blocked_paths=[str(runs.home())],
                ssr_mode=False,
                footer_links=["api"],
                prevent_thread_lock=True,
                app_kwargs={"middleware": middleware},
            )
    except OSError:
        raise SettingsError([f"Port {port} is taken."]) from None
    context.warm_up()
    if context.keeper:
        context.keeper.start()
    print(f"Tuner is at http://{host}:{port}", flush=True)
    if block:
        _wait(app, context)
    return app


@contextmanager
def _no_proxy() -> Iterator[None]:
    """Inside it no proxy of the environment is asked: Gradio calls its own server while it starts, which a proxy cannot reach."""
    before = os.environ.get("no_proxy")
    os.environ["no_proxy"] = "*"
    try:
        yield
    finally:
        if before is None:
            del os.environ["no_proxy"]
        else:
            os.environ["no_proxy"] = before


def _wait(app: gr.Blocks, context: Context) -> None:
    """Until the server ends; then what is to outlive the machine is kept, in the seconds a Space has left."""
    if not context.keeper:
        return app.block_thread()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app.block_thread()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        context.keeper.close()
