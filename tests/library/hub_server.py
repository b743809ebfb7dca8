"""A Hub on the loopback interface: the part of its HTTP interface that the real client uses for models and Spaces.

    with HubServer() as server:
        server.create("user/styles")
        Hub("user/styles", token=TOKEN, endpoint=server.url)

A Space is called `spaces/user/name` here. Commits, large files by LFS, blobs and errors are as the Hub's; what it
stores is in memory. `server.fault` makes requests fail as a Hub in trouble does.
"""

import base64
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN, READ_TOKEN = "hf_write", "hf_read"
LFS_ENDINGS = (
    ".xz",
    ".safetensors",
    ".webp",
    ".bin",
    ".pkl",
    ".zip",
)  # of the .gitattributes that a new repository has


@dataclass
class Repository:
    """Files by path, after each commit; the last is `main`."""

    name: str
    private: bool = False
    sdk: str = ""
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)

    @property
    def sha(self) -> str:
        return self.commits[-1][0]

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][1]

    def commit(self, files: dict[str, bytes]) -> None:
        self.commits.append((hashlib.sha1(f"{len(self.commits)} {sorted(files)}".encode()).hexdigest(), files))


@dataclass
class Fault:
    """What happens to requests of a method whose path holds a text: `times` of them, then no more.

    status: answered instead of the real answer (0: not). headers, message: with it. seconds: waited before that.
    cut: the connection is dropped after so many bytes of the real answer's body, or before any of it was read.
    drip: the real answer's body comes in bytes, so many seconds apart.
    """

    method: str
    part: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    seconds: float = 0.0
    cut: int | None = None
    drip: float = 0.0
    times: int = 10**9


