"""A hub on this machine, for the real client."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checkpoints import COMMIT


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub as a download asks for, with the tiny checkpoint as its only model."""

    folder: Path

    def do_HEAD(self) -> None:
        self.do_GET(head=True)

    def do_GET(self, head: bool = False) -> None:
        names = sorted(file.name for file in self.folder.iterdir())
        if "/tree/" in self.path:
            body = json.dumps([self.entry(name) for name in names]).encode()
        elif self.path.startswith("/api/models/org/tiny"):
            siblings = [{"rfilename": name} for name in [*names, "model.py"]]
            body = json.dumps({"id": "org/tiny", "sha": COMMIT, "siblings": siblings}).encode()
        elif self.path.startswith("/org/tiny/resolve/"):
            body = (self.folder / self.path.rpartition("/")[2]).read_bytes()
        else:
            body = b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", '"' + self.path.rpartition("/")[2].replace(".", "") + '"')
        if not body:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if not head:
            self.wfile.write(body)

    def entry(self, name: str) -> dict[str, Any]:
        return {"type": "file", "path": name, "size": (self.folder / name).stat().st_size, "oid": "0" * 40}

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def local_hub(folder: Path) -> Iterator[str]:
    """A hub on this machine; gives its address."""
    handler = type("TinyHub", (Hub,), {"folder": folder})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
