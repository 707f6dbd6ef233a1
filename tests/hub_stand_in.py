"""A stand-in for the Hugging Face Hub, on this machine: what the real ``huggingface_hub`` client asks for, and faults.

It speaks the endpoints of repositories, commits, Git LFS, tags, and files with ranges, and keeps everything in memory.
Nothing of the client is replaced: tests point it here with ``HF_ENDPOINT`` and turn Xet off, whose protocol is another.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from tests.serving import free_port

TOKEN, READ_ONLY = "hf_standInOwnersToken", "hf_standInReadersToken"
LFS_SUFFIXES = (".onnx", ".safetensors", ".npz", ".png")

Files = dict[str, bytes]


@dataclass
class Repository:
    private: bool = False
    gated: bool = False
    license: str | None = None
    """As the header of its card says."""
    commits: dict[str, Files] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    """Branches and tags."""

    @property
    def main(self) -> str:
        return self.refs["main"]

    def commit(self, files: Files) -> str:
        digest = hashlib.sha1(str(len(self.commits)).encode() + b"".join(k.encode() + v for k, v in files.items()))
        commit = digest.hexdigest()
        self.commits[commit] = files
        self.refs["main"] = commit
        return commit


@dataclass
class Fault:
    """What happens to the next ``times`` requests whose address matches ``pattern``."""

    pattern: str
    method: str = "GET"
    status: int = 0
    """Answer this, if not 0."""
    drop_after: int = -1
    """Close the connection after so many bytes, if not negative."""
    stall_after: int = -1
    """Say no more after so many bytes, if not negative, until the stand-in is ``released``."""
    flip: bool = False
    """Change a byte of the content on its way."""
    times: int = 1


class HubStandIn:
    """``with HubStandIn() as hub``: listening at ``hub.url``."""

    def __init__(self) -> None:
        self.repos: dict[str, Repository] = {}
        self.lfs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, bool]] = []
        """Method, address with its query, and whether a token came along."""
        self.sent: list[tuple[str, int]] = []
        """Files that were sent: the path, and the byte at which it began."""
        self.released = threading.Event()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(self._app(), port=self.port, log_level="critical", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> "HubStandIn":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.should_exit = True
        self._thread.join()

    def add(self, name: str, files: Files, **about: Any) -> str:
        """A repository with one more commit of exactly ``files``; returns the commit."""
        return self.repos.setdefault(name, Repository(**about)).commit(dict(files))

    def fail(self, pattern: str, **how: object) -> None:
        self.faults.append(Fault(pattern, **how))  # type: ignore[arg-type]

    # ── What is answered ─────────────────────────────────────────────────────────────────────────────────────────────

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.middleware("http")(self._record)
        for method, path, handler in (
            ("POST", "/api/repos/create", self._create),
            ("POST", "/api/validate-yaml", self._validate_yaml),
            ("GET", "/api/models/{owner}/{name}", self._info),
            ("GET", "/api/models/{owner}/{name}/revision/{revision}", self._info),
            ("POST", "/api/models/{owner}/{name}/paths-info/{revision}", self._paths_info),
            ("POST", "/api/models/{owner}/{name}/preupload/{revision}", self._preupload),
            ("POST", "/api/models/{owner}/{name}/commit/{revision}", self._commit),
            ("POST", "/api/models/{owner}/{name}/tag/{revision}", self._tag),
            ("POST", "/{owner}/{name}.git/info/lfs/objects/batch", self._lfs_batch),
            ("PUT", "/lfs/{oid}", self._lfs_put),
            ("HEAD", "/{owner}/{name}/resolve/{revision}/{path:path}", self._file),
            ("GET", "/{owner}/{name}/resolve/{revision}/{path:path}", self._file),
        ):
            app.add_api_route(path, handler, methods=[method], response_model=None)
        return app

    async def _record(self, request: Request, answer: object) -> Response:
        address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.requests.append((request.method, address, "authorization" in request.headers))
        fault = self._fault(request, lambda each: each.status != 0)
        if fault is not None:
            return JSONResponse({"error": "as the test asked"}, status_code=fault.status)
        passed: Response = await answer(request)  # type: ignore[operator]
        return passed

    def _fault(self, request: Request, kind: object) -> Fault | None:
        for fault in self.faults:
            matches = fault.method == request.method and re.search(fault.pattern, request.url.path)
            if fault.times > 0 and matches and kind(fault):  # type: ignore[operator]
                fault.times -= 1
                return fault
        return None

    def _repo(self, request: Request, *, write: bool = False) -> Repository:
        owner, name = request.path_params["owner"], request.path_params["name"]
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        repo = self.repos.get(f"{owner}/{name}")
        if repo is None or (repo.private and token not in (TOKEN, READ_ONLY)):
            raise _refusal(404 if token or repo is None else 401, "RepoNotFound")
        if repo.gated and token != TOKEN:
            raise _refusal(403, "GatedRepo")
        if write:
            self._may_write(token)
        return repo

    def _may_write(self, token: str) -> None:
        if token != TOKEN:
            raise _refusal(403 if token else 401)

    def _at(self, request: Request) -> tuple[str, Files]:
        repo, revision = self._repo(request), request.path_params.get("revision", "main")
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            raise _refusal(404, "RevisionNotFound")
        return commit, repo.commits[commit]

    async def _create(self, request: Request) -> Response:
        self._may_write(request.headers.get("authorization", "").removeprefix("Bearer "))
        asked = await request.json()
        name = f"{asked['organization'] or 'owner'}/{asked['name']}"
        if name in self.repos:
            return JSONResponse({"error": "You already created this model repo", "url": f"{self.url}/{name}"}, 409)
        self.repos[name] = Repository(private=asked.get("visibility") == "private")
        self.repos[name].commit({".gitattributes": b"*.onnx filter=lfs diff=lfs merge=lfs -text\n"})
        return JSONResponse({"url": f"{self.url}/{name}", "name": name})

    async def _validate_yaml(self, request: Request) -> Response:
        content = (await request.json())["content"]
        fine = content.startswith("---\n") and "\nlicense: " in content
        return JSONResponse(
            {"errors": [] if fine else [{"message": "no license"}], "warnings": []}, 200 if fine else 400
        )

    def _info(self, request: Request) -> dict[str, object]:
        commit, files = self._at(request)
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        said = self.repos[name].license
        return {
            "id": name,
            "sha": commit,
            "siblings": [{"rfilename": path} for path in files],
            "lastModified": "2025-01-01T00:00:00.000Z",
            **({"cardData": {"license": said}} if said else {}),
        }

    async def _paths_info(self, request: Request) -> list[dict[str, object]]:
        _, files = self._at(request)
        asked = (await request.form()).getlist("paths")
        return [_describe(path, files[path]) for path in map(str, asked) if path in files]

    async def _preupload(self, request: Request) -> dict[str, object]:
        repo = self._repo(request, write=True)
        files = repo.commits[repo.main]
        return {
            "files": [
                {
                    "path": each["path"],
                    "uploadMode": "lfs" if _is_lfs(each["path"]) else "regular",
                    "shouldIgnore": False,
                    "oid": _oid(each["path"], files[each["path"]]) if each["path"] in files else None,
                }
                for each in (await request.json())["files"]
            ]
        }

    async def _lfs_batch(self, request: Request) -> dict[str, object]:
        self._repo(request, write=True)
        objects = (await request.json())["objects"]
        upload = {each["oid"]: {"upload": {"href": f"{self.url}/lfs/{each['oid']}", "header": {}}} for each in objects}
        return {
            "transfer": "basic",
            "objects": [
                {**each, **({} if each["oid"] in self.lfs else {"actions": upload[each["oid"]]})} for each in objects
            ],
        }

    async def _lfs_put(self, oid: str, request: Request) -> Response:
        content = await request.body()
        assert hashlib.sha256(content).hexdigest() == oid
        self.lfs[oid] = content
        return Response()

    async def _commit(self, request: Request) -> Response:
        repo = self._repo(request, write=True)
        files = dict(repo.commits[repo.main])
        for line in (await request.body()).splitlines():
            entry = json.loads(line)
            value = entry["value"]
            match entry["key"]:
                case "header":
                    if value.get("parentCommit", repo.main) != repo.main:
                        return JSONResponse({"error": "The branch has moved on"}, 412)
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.lfs[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        commit = repo.commit(files)
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        return JSONResponse({"commitUrl": f"{self.url}/{name}/commit/{commit}", "commitOid": commit})

    async def _tag(self, request: Request) -> Response:
        repo = self._repo(request, write=True)
        commit, _ = self._at(request)
        tag = (await request.json())["tag"]
        if tag in repo.refs:
            return JSONResponse({"error": "Tag reference exists already"}, 409)
        repo.refs[tag] = commit
        return Response()

    def _file(self, request: Request) -> Response:
        commit, files = self._at(request)
        path = request.path_params["path"]
        if path not in files:
            raise _refusal(404, "EntryNotFound")
        content = files[path]
        headers = {"ETag": f'"{_oid(path, content)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        first = 0
        if (asked := re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))) is not None:
            first = int(asked[1])
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        headers["Content-Length"] = str(len(content) - first)
        if request.method == "HEAD":
            return Response(headers=headers)
        self.sent.append((path, first))
        if self._fault(request, lambda each: each.flip):
            content = bytes([content[0] ^ 1]) + content[1:]
        body = iter([content[first:]])
        if drop := self._fault(request, lambda each: each.drop_after >= 0):
            body = _cut(content[first:], drop.drop_after)
        elif stall := self._fault(request, lambda each: each.stall_after >= 0):
            body = self._stalled(content[first:], stall.stall_after)
        return StreamingResponse(body, status_code=206 if asked else 200, headers=headers)

    def _stalled(self, content: bytes, after: int) -> Iterator[bytes]:
        yield content[:after]
        self.released.wait(60)
        yield content[after:]


def _cut(content: bytes, after: int) -> Iterator[bytes]:
    yield content[:after]
    time.sleep(0.05)  # what was sent should arrive before the connection goes
    raise ConnectionAbortedError("as the test asked")


def _refusal(status: int, code: str = "") -> HTTPException:
    return HTTPException(status, headers={"X-Error-Code": code} if code else None)


def _is_lfs(path: str) -> bool:
    return path.endswith(LFS_SUFFIXES)


def _oid(path: str, content: bytes) -> str:
    if _is_lfs(path):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _describe(path: str, content: bytes) -> dict[str, object]:
    oid = _oid(path, content)
    lfs = {"lfs": {"oid": oid, "size": len(content), "pointerSize": 130}} if _is_lfs(path) else {}
    return {"type": "file", "path": path, "size": len(content), "oid": oid[:40], **lfs}


def files_of(folder: Path) -> Files:
    """Every file under ``folder``, by its path within."""
    there = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in there}
