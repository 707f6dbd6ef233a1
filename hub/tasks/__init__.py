"""What a model can do, one file a task, in numpy. ``open_model`` is the way in from Python."""

from pathlib import Path
from typing import Any, TypeVar

from hub.errors import BundleError
from hub.runtime.engine import Engine, Model
from hub.tasks.inpaint import InpaintModel
from hub.tasks.sample import SampleModel
from hub.tasks.translate import TranslateModel

TASK_MODELS: dict[str, type[Any]] = {"sample": SampleModel, "translate": TranslateModel, "inpaint": InpaintModel}
"""The class that speaks each task. A task of the contract that is not here yet is refused in words."""

Speaking = TypeVar("Speaking")


def open_model(name: str | Path) -> Any:
    """The model ``name`` with the methods of its task: a :class:`SampleModel`, a :class:`TranslateModel`, ...

    ``name``: a catalog id, a bundle's folder, or a Hub repository as ``owner/name`` or ``owner/name@revision``.

    Raises:
        UnknownModelError: there is no such model.
        SourceError: the Hub does not give it.
        BundleError: its bundle is damaged, or of a task that this release does not speak.
    """
    (model,) = Engine([name]).models.values()
    return speak(model, TASK_MODELS.get(model.bundle.task, SampleModel))


def speak(model: Model, kind: type[Speaking]) -> Speaking:
    """``model`` with the methods of its task, which has to be the one of ``kind``.

    Raises:
        BundleError: it has another task, or this release has no code for it.
    """
    name, task = model.bundle.id, model.bundle.task
    if task not in TASK_MODELS:
        raise BundleError(f"'{name}' has the task '{task}', which this release cannot serve yet.")
    if TASK_MODELS[task] is not kind:
        wanted = next(each for each, speaks in TASK_MODELS.items() if speaks is kind)
        raise BundleError(f"'{name}' has the task '{task}'; give a model of the task '{wanted}'.")
    speaking: Speaking = TASK_MODELS[task](model)
    return speaking
