"""What a run has come to, in numbers: `metrics.json`, which the card is made from."""

from pathlib import Path

from training.atomic import write_json
from training.checkpoint import RunInfo, latest_checkpoint, load_run, read_run_info
from training.data.open import open_data
from training.evaluation import evaluator_name
from training.family import Trainer


def measure(trainer: Trainer, info: RunInfo, run: Path) -> str:
    """Evaluate `trainer` on val and on test, write `run/metrics.json`, and return a line for people."""
    metrics = {split: trainer.evaluate(split) for split in ("val", "test")}
    content = {
        "family": info.family,
        "data": trainer.data.info.name,
        "seed": info.seed,
        "step": info.step,
        "evaluator": evaluator_name(trainer.data, metrics["test"]),
        "metrics": metrics,
    }
    write_json(run / "metrics.json", content)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in metrics["test"].items()) or "nothing to measure"
    return f"step {info.step} after {info.elapsed_seconds / 60:.1f} minutes. Test: {shown}."


def measure_again(run: Path) -> str:
    """`measure` the latest checkpoint of a run, finished or not, as evaluation is today. Raises TrainingError."""
    info = read_run_info(latest_checkpoint(run))
    config = info.family_config()
    # From the network where need be: without its images there is nothing to measure.
    data = open_data(info.data_spec, config.image_size, config.channels, pairing=config.pairing)
    return measure(load_run(run, data), info, run)
