"""Numbers in words, the same in the terminal and on the page."""

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """Seconds in words: "40 s", "3 min", "2 h 5 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def age(seconds: float) -> str:
    """How long ago: "just now", "5 min ago", "3 h ago", "2 days ago"."""
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 86_400:
        return f"{seconds / 3600:.0f} h ago"
    days = round(seconds / 86_400)
    return f"{days} day{'s' if days != 1 else ''} ago"


def shortened(text: str, most: int = 60) -> str:
    """A text where there is little room: one that is too long ends with "…"."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def listed(parts: Sequence[str], most: int) -> str:
    """The first of some names or phrases, and how many more there are: "a, b and 3 more"."""
    more = len(parts) - most
    return ", ".join(parts[:most]) + (f" and {more:,} more" if more > 0 else "")


def size(count: float) -> str:
    """Bytes in words: "312 bytes", "41 KB", "90.9 MB", "1.25 GB", powers of ten."""
    for least, name, digits in ((1e9, "GB", 2), (1e6, "MB", 1), (1e3, "KB", 0)):
        if count >= least:
            return f"{count / least:,.{digits}f} {name}"
    return f"{count:.0f} bytes"


def exact(value: float) -> str:
    """A number as a person types it, that reads back to the same: "60", "2.5", "1e-05"; never "1e+06"."""
    return f"{value:.0f}" if value == int(value) else repr(value)


def signed(value: float) -> str:
    """A number with its sign and two decimals, smaller ones with one digit that counts: "+0.31", "-0.002", "0"."""
    if abs(value) < 5e-5:
        return "0"
    return f"{value:+.2f}" if abs(value) >= 0.005 else f"{value:+.1g}"


def points(change: float) -> str:
    """A difference of probabilities in points with its sign; a real minus sign, so that it lines up."""
    return f"{'+' if change >= 0 else '−'}{100 * abs(change):.1f}"
