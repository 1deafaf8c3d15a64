"""preview: what a source holds."""

import argparse
import dataclasses
import json
import shlex
from typing import Any

from tuner.commands.common import AddCommand, print_json, print_table
from tuner.config import RunConfig, check_split, merge, parse_assignments


def add(command: AddCommand) -> None:
    """Adds the commands of this module to the CLI."""
    preview = command("preview", _preview, "show rows, label counts and token lengths of a source")
    preview.add_argument("source", metavar="SOURCE", help="sample:tweets, a file, or a Hub data set owner/name")
    preview.add_argument("--config", help="configuration of a Hub data set")
    preview.add_argument("--revision", help="commit, branch or tag of a Hub data set")
    preview.add_argument("--split", default="train", help="show rows of train, validation or test (default train)")
    preview.add_argument("--text-column", help="column that holds the text")
    preview.add_argument("--label-column", help="column that holds the label")
    preview.add_argument("--model", help="base model whose tokenizer counts")
    preview.add_argument("--suspicious", type=int, default=0, metavar="N", help="list the N most suspicious labels, too")
    preview.add_argument("--set", action="append", default=[], metavar="SECTION.FIELD=VALUE", help="a setting, such as a fix")


def _preview(options: argparse.Namespace) -> int:
    from tuner import augmentation, modeling
    from tuner.data import load_labelled, profile, suspicious_in

    chosen = {
        "source": options.source,
        "config": options.config,
        "revision": options.revision,
        "text_column": options.text_column,
        "label_column": options.label_column,
        "max_train_samples": None,
    }
    model = {"name": options.model} if options.model else {}
    config = RunConfig(**merge({"data": chosen, "model": model}, parse_assignments(options.set)))
    data = load_labelled(config.data)
    found = profile(config, data, split=check_split(options.split))
    suspicious = suspicious_in(data, most=options.suspicious) if options.suspicious > 0 else []
    base = modeling.find_base_model(config.model.name, config.model.revision)
    copies = augmentation.preview(data.splits["train"].texts, config.augmentation, base, config.augmentation.seed)
    if options.json:
        listed = {"suspicious": [dataclasses.asdict(row) for row in suspicious]} if options.suspicious else {}
        if copies:
            listed["augmented"] = [{"text": text, "altered": altered, "strategies": names} for text, altered, names in copies]
        return print_json({**found.model_dump(mode="json"), **listed})
    print(f"{found.source}: text in {', '.join(found.text_column)} ({found.text_reason}),")
    print(f"label in {found.label_column} ({found.label_reason}).")
    print()
    print_table(
        ["label", *found.splits],
        [[label, *(f"{split.label_counts[label]:,}" for split in found.splits.values())] for label in found.labels]
        + [["all", *(f"{split.rows:,}" for split in found.splits.values())]],
    )
    tokens = found.tokens
    which = f"the first {tokens.rows:,}" if tokens.sampled else f"all {tokens.rows:,}"
    print(f"\nTokens of {tokens.model} ({which} training rows): " + ", ".join(f"{k} ≤ {v}" for k, v in tokens.quantiles.items()))
    print(f"Texts are cut at {tokens.max_length} tokens ({tokens.share_cut:.1%} of them); the model's limit is {tokens.limit:,}.")
    for finding in found.findings:
        print(f"- [{finding.severity}] {finding.what} {finding.why}")
        if finding.fix:
            print(f"  {finding.fix.title}: {_as_flags(finding.fix.changes)}")
    for line in found.notes:
        print(f"- {line}")
    print(f"\nA sample of the {options.split} rows:")
    for row in found.sample:
        print(f"  {row['label']:>10}  {' '.join(row['text'].split())[:110]}")
    if suspicious:
        print("\nLabels that fit their texts least, by word counts of the other rows (a ranked list, not a count of errors):")
    for row in suspicious:
        doubt = f"{row.label} {row.probability_label:.0%}, {row.suggested} {row.probability_suggested:.0%}"
        print(f"  {row.row_id:>14}  {doubt}  {' '.join(row.text.split())[:80]}")
    for text, altered, names in copies:
        print(f"\n  {' '.join(text.split())[:110]}\n→ {' '.join(altered.split())[:110]}  ({', '.join(names)})")
    return 0


def _as_flags(changes: dict[str, dict[str, Any]]) -> str:
    """Changes of settings as the flags that make them."""
    flags = [f"{section}.{field}={json.dumps(value)}" for section, part in changes.items() for field, value in part.items()]
    return " ".join(f"--set {shlex.quote(flag)}" for flag in flags)
