"""What a model can do, one file a task, in numpy. ``open_model`` is the way in from Python."""

from pathlib import Path

from hub.errors import BundleError
from hub.runtime.engine import Engine, Model
from hub.tasks.sample import SampleModel

TASK_MODELS: dict[str, type[SampleModel]] = {"sample": SampleModel}
"""The class that speaks each task. A task of the contract that is not here yet is refused in words."""


def open_model(name: str | Path) -> SampleModel:
    """The model ``name`` with the methods of its task.

    ``name``: a catalog id, a bundle's folder, or a Hub repository as ``owner/name`` or ``owner/name@revision``.

    Raises:
        UnknownModelError: there is no such model.
        SourceError: the Hub does not give it.
        BundleError: its bundle is damaged, or of a task that this release does not speak.
    """
    return speak(Engine([name]).add(name))


def speak(model: Model) -> SampleModel:
    """``model`` with the methods of its task.

    Raises:
        BundleError: this release has no code for the task.
    """
    task = model.bundle.task
    if task not in TASK_MODELS:
        raise BundleError(f"'{model.bundle.id}' has the task '{task}', which this release cannot serve yet.")
    return TASK_MODELS[task](model)
