"""One step over 32 rows; prints its loss and gradient norm as JSON. Run alone or by `torch.distributed.run`."""

import json
import os
import sys
from pathlib import Path


def first_step(
    model_folder: str,
    source: str,
    output: str,
    batch: int,
    accumulation: int,
    class_weights: str | dict[str, float] | None = None,
) -> dict[str, float]:
    from tuner import modeling
    from tuner.config import RunConfig
    from tuner.data.labelled import load_labelled
    from tuner.training.build import build_trainer

    config = RunConfig(
        data={"source": source, "max_train_samples": 32},
        training={
            "per_device_train_batch_size": batch,
            "gradient_accumulation_steps": accumulation,
            "train_sampling_strategy": "sequential",
            "max_steps": 1,
            "logging_steps": 1,
            "max_grad_norm": 1e4,
            "precision": "fp32",
            "class_weights": class_weights,
            "eval_strategy": "no",
            "save_strategy": "no",
        },
    )
    base = modeling.find_base_model(model_folder)
    tokenizer = modeling.load_tokenizer(base)
    data = load_labelled(config.data)
    model = modeling.load_for_training(base, tokenizer, data.labels, seed=1, dropout=0.0)
    trainer = build_trainer(config, data, model, tokenizer, 32, Path(output), [])
    trainer.train()
    assert trainer.args.world_size == int(os.environ.get("WORLD_SIZE", 1))
    log = next(line for line in trainer.state.log_history if "grad_norm" in line)
    return {"loss": log["loss"], "grad_norm": log["grad_norm"]}


if __name__ == "__main__":
    folder, source, output, batch, accumulation = sys.argv[1:]
    result = first_step(folder, source, output, int(batch), int(accumulation))
    if os.environ.get("RANK", "0") == "0":
        Path(output).mkdir(exist_ok=True)
        (Path(output) / "first_step.json").write_text(json.dumps(result))
    if "RANK" in os.environ:  # a process that ends with gloo's threads still running is now and then aborted
        import torch

        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
