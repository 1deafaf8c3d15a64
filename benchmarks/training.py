"""How fast Tuner trains beside the usual recipes, a bare PyTorch loop and the hardware: `python -m benchmarks.training`.

All recipes train sample:minilm on the same tweets. They take turns in short slices, and ratios are taken within
a round, so that a machine that is busy for a while slows both sides of a ratio. The first step of a slice is not timed.
"""

import argparse
import dataclasses
import functools
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    get_scheduler,
)
from transformers.trainer_pt_utils import get_length_grouped_indices

from benchmarks.machine import describe_machine
from tuner import RunConfig, modeling, runs
from tuner.data.labelled import LabelledData, Split, load_labelled
from tuner.data.profiling import token_counts
from tuner.hardware import resolve_precision, torch_device
from tuner.training import checkpoints
from tuner.training.build import build_trainer, encode
from tuner.training.callbacks import Progress, StopOnNotANumber, StopOnRequest, WholeCheckpoints
from tuner.training.speed import faster_steps

# Ours is to be at least so many times as fast as each.
TARGETS = {"guide": 60.0, "run_classification": 8.0, "plain": 3.0, "bare loop": 0.9}
_MATMUL_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A recipe of others: batch, padding and arguments for the library's Trainer, and how long its slice is."""

    batch: int
    accumulation: int
    pad_to: int | None
    steps: int


# Steps are few where they are slow: a slice takes about 10 s on two idle cores.
OTHERS = {
    "guide": Recipe(batch=1, accumulation=4, pad_to=512, steps=3),
    "run_classification": Recipe(batch=8, accumulation=1, pad_to=128, steps=7),
    "plain": Recipe(batch=16, accumulation=1, pad_to=None, steps=16),
}
_OUR_STEPS = 41


class Stopwatch(TrainerCallback):
    """Times a training from its second step to its end, logging and other callbacks included."""

    def __init__(self) -> None:
        self.begun: float | None = None
        self.seconds = math.nan

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        if state.global_step == 1 and self.begun is None:
            self.begun = time.perf_counter()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401
        self.seconds = time.perf_counter() - (self.begun or math.nan)


