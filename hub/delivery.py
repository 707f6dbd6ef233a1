"""Gradio's pages, on their way to the browser: everything compressed, and nothing twice.

The page itself, with what it says of every tab and endpoint, is two thirds of a megabyte, which Gradio sends as it is:
it compresses by a file's ending, and a page has none. It then asks for a hundred files, and Gradio compresses each anew
for every browser that comes: a quarter of what a visit costs the hub. Their names carry a digest of what is in them, so
what was sent once can be sent again, and a browser that has them need not ask a second time.
"""

import asyncio

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

WITHOUT_ENDING = ("/", "/config", "/gradio_api/info")
"""What Gradio leaves uncompressed: the page, and the same for its clients."""
FOLDER = "/assets/"
FOR_GOOD = "public, max-age=31536000, immutable"
ROOM = 32 << 20
"""Bytes kept at most, far more than all files take: a limit for who asks for the same ones under ever other paths."""


class Delivery:
    """``pages``, compressed at WITHOUT_ENDING and asked for each file of FOLDER once for each way to compress it.

    All else passes through.
    """

    def __init__(self, pages: ASGIApp, room: int = ROOM) -> None:
        self._pages = pages
        self._compressed = GZipMiddleware(pages, compresslevel=4)
        self._room = room
        self._answers: dict[tuple[str, bool, bool], tuple[Message, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" and scope["method"] == "GET" else ""
        if path in WITHOUT_ENDING:
            await self._compressed(scope, receive, send)
        elif path.startswith(FOLDER) and "range" not in Headers(scope=scope):
            await self._deliver(scope, send)
        else:
            await self._pages(scope, receive, send)

    async def _deliver(self, scope: Scope, send: Send) -> None:
        """A file, from what is kept or to be kept from now on."""
        accepted = Headers(scope=scope).get("accept-encoding", "")
        key = scope["path"], "br" in accepted, "gzip" in accepted
        answer = self._answers.get(key)
        if answer is None:
            answer = await self._ask(scope)
            start, body = answer
            if start["status"] == 200 and len(body) <= self._room and key not in self._answers:
                self._room -= len(body)
                self._answers[key] = answer
        start, body = answer
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _ask(self, scope: Scope) -> tuple[Message, bytes]:
        """The beginning of what ``pages`` answer, and the whole body, whether or not who asked is still there: what
        ends early for one browser that went on to another page would be kept for all.
        """
        start: Message = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        asked: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            return asked.pop() if asked else await asyncio.Future()

        await self._pages(scope, receive, collect)
        if start["status"] == 200:
            headers = MutableHeaders(raw=start["headers"])
            headers["Cache-Control"] = FOR_GOOD
            headers["Content-Length"] = str(len(body))
        return start, bytes(body)
