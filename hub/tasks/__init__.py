"""What a model can do, one file a task, in numpy. ``open_model`` is the way in from Python."""

from pathlib import Path
from typing import TypeVar, overload

from hub.errors import BundleError
from hub.runtime.engine import Engine, Model
from hub.tasks.sample import SampleModel
from hub.tasks.translate import TranslateModel

TaskModel = SampleModel | TranslateModel
T = TypeVar("T", SampleModel, TranslateModel)

TASK_MODELS: dict[str, type[SampleModel] | type[TranslateModel]] = {
    "sample": SampleModel,
    "translate": TranslateModel,
}
"""The class that speaks each task. A task of the contract that is not here yet is refused in words."""


def open_model(name: str | Path) -> TaskModel:
    """The model ``name`` with the methods of its task.

    ``name``: a catalog id, a bundle's folder, or a Hub repository as ``owner/name`` or ``owner/name@revision``.

    Raises:
        UnknownModelError: there is no such model.
        SourceError: the Hub does not give it.
        BundleError: its bundle is damaged, or of a task that this release does not speak.
    """
    return speak(Engine([name]).add(name))


@overload
def speak(model: Model) -> TaskModel: ...
@overload
def speak(model: Model, kind: type[T]) -> T: ...
def speak(model: Model, kind: type[T] | None = None) -> TaskModel:
    """``model`` with the methods of its task; ``kind`` is the class that the caller needs it to be.

    Raises:
        BundleError: this release has no code for the task, or it is not that of ``kind``.
    """
    name, task = model.bundle.id, model.bundle.task
    if task not in TASK_MODELS:
        raise BundleError(f"'{name}' has the task '{task}', which this release cannot serve yet.")
    if kind is not None and TASK_MODELS[task] is not kind:
        wanted = next(each for each, speaks in TASK_MODELS.items() if speaks is kind)
        raise BundleError(f"'{name}' has the task '{task}'; give a model of the task '{wanted}'.")
    return TASK_MODELS[task](model)
