"""What the Share tab shows of files, card and push. Pure; names of people are escaped."""

import base64
import html
import re
import time
from collections.abc import Mapping
from pathlib import Path

from tuner.hub import listing
from tuner.hub.space_stage import Space
from tuner.hub.state import PushState
from tuner.ui import render, text
from tuner.words import duration, size

# A picture of the card, as its template writes it.
_PICTURE = re.compile(r"!\[([^\]\n]*)\]\((confusion|calibration)\.png\)")
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def files_table(files: Mapping[str, Path | bytes]) -> list[list[str]]:
    """File, size and what it is for; the last row is their sum."""
    rows = listing(files)
    named = [[path, size(count), _purpose(path)] for path, count in rows]
    return [*named, [f"{len(rows)} files", size(sum(count for _, count in rows)), ""]]


def _purpose(path: str) -> str:
    name = path.rpartition("/")[2]
    if name.endswith(".safetensors"):
        return text.PURPOSES["adapter" if path.startswith("adapter/") else "weights"]
    return text.PURPOSES.get(name, text.PURPOSES["tokenizer"] if not path.startswith("adapter/") else text.PURPOSES["adapter"])


def card_preview(files: Mapping[str, Path | bytes]) -> str:
    """The card without its front matter, its own pictures in it; the card escapes whatever people named."""
    card = files["README.md"]
    words = card.decode() if isinstance(card, bytes) else card.read_text(encoding="utf-8")

    def picture(match: re.Match[str]) -> str:
        content = files.get(f"{match[2]}.png")
        return f"![{match[1]}](data:image/png;base64,{base64.b64encode(content).decode()})" if isinstance(content, bytes) else ""

    return _PICTURE.sub(picture, _FRONT.sub("", words))


def front_matter(files: Mapping[str, Path | bytes]) -> str:
    """What the Hub itself reads of the card, as YAML."""
    card = files["README.md"]
    found = _FRONT.match(card.decode() if isinstance(card, bytes) else card.read_text(encoding="utf-8"))
    return found[0].strip("-\n") if found else ""


def state(found: PushState, now: float | None = None) -> str:
    """How far a push is, where it went, or why it failed."""
    where = html.escape(found.wanted.repo_id)
    if found.state == "pending":
        return _pending(found, where, (now or time.time()) - found.since)
    if found.state == "failed":
        return failed(found.cause, found.cure, text.PUSH_FAILED.format(found.wanted.repo_id))
    pushed = found.pushed
    what = text.PUSH_WAS_THERE if pushed.unchanged else text.PUSH_PROPOSED if pushed.pull_request else text.PUSH_DONE
    who = text.WHO_PRIVATE if pushed.private else text.WHO_PUBLIC
    branch = f" · {html.escape(pushed.revision)}" if pushed.revision != "main" else ""
    answers = f'<p class="sentence">{html.escape(found.answers)}</p>' if found.answers else ""
    return (
        f'<p class="answer">{html.escape(what.format(found.wanted.repo_id))}</p>'
        f'<p class="sentence">{link(pushed.pull_request or pushed.link)}</p>'
        f'<p class="run-line">{html.escape(who)}{branch} · {text.COMMIT} {html.escape(pushed.commit[:12])}</p>{answers}'
    )


def failed(cause: str, cure: str, title: str) -> str:
    """Cause, cure, and what is kept."""
    return (
        f'<p class="answer">{html.escape(title)}</p><p class="sentence">{html.escape(cause)}</p>'
        f'<p class="sentence">{html.escape(cure)}</p><p class="run-line">{text.RUN_IS_WHOLE}</p>'
    )


def space(found: Space) -> str:
    """Where a Space is, and how far."""
    who = text.SPACE_PRIVATE if found.private else text.WHO_PUBLIC
    log = f'<p class="sentence">{link(found.log)}</p>' if found.log else ""
    hardware = f" · {html.escape(found.hardware)}" if found.hardware else ""
    return (
        f'<p class="answer">{html.escape(text.SPACE_IS.format(found.repo_id))}</p><p class="sentence">{link(found.link)}</p>'
        f'<p class="sentence">{html.escape(found.words)}</p>{log}'
        f'<p class="run-line">{html.escape(who)}{hardware} · {text.COMMIT} {html.escape(found.commit[:12])}</p>'
    )


def quiet(words: str) -> str:
    """A sentence that asks for nothing; nothing for none."""
    return f'<p class="run-line">{html.escape(words)}</p>' if words else ""


def link(address: str) -> str:
    """A link to a page of the Hub, opened beside this one."""
    known = html.escape(address, quote=True)
    return f'<a href="{known}" target="_blank" rel="noopener noreferrer">{known}</a>' if address.startswith("http") else known


def _pending(found: PushState, where: str, seconds: float) -> str:
    share, line = 0.0, text.PUSH_STAGES[found.stage]
    if found.stage == "sending" and found.total:
        share = found.sent / found.total
        rate = found.sent / seconds if seconds > 1 else 0.0
        left = f"about {duration((found.total - found.sent) / rate)} left" if rate and found.sent < found.total else ""
        parts = [f"{size(found.sent)} of {size(found.total)}", f"{size(rate)}/s" if rate else "", left]
        line = f"{line}: {' · '.join(filter(None, parts))}"
    elif found.stage == "comparing":
        share, line = 1.0, f"{line} · {duration(seconds)}"
    return (
        f'<div class="run-head"><strong>{text.PUSHING} {where}</strong></div>'
        f'{render.bar(share, text.PUSHING)}<div class="run-line">{html.escape(line)}</div>'
    )