class HubServer:
    """Runs from `with` to its end. `requests` are the method and path of everything that was asked."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.before_commit: Callable[[], None] = lambda: None
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        server = self

        class Handler(_Handler):
            hub = server

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that goes away is no news."""

        self._http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> "HubServer":
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def create(self, repo: str, private: bool = False, sdk: str = "") -> Repository:
        """Make a repository as the Hub does, with a first commit."""
        made = Repository(repo, private, sdk)
        made.commit({".gitattributes": b"*.xz filter=lfs diff=lfs merge=lfs -text\n"})
        self.repositories[repo] = made
        return made

    def put(self, repo: str, path: str, content: bytes) -> str:
        """Add a large file to a repository in a commit of its own; gives its SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        self.large[digest] = content
        self.repositories[repo].commit({**self.repositories[repo].files, path: content})
        return digest

    def fault(self, method: str, part: str, **what: Any) -> None:
        """Make requests fail; see `Fault`."""
        self._faults.append(Fault(method, part, **what))

    def mend(self) -> None:
        """No more faults."""
        self._faults.clear()

    def taken(self, method: str, path: str) -> Fault | None:
        """Note a request; the fault that it meets."""
        with self._lock:
            self.requests.append((method, path))
            for fault in self._faults:
                if fault.times > 0 and fault.method in {method, ""} and fault.part in path:
                    fault.times -= 1
                    return fault
        return None

    def commit(self, repo: Repository, lines: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Do a commit; None where its parent is not the last one any more."""
        self.before_commit()
        with self._lock:
            files = dict(repo.files)
            for line in lines:
                value = line["value"]
                if line["key"] == "header" and value.get("parentCommit") not in {None, repo.sha}:
                    return None
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                if line["key"] == "deletedFile":
                    del files[value["path"]]
                if line["key"] == "lfsFile":
                    files[value["path"]] = self.large[value["oid"]]
            repo.commit(files)
            return {"success": True, "commitOid": repo.sha, "commitUrl": f"{self.url}/{repo.name}/commit/{repo.sha}"}


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    fault: Fault | None = None

    def log_message(self, *_: Any) -> None:
        """Nothing on standard error."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815 - the library's names

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.fault = self.hub.taken(self.command, path)
        if self.fault is not None:
            time.sleep(self.fault.seconds)
            if self.fault.cut == 0:
                return self._hang_up()
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.fault is not None and self.fault.status:
            return self._error(self.fault.status, "", self.fault.message, self.fault.headers)
        self._route(path, body)

    def _route(self, path: str, body: bytes) -> None:
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            front = json.loads(body)["content"].startswith("---\n")
            return self._json({"errors": [], "warnings": []} if front else {"errors": [{"message": "no front matter"}]})
        if path.startswith("/lfs/") and self.command == "GET":
            start = int((self.headers.get("range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            return self._send(206 if start else 200, self.hub.large[path[5:]][start:])
        if path.startswith("/lfs/"):
            good = hashlib.sha256(body).hexdigest() == path[5:]
            self.hub.large |= {path[5:]: body} if good else {}
            return self._send(200 if good else 400, b"")
        path, space = path.removeprefix("/api").removeprefix("/models"), path.startswith(("/api/spaces/", "/spaces/"))
        words = path.removeprefix("/spaces").strip("/").split("/")
        name = ("spaces/" if space else "") + "/".join(words[:2]).removesuffix(".git")
        found, may = self.hub.repositories.get(name), self._token() in {TOKEN, READ_TOKEN}
        if self._token() and not may:
            return self._error(401, "", "Invalid credentials in Authorization header")
        if found is None or (found.private and not may):
            return self._error(404 if may else 401, "RepoNotFound", "Repository not found")
        self._in_repository(found, words[2:], body)

    def _in_repository(self, repo: Repository, words: list[str], body: bytes) -> None:  # noqa: PLR0911 - a table
        if not words or words[0] == "revision":
            return self._json(_info(repo, "blobs=" in self.path))
        if words[0] == "resolve":
            content = repo.files.get("/".join(words[2:]))
            if content is None:
                return self._error(404, "EntryNotFound", "Entry not found")
            oid = hashlib.sha256(content).hexdigest()
            known = {"x-repo-commit": repo.sha, "etag": f'"{_oid(content, "regular")}"'}
            if oid in self.hub.large:  # the Hub sends such files from another server
                known |= {"x-linked-etag": f'"{oid}"', "x-linked-size": str(len(content))}
                if self.command == "HEAD":  # the client asks the Hub itself; it would follow us to ourselves
                    return self._send(200, content, known)
                return self._send(302, b"", {**known, "location": f"{self.hub.url}/lfs/{oid}"})
            return self._send(200, content, known)
        if self._token() != TOKEN:
            return self._error(403, "", "Forbidden: pass a token with write access")
        if words[0] == "preupload":
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = {path: "lfs" if path.endswith(LFS_ENDINGS) else "regular" for path in files}
            oids = {path: _oid(repo.files[path], mode) for path, mode in modes.items() if path in repo.files}
            told = [{"path": p, "uploadMode": m, "shouldIgnore": False, "oid": oids.get(p)} for p, m in modes.items()]
            return self._json({"files": told})
        if words[:2] == ["info", "lfs"]:
            objects = [{**one, "authenticated": True} for one in json.loads(body)["objects"]]
            for one in objects:
                if one["oid"] not in self.hub.large:
                    one["actions"] = {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}
            return self._json({"transfer": "basic", "objects": objects})
        if words[0] == "commit":
            done = self.hub.commit(repo, [json.loads(line) for line in body.splitlines() if line.strip()])
            return self._error(412, "", "A commit has happened since") if done is None else self._json(done)
        self._error(404, "", "There is no such thing")

    def _create(self, wanted: dict[str, Any]) -> None:
        if self._token() != TOKEN:
            return self._error(401, "", "Invalid credentials in Authorization header")
        name, kind = f"{wanted['organization']}/{wanted['name']}", wanted.get("type") or "model"
        place = f"spaces/{name}" if kind == "space" else name
        if place in self.hub.repositories:
            return self._error(409, "", f"You already created this {kind} repo")
        if kind == "space" and "sdk" not in wanted:
            return self._error(400, "", "A Space needs an SDK")
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.hub.create(place, private, wanted.get("sdk", ""))
        self._json({"url": f"{self.hub.url}/{place}", "name": name})

    def _token(self) -> str:
        return (self.headers.get("authorization") or "").removeprefix("Bearer ")

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"content-type": "application/json"})

    def _error(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        said = {"x-error-code": code, "x-error-message": message, "content-type": "application/json"}
        said = {name: text for name, text in said.items() if text}
        self._send(status, json.dumps({"error": message}).encode(), {**said, **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, text in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.fault is not None and self.fault.cut is not None:
            self.wfile.write(body[: self.fault.cut])
            return self._hang_up()
        if self.fault is not None and self.fault.drip:
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(self.fault.drip)
            return
        self.wfile.write(body)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _oid(content: bytes, mode: str) -> str:
    """What the Hub calls a file's content by."""
    large = mode == "lfs"
    return (hashlib.sha256(content) if large else hashlib.sha1(b"blob %d\0" % len(content) + content)).hexdigest()


def _info(repo: Repository, blobs: bool) -> dict[str, Any]:
    files: list[dict[str, Any]] = []
    for path, content in repo.files.items():
        blob = _oid(content, "regular")
        files.append({"rfilename": path, **({"size": len(content), "blobId": blob} if blobs else {})})
    return {
        "_id": "0",
        "id": "user/styles",
        "sha": repo.sha,
        "private": repo.private,
        "tags": [],
        "siblings": files,
    }
