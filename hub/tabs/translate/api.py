"""The tab for programs: a picture, or many, in; what becomes of them out."""

from typing import Any

from gradio import FileData
from gradio.events import api

from hub.errors import RequestError
from hub.tabs.answers import answers
from hub.tabs.downloads import download_png, handed
from hub.tabs.translate.many import translate_files
from hub.tabs.translate.stage import Stage
from hub.tabs.translate.work import AT_ONCE, Size, read, seen, stem, translate
from hub.tabs.uploads import uploaded


def build(stage: Stage) -> None:
    """Add the endpoints to the page."""

    @answers
    def translate_picture(
        model: str, picture: FileData, inverse: bool = False, size: Size = "auto"
    ) -> tuple[FileData, FileData, dict[str, Any]]:
        """Turn a picture of any kind and size into another.

        Args:
            model: the id of a model that translates.
            picture: an uploaded picture file.
            inverse: the other way round, for models of both directions.
            size: for a model that takes any size. trained fits the picture to the size it was trained on, own leaves
                it as it is; auto is own for a model that looks at neighbourhoods alone, and trained for others.

        Returns:
            What the picture becomes, the picture as the model sees it, and a report: width, height and, for models of
            both directions, the cycle: how far the picture is from itself once it has gone there and back, as the mean
            error in grey levels and the PSNR in dB (null for no error).
        """
        chosen = stage.translator(model)
        path, way = uploaded(picture), _yes_or_no(inverse)
        given = seen(chosen, read(path), way, size)
        outcome = translate(chosen, given, way)
        name = f"{stem(path.name)}-{stem(model)}"
        made, before = download_png(outcome.made, f"{name}.png"), download_png(outcome.seen, f"{name}-seen.png")
        return handed(made), handed(before), outcome.report()

    @answers
    def translate_batch(
        model: str, files: list[FileData], inverse: bool = False, size: Size = "auto"
    ) -> tuple[FileData, list[dict[str, Any]]]:
        """Turn many pictures into others.

        Args:
            model: the id of a model that translates.
            files: uploaded picture files, and ZIPs of picture files.
            inverse: the other way round, for models of both directions.
            size: as for /translate.

        Returns:
            A ZIP with a PNG for each picture, under its own name, and a list with the name of each file that was
            given, the name of its PNG, and the problem it has, where it has one: then there is no PNG.
        """
        if not isinstance(files, list):
            raise RequestError("The files must be a list of uploaded files.")
        chosen = stage.translator(model)
        archive, made = translate_files(chosen, files, _yes_or_no(inverse), size, lambda share: None)
        return handed(archive), [done.report() for done in made]

    for endpoint, name in ((translate_picture, "translate"), (translate_batch, "translate_batch")):
        api(endpoint, api_name=name, concurrency_limit=AT_ONCE, concurrency_id="translate")


def _yes_or_no(inverse: object) -> bool:
    if not isinstance(inverse, bool):
        raise RequestError(f"Inverse must be true or false, not {inverse!r:.40}.")
    return inverse