@dataclasses.dataclass(frozen=True)
class Bench:
    """What every recipe shares: the default run's settings, its rows, its base model and tokenizer."""

    config: RunConfig
    data: LabelledData
    base: modeling.BaseModel
    max_length: int

    @functools.cached_property
    def tokenizer(self) -> Any:  # noqa: ANN401
        return modeling.load_tokenizer(self.base)

    def model(self, dropout: float | None) -> PreTrainedModel:
        return modeling.load_for_training(self.base, self.tokenizer, self.data.labels, self.config.training.seed, dropout)

    def rows(self, count: int) -> LabelledData:
        """The data with the first `count` training rows (they stand in random order)."""
        train = self.data.splits["train"].take(range(count))
        return dataclasses.replace(self.data, splits={**self.data.splits, "train": train})

    def others(self, recipe: Recipe) -> float:
        """Samples/s of a recipe with the library's Trainer alone, in float32, rows in random order."""
        per_step = recipe.batch * recipe.accumulation
        split = self.rows(per_step * recipe.steps).splits["train"]
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=recipe.batch,
                gradient_accumulation_steps=recipe.accumulation,
                num_train_epochs=1,
                use_cpu=torch_device() == "cpu",
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            )
            trainer = Trainer(
                model=self.model(None),
                args=arguments,
                train_dataset=encode(split, self.tokenizer, recipe.pad_to or self.base.limit, recipe.pad_to is not None),
                data_collator=DataCollatorWithPadding(self.tokenizer),
                callbacks=[watch],
            )
            trainer.remove_callback(PrinterCallback)
            trainer.train()
        return per_step * (recipe.steps - 1) / watch.seconds

    @functools.cached_property
    def our_rows(self) -> Split:
        """Every n-th batch of the default run, in its own order: fewer rows grouped anew would be padded more."""
        size = self.config.training.per_device_train_batch_size
        train = self.data.splits["train"]
        encoded = encode(train, self.tokenizer, self.max_length, pad=False)
        generator = torch.Generator().manual_seed(self.config.training.seed)
        order = get_length_grouped_indices(encoded["length"][:], size, generator=generator)
        whole = len(order) // size
        picked = [whole * step // _OUR_STEPS * size for step in range(_OUR_STEPS)]
        return train.take([row for first in picked for row in order[first : first + size]])

    def our_trainer(self, watch: Stopwatch) -> Trainer:
        """The trainer of the default run with the worker's callbacks and a run folder, over fewer rows."""
        training = self.config.training
        all_steps = math.ceil(len(self.data.splits["train"]) / training.per_device_train_batch_size)
        config = self.config.with_changes(
            {
                "training": {
                    "num_train_epochs": 1,
                    "eval_strategy": "no",
                    "save_strategy": "no",
                    "train_sampling_strategy": "sequential",  # they stand in the run's order
                    # As often as the whole run logs, not 50 times within the slice.
                    "logging_steps": math.ceil(training.logging_steps * all_steps),
                }
            }
        )
        run = runs.create(config)
        callbacks = [WholeCheckpoints(checkpoints.identity_of(config)), StopOnNotANumber(), StopOnRequest(run), Progress(run)]
        data = dataclasses.replace(self.data, splits={**self.data.splits, "train": self.our_rows})
        model = self.model(config.model.hidden_dropout_prob)
        folder = run.folder / "checkpoints"
        return build_trainer(config, data, model, self.tokenizer, self.max_length, folder, [*callbacks, watch])

    def ours(self) -> float:
        """Samples/s of the default run's settings, through Tuner."""
        watch = Stopwatch()
        trainer = self.our_trainer(watch)
        with faster_steps(trainer.model, self.max_length):
            trainer.train()
        return trainer.args.train_batch_size * (_OUR_STEPS - 1) / watch.seconds

    def bare(self) -> float:
        """Samples/s of a loop without the Trainer over the batches of `ours`, padded beforehand."""
        trainer = self.our_trainer(Stopwatch())
        arguments, model = trainer.args, trainer.model
        batches = [dict(batch) for batch in trainer.get_train_dataloader()]
        optimizer = trainer.create_optimizer()
        warmup = math.ceil(arguments.warmup_steps * _OUR_STEPS) if arguments.warmup_steps < 1 else int(arguments.warmup_steps)
        scheduler = get_scheduler(arguments.lr_scheduler_type, optimizer, warmup, _OUR_STEPS)
        precision, _ = resolve_precision(self.config.training.precision)
        autocast = torch.autocast(arguments.device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
        model.train()
        begun = math.nan
        with faster_steps(model, self.max_length):
            for step, batch in enumerate(batches):
                if step == 1:
                    begun = time.perf_counter()
                with autocast:
                    loss = model(**batch).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), arguments.max_grad_norm)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
            if arguments.device.type == "cuda":
                torch.cuda.synchronize()
        return sum(len(batch["labels"]) for batch in batches[1:]) / (time.perf_counter() - begun)

    @functools.cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """Rows and tokens (padding included) of the batches of `ours`."""
        return [tuple(batch["input_ids"].shape) for batch in self.our_trainer(Stopwatch()).get_train_dataloader()]

    @functools.cached_property
    def operations(self) -> float:
        """Floating-point operations of training on one sample, the mean over the batches of `ours`.

        A weight costs 2 forward and 4 backward per token (recomputing nothing); attention multiplies tokens × tokens ×
        hidden size twice per layer, forward, and twice that backward. The head reads one token.
        """
        model = self.model(0.0)
        linear = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
        body = sum(module.weight.numel() for name, module in linear.items() if ".encoder." in name)
        head = sum(module.weight.numel() for name, module in linear.items() if ".encoder." not in name)
        attention = 12 * model.config.hidden_size * model.config.num_hidden_layers
        samples = sum(rows for rows, _ in self.shapes)
        return sum(rows * (6 * body * tokens + attention * tokens**2 + 6 * head) for rows, tokens in self.shapes) / samples

    def matmul_sizes(self) -> list[tuple[int, int, int]]:
        """(tokens, in, out) of a layer's six matrix products, at the mean batch of `ours`."""
        config = self.model(0.0).config
        tokens = round(statistics.mean(rows * length for rows, length in self.shapes))
        hidden, inner = config.hidden_size, config.intermediate_size
        return [(tokens, hidden, hidden)] * 4 + [(tokens, hidden, inner), (tokens, inner, hidden)]

    def limit(self) -> float:
        """Samples/s if the hardware did nothing but the model's matrix products, each as fast as alone."""
        return matmul_rate(self.matmul_sizes(), resolve_precision(self.config.training.precision)[0]) / self.operations


def matmul_rate(sizes: list[tuple[int, int, int]], precision: str) -> float:
    """Operations/s of matrix products of these sizes, forward and both backward ones, as in training."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    device = torch_device()
    operands = [(torch.randn(m, k, dtype=kind, device=device), torch.randn(n, k, dtype=kind, device=device)) for m, k, n in sizes]

    def once() -> None:
        for x, weight in operands:
            gradient = x @ weight.T
            gradient @ weight
            gradient.T @ x

    with torch.inference_mode():
        once()
        count, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < _MATMUL_SECONDS:
            once()
            count += 1
            if device == "cuda":
                torch.cuda.synchronize()
        seconds = time.perf_counter() - begun
    return count * sum(6 * m * k * n for m, k, n in sizes) / seconds


@contextmanager
def temporary_home() -> Iterator[None]:
    """Runs go to a folder that is removed afterwards."""
    before = os.environ.get("TUNER_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TUNER_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("TUNER_HOME")
            if before is not None:
                os.environ["TUNER_HOME"] = before


def prepare() -> Bench:
    """Reads the default run's tweets and model."""
    config = RunConfig()
    data = load_labelled(config.data)
    base = modeling.find_base_model(config.model.name)
    counts = token_counts(base, data.splits["train"])
    return Bench(config, data, base, modeling.choose_max_length(base, config.model.max_length, counts))


