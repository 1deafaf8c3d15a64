"""Prints docs/settings.md from the settings themselves: `python docs/build_settings.py > docs/settings.md`."""

from tuner.allowed import allowed
from tuner.config import RunConfig, fields

HEAD = """# Settings

A run's settings, as they stand in `config.yaml`, in `--set section.field=value` and in the app. Defaults are those of the
preset `quick` where it names one. Names are those of `transformers.TrainingArguments` where it has them.
"""


def page() -> str:
    """The whole page."""
    default = RunConfig()
    lines = [HEAD]
    seen = set()
    for section, field, info in fields():
        if section not in seen:
            lines += ["", f"## {section}", "", "| field | default | allowed | what it does |", "|---|---|---|---|"]
            seen.add(section)
        value = getattr(getattr(default, section), field)
        lines.append(f"| `{field}` | {'–' if value is None else f'`{value}`'} | {allowed(field, info)} | {info.description} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(page())
