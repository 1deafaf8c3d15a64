"""Time, accuracy and macro recall of every preset and strategy on sample:tweets: `python -m benchmarks.strategies`.

Each is trained as a person would, by `tuner.train` in a child process, with several seeds; scores are those of the 2,000 test
tweets. Strategies change one thing of a small run of 4,000 tweets, so that their gains and losses stand beside each other.
Results are added to a file as they come: a run that was ended goes on where it stopped.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import tuner
from benchmarks.machine import describe_machine
from tuner import RunConfig, runs
from tuner.config import merge

Settings = dict[str, dict[str, Any]]
PRESETS = ("quick", "best", "lora", "few-shot")
# What the strategies change: the quick preset on half its rows.
BASE: Settings = {"data": {"max_train_samples": 4_000}, "training": {"learning_rate": 1.5e-4}}
# All but the preset's own, cosine. Those that look at the score need several validations in the 125 steps.
_LOOKS = {"eval_strategy": "steps", "eval_steps": 25, "save_strategy": "steps", "save_steps": 25}
_SCHEDULERS: Settings = {
    "linear": {},
    "constant": {"warmup_steps": 0},
    "constant_with_warmup": {},
    "cosine_with_restarts": {"lr_scheduler_kwargs": {"num_cycles": 2}},
    "cosine_with_min_lr": {"lr_scheduler_kwargs": {"min_lr_rate": 0.1}},
    "cosine_warmup_with_min_lr": {"lr_scheduler_kwargs": {"min_lr_rate": 0.1}},
    "polynomial": {"lr_scheduler_kwargs": {"power": 2.0}},
    "inverse_sqrt": {},
    "warmup_stable_decay": {"lr_scheduler_kwargs": {"num_decay_steps": 25}},
    "reduce_lr_on_plateau": {"lr_scheduler_kwargs": {"patience": 0, "factor": 0.5}, **_LOOKS},
    "greedy": _LOOKS,
}
# sample:minilm has no head that fills in masked words, and this one has to be fetched: run where `--only` names them.
_BERT: Settings = {"model": {"name": "google-bert/bert-base-uncased"}, "training": {"learning_rate": 5e-5}}
BY_NAME: dict[str, Settings] = {"BERT": _BERT, "BERT, masked words": {**_BERT, "augmentation": {"masked": 0.15}}}
STRATEGIES: dict[str, Settings] = {
    "as it is": {},
    "layer-wise decay 0.9": {"training": {"layerwise_lr_decay": 0.9}},
    "head rate 1e-3": {"training": {"head_learning_rate": 1e-3}},
    **{f"scheduler {name}": {"training": {"lr_scheduler_type": name, **more}} for name, more in _SCHEDULERS.items()},
    "no weight decay": {"training": {"weight_decay": 0.0}},
    "weight decay 0.1": {"training": {"weight_decay": 0.1}},
    "no clipping": {"training": {"max_grad_norm": 0.0}},
    "clipping 0.1": {"training": {"max_grad_norm": 0.1}},
    "label smoothing 0.1": {"training": {"label_smoothing_factor": 0.1}},
    "class weights": {"training": {"class_weights": "balanced"}},
    "focal loss 2": {"training": {"focal_gamma": 2.0}},
    "dropout 0.1": {"model": {"hidden_dropout_prob": 0.1}},
    "synonyms and typos": {"augmentation": {"synonyms": 0.1, "typos": 0.1}},
    "neighbouring words": {"augmentation": {"neighbours": 0.15}},
    "swapped words": {"augmentation": {"swap": 0.1}},
    "deleted words": {"augmentation": {"delete": 0.1}},
    "other capitals": {"augmentation": {"case": 0.1}},
    "3 of 6 layers": {"model": {"num_hidden_layers": 3}},
    "half the width": {"model": {"intermediate_size": 768}},
    "first 3 layers frozen": {"model": {"freeze_layers": 3}},
    "embeddings frozen": {"model": {"freeze": "embeddings"}},
    "head alone": {"model": {"freeze": "all_but_head"}},
    "gradual unfreezing": {"training": {"gradual_unfreezing": 0.5}},
    "weight averaging 0.5": {"training": {"weight_averaging": 0.5}},
    "mean pooling": {"model": {"mean_pooling": True}},
    "adversarial 1": {"training": {"adversarial_epsilon": 1.0}},
    "LoRA 16": {"model": {"lora": 16, "lora_dropout": 0.0}, "training": {"learning_rate": 1e-3}},
    **BY_NAME,
}


# The classroom recipe names a data set and a model of the Hub, and half of the test rows.
SHIPPED: Settings = {"data": {"source": "sample:tweets", "max_eval_samples": None}, "model": {"name": "sample:minilm"}}


def cases() -> dict[str, tuple[str, Settings]]:
    """Name → preset, settings over it."""
    found: dict[str, tuple[str, Settings]] = {f"preset {name}": (name, {}) for name in PRESETS}
    found["preset seven-steps"] = ("seven-steps", SHIPPED)
    found["preset quick, head rate 1e-3"] = ("quick", {"training": {"head_learning_rate": 1e-3}})
    return found | {name: ("quick", merge(BASE, settings)) for name, settings in STRATEGIES.items()}


def measure(preset: str, settings: Settings, seed: int) -> dict[str, float]:
    """Trains once; seconds from the first step to the last, validations included, and the scores on the test rows."""
    config = RunConfig(preset=preset, **merge(settings, {})).with_changes({"training": {"seed": seed}})
    begun = time.monotonic()
    run = tuner.train(config)
    wall = time.monotonic() - begun
    status, report = run.status, run.report
    if report is None:
        raise SystemExit(f"{run.id} has no report: {status.message}")
    runs.delete(run)
    scores = {"accuracy": report.accuracy, "macro_recall": report.macro_recall, "macro_f1": report.macro_f1}
    return {"seconds": status.train_runtime or 0.0, "wall": wall, **scores}


def table(rows: list[dict[str, Any]]) -> str:
    """Mean and standard deviation (n − 1) per case, as Markdown."""
    lines = ["| | seeds | seconds | accuracy | macro recall |", "|---|---|---|---|---|"]
    for name in cases():
        found = [row for row in rows if row["case"] == name]
        if found:
            seconds = statistics.mean(row["seconds"] for row in found)
            lines.append(
                f"| {name} | {len(found)} | {seconds:.0f} | {_spread(found, 'accuracy')} | {_spread(found, 'macro_recall')} |"
            )
    return "\n".join(lines)


def _spread(rows: list[dict[str, Any]], key: str) -> str:
    values = [row[key] for row in rows]
    around = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{around}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=42)
    parser.add_argument("--list", action="store_true", help="print the names of the cases, and train nothing")
    parser.add_argument("--only", nargs="*", help="names of cases; default: all but those of BERT")
    parser.add_argument("--out", type=Path, default=Path("strategies.jsonl"), help="where the results are added")
    options = parser.parse_args()
    wanted = options.only or [name for name in cases() if name not in BY_NAME]
    if options.list:
        print("\n".join(cases()))
        return
    rows = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    # Seeds outermost: what ends early has one of each.
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name, (preset, settings) in cases().items():
            if name not in wanted or any(row["case"] == name and row["seed"] == seed for row in rows):
                continue
            row = {"case": name, "seed": seed, **measure(preset, settings, seed)}
            rows.append(row)
            with options.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)
    print(f"\n{describe_machine()}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