def measure(bench: Bench, rounds: int) -> dict[str, list[float]]:
    """Samples/s of every recipe in every round. `ours` and `bare loop` stand side by side and change places."""
    others: dict[str, Callable[[], float]] = {name: functools.partial(bench.others, recipe) for name, recipe in OTHERS.items()}
    pair: list[tuple[str, Callable[[], float]]] = [("ours", bench.ours), ("bare loop", bench.bare)]
    rates: dict[str, list[float]] = {name: [] for name in (*others, "ours", "bare loop", "hardware limit")}
    for number in range(rounds):
        order = pair if number % 2 == 0 else pair[::-1]
        for name, run in [*others.items(), *order, ("hardware limit", bench.limit)]:
            rates[name].append(run())
            print(f"round {number + 1} of {rounds}: {name} {rates[name][-1]:,.1f} samples/s", flush=True)
    return rates


def ratios(rates: dict[str, list[float]]) -> dict[str, list[float]]:
    """`ours` over every other recipe, round by round."""
    return {
        name: [own / other for own, other in zip(rates["ours"], values, strict=True)]
        for name, values in rates.items()
        if name != "ours"
    }


def table(rates: dict[str, list[float]]) -> str:
    """The rates and ratios as a Markdown table."""
    lines = ["| recipe | samples/s (median) | ours is … times as fast (median, lowest – highest) | target | met |"]
    lines.append("|---|--:|--:|--:|---|")
    found = ratios(rates)
    for name, values in rates.items():
        spread = aim = met = ""
        if name in found:
            median = statistics.median(found[name])
            spread = f"{median:.2f} ({min(found[name]):.2f} – {max(found[name]):.2f})"
        if name in TARGETS:
            aim, met = f"≥ {TARGETS[name]:g}", "yes" if median >= TARGETS[name] else "no"
        lines.append(f"| {name} | {statistics.median(values):,.1f} | {spread} | {aim} | {met} |")
    return "\n".join(lines)


def machine() -> str:
    """What was measured on, in one line."""
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    libraries = f"torch {torch.__version__} with {torch.get_num_threads()} threads, transformers {transformers.__version__}"
    return f"{describe_machine()}{gpu}, {libraries}"


def default_run() -> dict[str, float]:
    """The default run as a person starts it: its training time, test scores and the worker's largest memory."""
    from tuner.launch.local import start

    begun = time.perf_counter()
    run = start(RunConfig())
    peak = 0
    while run.status.state in runs.LIVING:
        peak = max(peak, _memory(runs.read_status(run).pid))
        time.sleep(0.2)
    status = run.status
    if status.state != "completed" or not status.train_runtime:
        raise SystemExit(f"The run {status.state}: {status.message}\n{run.log_tail()}")
    return {
        "wall_seconds": time.perf_counter() - begun,
        "train_runtime": status.train_runtime,
        # Validation metrics are called eval_…; those on the test rows have no prefix.
        **{name: value for name, value in status.metrics.items() if name.endswith(("accuracy", "macro_recall"))},
        "peak_memory_gb": peak / 1e9,
    }


def _memory(pid: int | None) -> int:
    """The most bytes a process has held so far; where the system does not say, those it holds now."""
    if pid is None or pid == os.getpid():
        return 0
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
    except OSError:
        try:
            return psutil.Process(pid).memory_info().rss
        except psutil.Error:
            return 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description="Training speed beside other recipes.")
    parser.add_argument("--rounds", type=int, default=3, help="times every recipe is measured (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file too")
    parser.add_argument("--run", action="store_true", help="measure the whole default run instead")
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    result: dict[str, Any] = {"machine": machine()}
    with temporary_home():
        if given.run:
            result["run"] = default_run()
            print("\n".join(f"| {name} | {value:.3f} |" for name, value in result["run"].items()))
        else:
            bench = prepare()
            rates = measure(bench, given.rounds)
            sizes = ", ".join(f"{m}×{k}×{n}" for m, k, n in dict.fromkeys(bench.matmul_sizes()))
            result |= {"samples_per_second": rates, "ratios": ratios(rates), "operations_per_sample": bench.operations}
            print(f"\n{table(rates)}\n")
            print(f"Hardware limit: matrix products {sizes} (tokens × in × out), forward and backward, measured at")
            rate = statistics.median(rates["hardware limit"]) * bench.operations
            print(f"{rate / 1e9:,.0f} GFLOP/s, over {bench.operations / 1e9:.2f} GFLOP per sample.")
    print(f"Machine: {result['machine']}")
    if given.json:
        given.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
