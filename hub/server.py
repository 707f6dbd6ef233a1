"""The web server: pictures at once, the full pages as soon as Gradio has started, health for whoever deploys it.

Importing Gradio takes seconds. So the server answers before that: a light page with real pictures from the first
model, which turns into the hub when ``/healthz`` says that it is ready.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hub import __version__, archive, images, logs
from hub.card import card_page, listed_file
from hub.delivery import Delivery
from hub.errors import BundleError, HubError, RequestError, SourceError
from hub.quick_gradio import leave_stubs_alone
from hub.runtime.engine import Engine
from hub.scratch import scratch
from hub.tasks import speak
from hub.tasks.sample import SampleModel
from hub.weights import verify_file

log = logging.getLogger("genhub")


def run_server(host: str, port: int, models: Sequence[str]) -> int:
    """Serve until interrupted; returns the exit status.

    Raises:
        RequestError: the address cannot be listened on.
        UnknownModelError, BundleError: as :class:`hub.runtime.engine.Engine`.
    """
    logs.speak()
    engine = Engine(models)
    listening = _listen(host, port)
    log.info("Generative Hub %s at http://%s:%d (Ctrl-C stops it)", __version__, host, port)
    hub = Hub(engine)
    server = uvicorn.Server(uvicorn.Config(hub.app, log_level="warning", timeout_graceful_shutdown=3))
    hub.on_failure = lambda: setattr(server, "should_exit", True)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    return 1 if hub.failed else 0


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=512)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"Cannot listen on {host}:{port}: {reason}; choose another with --host or --port.") from None


class Hub:
    """The server's parts: ``app`` answers health, cards and downloads; all else, whichever pages are ready."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ready = False
        self.failed = False
        self.on_failure: Callable[[], object] = lambda: None
        self._pages: ASGIApp = self._welcome
        self.app = FastAPI(title="Generative Hub", docs_url=None, redoc_url=None, openapi_url=None, lifespan=self._live)
        self.app.add_api_route("/healthz", self.healthz)
        self.app.add_api_route("/readyz", self.readyz)
        self.app.add_api_route("/card/{model_id}", self.card)
        self.app.add_api_route("/card/{model_id}/{path:path}", self.card_file)
        self.app.add_api_route("/download/{model_id}.zip", self.download_bundle)
        self.app.add_api_route("/download/{model_id}/{path:path}", self.download_file)
        self.app.mount("/", self._dispatch)

    def healthz(self) -> dict[str, str | bool]:
        """The process is alive; and whether it is ready, for pages that wait: a browser complains of every 503."""
        return {"status": "ok", "version": __version__, "ready": self.ready}

    def readyz(self) -> JSONResponse:
        """200 once the pages are up and a model has answered, 503 before."""
        state = "ready" if self.ready else "starting"
        return JSONResponse(
            {"status": state, "models": list(self.engine.models)}, status_code=200 if self.ready else 503
        )

    def card(self, model_id: str) -> Response:
        """The model card as a page of its own."""
        model = self.engine.models.get(model_id)
        return (
            HTMLResponse(card_page(model.bundle, model.folder))
            if model
            else Response("No such model.", status_code=404)
        )

    def card_file(self, model_id: str, path: str) -> Response:
        """A picture of the card: only what the manifest lists is ever served."""
        model = self.engine.models.get(model_id)
        found = listed_file(model.bundle, model.folder, path) if model else None
        return FileResponse(found) if found else Response("No such file.", status_code=404)

    def download_file(self, model_id: str, path: str) -> Response:
        """One file of a bundle, under a name that says whose it is: only what the manifest lists is ever served. What
        the Hub has and the disk has not, as other variants, is fetched first.
        """
        model = self.engine.models.get(model_id)
        file = next((file for file in model.bundle.all_files() if file.path == path), None) if model else None
        if model is None or file is None:
            return PlainTextResponse("No such file.", status_code=404)
        try:
            model.resolved.bring([file])
            found = verify_file(model.folder, model.bundle, file)
        except (BundleError, SourceError) as error:
            return _no_download(error)
        name = f"{model_id}-{path.removeprefix('onnx/').replace('/', '-')}"
        tag = {"ETag": f'"{file.sha256}"'}  # a download that broke off goes on where it was
        return FileResponse(found, headers=tag, media_type="application/octet-stream", filename=name)

    def download_bundle(self, model_id: str, variant: str | None = None) -> Response:
        """A bundle as a ZIP, with the graphs of all variants or of one."""
        model = self.engine.models.get(model_id)
        only = next((name for name in model.bundle.variants if name == variant), None) if model else None
        if model is None or only != variant:
            return PlainTextResponse("No such bundle.", status_code=404)
        try:
            model.resolved.require_bundle()
            model.resolved.fetch_whole(only)
            manifest = archive.check(model.bundle, model.folder, only)
        except (BundleError, RequestError, SourceError) as error:
            return _no_download(error)
        name = f"{model_id}-{only}.zip" if only else f"{model_id}.zip"
        return StreamingResponse(
            archive.stream(model.bundle, model.folder, manifest, only),
            media_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @contextlib.asynccontextmanager
    async def _live(self, _: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        opening = asyncio.create_task(self._open_pages(stop))
        yield
        stop.set()
        await opening

    async def _open_pages(self, stop: asyncio.Event) -> None:
        """Start Gradio beside the running server and put its pages in place; live until ``stop``."""
        try:
            async with scratch():
                pages = await asyncio.to_thread(self._build_pages)
                async with pages.router.lifespan_context(pages):
                    self._pages, self.ready = Delivery(pages), True
                    log.info("Ready.")
                    await stop.wait()
        except Exception:
            log.exception("The pages could not be started")
            self.failed = True
            self.on_failure()

    def _build_pages(self) -> FastAPI:
        leave_stubs_alone()
        from hub.app import mount  # seconds: Gradio

        return mount(FastAPI(docs_url=None, redoc_url=None, openapi_url=None), self.engine)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._pages(scope, receive, send)

    async def _welcome(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is there before Gradio is: pictures at ``/``, and a polite 503 for everything else."""
        if scope["type"] != "http":
            return
        answer: Response = JSONResponse(
            {"error": "The hub is starting."}, status_code=503, headers={"Retry-After": "1"}
        )
        if Request(scope).url.path == "/":
            answer = HTMLResponse(await asyncio.to_thread(self._welcome_page))
        await answer(scope, receive, send)

    def _welcome_page(self) -> str:
        """The first sixteen pictures, the very ones that the Sample tab will open with."""
        pictures, title = "", "Generative Hub"
        for name, model in self.engine.models.items():
            if model.bundle.task == "sample":
                title = model.bundle.title
                try:
                    made = speak(self.engine.model(name), SampleModel).sample(count=16, seed=0)
                except HubError as error:
                    log.warning("%s: %s", name, error)
                else:
                    pictures = "".join(map(_img, made))
                break
        page = (Path(__file__).parent / "pages" / "welcome.html").read_text(encoding="utf-8")
        return page.replace("{{pictures}}", pictures).replace("{{title}}", escape(title))


def _no_download(error: HubError) -> Response:
    """409 for what is not as it should be here, 502 where the Hub does not give it."""
    return PlainTextResponse(str(error), status_code=502 if isinstance(error, SourceError) else 409)


def _img(image: np.ndarray) -> str:
    return f'<img alt="" src="{images.to_data_uri(images.to_png(image))}">'
