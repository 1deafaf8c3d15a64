"""One trial: a training as any run's, of which only the scores are kept."""

import shutil
from pathlib import Path
from typing import Any

from tuner import augmentation, modeling
from tuner.config import DataConfig, RunConfig
from tuner.data.labelled import LabelledData, load_labelled
from tuner.data.profiling import token_counts
from tuner.study.callbacks import NoCheckpoints, Watch
from tuner.training.batches import free_memory, until_it_fits
from tuner.training.callbacks import StopOnNotANumber
from tuner.training.fitting import fitted


class Bench:
    """Base model and rows, read once for all trials that share them."""

    def __init__(self, config: RunConfig) -> None:
        self.base = modeling.find_pinned(config.model)
        self._of: DataConfig | None = None

    def data(self, config: DataConfig) -> LabelledData:
        """The labelled rows of a data config."""
        if config != self._of:
            self._data, self._of, self._counts = load_labelled(config), config, None
        return self._data

    def max_length(self, config: RunConfig) -> int:
        """Where texts are cut, as a run with these settings would."""
        if config.model.max_length is None and self._counts is None:
            self._counts = token_counts(self.base, self.data(config.data).splits["train"])
        return modeling.choose_max_length(self.base, config.model.max_length, self._counts or [])


def train_trial(bench: Bench, config: RunConfig, watch: Watch, folder: Path, on_test: bool) -> dict[str, float]:
    """Trains with these settings and gives the scores, none where it was stopped; frees the memory and the disk it took.

    Args:
        folder: for what has to lie on the disk meanwhile.
        on_test: score the test rows with the finished model, as a run does, instead of the validation rows.

    Raises:
        TunerError: settings that cannot be honoured, a training that diverged, or one row too large for the memory.
    """

    def attempt(config: RunConfig) -> dict[str, float]:
        free_memory()  # of a trial that failed: while its error was on its way, that held all it had
        shutil.rmtree(folder, ignore_errors=True)
        watch.begin()
        return _train(bench, config, watch, folder, on_test)

    try:
        return until_it_fits(fitted(config, bench.base), attempt)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        free_memory()


def _train(bench: Bench, config: RunConfig, watch: Watch, folder: Path, on_test: bool) -> dict[str, float]:
    from tuner.structure import plain
    from tuner.training.averaging import keep_the_better, score_mean
    from tuner.training.build import build_model, build_trainer
    from tuner.training.speed import faster_steps

    tokenizer = modeling.load_tokenizer(bench.base)
    data, max_length = bench.data(config.data), bench.max_length(config)
    model, _ = build_model(config, bench.base, tokenizer, data.labels)
    tokenizer.model_max_length = max_length
    if augmentation.is_on(config.augmentation):
        data = augmentation.with_copies(config, data, bench.base)
    callbacks = [StopOnNotANumber(), watch.stop, watch, *([] if on_test else [NoCheckpoints()])]
    trainer = build_trainer(config, data, model, tokenizer, max_length, folder / "checkpoints", callbacks)
    with faster_steps(plain(model), max_length):
        trainer.train()
        if watch.stop.stopped:
            return {}
        unseen = watch.seen_step != trainer.state.global_step and not config.training.keeps_best
        if not on_test and (unseen or not watch.evaluations):
            trainer.evaluate()
        if on_test:
            keep_the_better(trainer, config.training)
        elif trainer.averaging and trainer.averaging.count and not watch.pruned:
            trainer.averaging.swap()
            score_mean(trainer)
    if on_test:
        return _test_scores(trainer.model, tokenizer, data, folder / "model", watch)
    return watch.of_the_model(config.training)


def _test_scores(model: Any, tokenizer: Any, data: LabelledData, folder: Path, watch: Watch) -> dict[str, float]:  # noqa: ANN401
    """Scores of the model as it would be stored: written and loaded again, LoRA merged."""
    from tuner.inference import load_classifier
    from tuner.scoring import fitted, scores
    from tuner.structure import is_lora, merge_lora

    model = merge_lora(model) if is_lora(model) else model
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return scores(fitted(load_classifier(str(folder)), data, watch.beat)[0], data, "test", watch.beat)
