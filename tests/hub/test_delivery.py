"""Pages are compressed, and files asked for once; everything else goes through as often as it is wanted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from hub.delivery import FOR_GOOD, WITHOUT_ENDING, Delivery


@pytest.fixture
def asked() -> Counter[str]:
    return Counter()


@pytest.fixture
def pages(asked: Counter[str]) -> Starlette:
    async def answer(request: Request) -> Response:
        asked[request.url.path] += 1
        if request.url.path.endswith("missing.js"):
            return PlainTextResponse("Nothing here.", status_code=404)
        if request.url.path in WITHOUT_ENDING:
            return PlainTextResponse("page " * 1000)
        if request.url.path.endswith("pieces.js"):
            return StreamingResponse(iter(["one, ", "two"]), media_type="text/javascript")
        accepted = request.headers.get("accept-encoding", "")
        return PlainTextResponse(f"{request.method} {accepted} {request.headers.get('range')}")

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "HEAD", "POST"])])


@pytest.fixture
def client(pages: Starlette) -> TestClient:
    return TestClient(Delivery(pages))


def test_a_file_is_asked_for_once_and_for_good(client: TestClient, asked: Counter[str]) -> None:
    answers = [client.get("/assets/pieces.js") for _ in range(3)]
    assert asked == {"/assets/pieces.js": 1}
    for answer in answers:
        assert answer.text == "one, two" and answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == FOR_GOOD and answer.headers["content-length"] == "8"


def test_who_leaves_in_the_middle_leaves_no_half_file_to_others() -> None:
    async def slowly() -> AsyncIterator[str]:
        for part in ("one, ", "two"):
            yield part
            await asyncio.sleep(0.01)

    async def pages(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(slowly(), media_type="text/javascript")(scope, receive, send)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def unheard(message: Message) -> None:
        pass

    delivery = Delivery(pages)
    scope = {"type": "http", "method": "GET", "path": "/assets/a.js", "headers": [], "asgi": {"spec_version": "2.3"}}
    with ThreadPoolExecutor() as elsewhere:  # a browser that other tests drive has a loop in this thread already
        elsewhere.submit(lambda: asyncio.run(delivery(scope, gone, unheard))).result()
    assert TestClient(delivery).get("/assets/a.js", headers={"accept-encoding": ""}).text == "one, two"


def test_every_compression_has_its_own(client: TestClient, asked: Counter[str]) -> None:
    for _ in range(2):
        for accepted in ("br", "gzip", "gzip, br", "identity"):
            assert client.get("/assets/a.js", headers={"accept-encoding": accepted}).text == f"GET {accepted} None"
    assert asked == {"/assets/a.js": 4}


@pytest.mark.parametrize("path", WITHOUT_ENDING)
def test_a_page_is_compressed_and_asked_for_every_time(path: str, client: TestClient, asked: Counter[str]) -> None:
    for _ in range(2):
        answer = client.get(path, headers={"accept-encoding": "gzip"})
        assert answer.text == "page " * 1000 and answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) < 100 and "cache-control" not in answer.headers
    assert asked == {path: 2}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("HEAD", "/", {}),
        ("GET", "/theme.css", {}),
        ("GET", "/assets", {}),
        ("HEAD", "/assets/a.js", {}),
        ("POST", "/assets/a.js", {}),
        ("GET", "/assets/a.js", {"range": "bytes=0-3"}),
        ("GET", "/assets/missing.js", {}),
    ],
)
def test_all_else_passes_through(
    method: str, path: str, headers: dict[str, str], client: TestClient, asked: Counter[str], pages: Starlette
) -> None:
    plain = TestClient(pages).request(method, path, headers=headers)
    for _ in range(2):
        answer = client.request(method, path, headers=headers)
        assert (answer.status_code, answer.text, answer.headers) == (plain.status_code, plain.text, plain.headers)
    assert asked == {path: 3}


def test_what_has_no_room_is_answered_all_the_same(pages: Starlette, asked: Counter[str]) -> None:
    client = TestClient(Delivery(pages, room=9))
    for path in ("/assets/pieces.js", "/assets/other/pieces.js") * 2:
        assert client.get(path).text == "one, two"
    assert asked == {"/assets/pieces.js": 1, "/assets/other/pieces.js": 2}
