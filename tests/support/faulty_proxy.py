"""An HTTP proxy on loopback in front of one server, which spoils the answers to chosen requests."""

import http.client
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "proxy-connection", "content-length", "date", "server"}


@dataclass
class Answer:
    """What the client gets: the body, or its first `sent` bytes only, and `pause_s` later the connection's end."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    sent: int | None = None
    pause_s: float = 0.0


Fault = Callable[[Callable[[], Answer]], Answer]
"""Makes the answer for the client; the argument asks the server for its own."""


def refusal(status: int, code: str) -> Fault:
    """S3's error document; the server is not asked."""
    document = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    return lambda _: Answer(status, [("Content-Type", "application/xml")], document.encode())


def truncated(ask: Callable[[], Answer]) -> Answer:
    answer = ask()
    answer.sent = len(answer.body) // 2
    return answer


def corrupted(ask: Callable[[], Answer]) -> Answer:
    answer = ask()
    middle = len(answer.body) // 2
    answer.body = answer.body[:middle] + bytes([answer.body[middle] ^ 1]) + answer.body[middle + 1 :]
    return answer


def stalled(seconds: float) -> Fault:
    """Half of the body, then nothing for some time, then the end."""

    def spoil(ask: Callable[[], Answer]) -> Answer:
        answer = ask()
        answer.sent, answer.pause_s = len(answer.body) // 2, seconds
        return answer

    return spoil


def late(seconds: float) -> Fault:
    """The server hears of the request so much later."""

    def spoil(ask: Callable[[], Answer]) -> Answer:
        time.sleep(seconds)
        return ask()

    return spoil


@dataclass
class _Rule:
    fault: Fault
    method: str
    path: str
    times: float


@dataclass
class FaultyProxy:
    """Clients use `url` in place of the server's; `seen` holds method, host and path of every request."""

    url: str
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spoil(self, fault: Fault, method: str = "", path: str = "", times: float = math.inf) -> None:
        """Spoil the next `times` requests of a method (or any) whose path contains `path`."""
        self._rules.append(_Rule(fault, method, path, times))

    def heal(self) -> None:
        self._rules.clear()

    def fault_for(self, method: str, host: str, path: str) -> Fault | None:
        with self._lock:
            self.seen.append((method, host, path))
            for rule in self._rules:
                if rule.times > 0 and rule.method in ("", method) and rule.path in path:
                    rule.times -= 1
                    return rule.fault
        return None


@contextmanager
def faulty_proxy(upstream: str) -> Iterator[FaultyProxy]:
    """A proxy to the server at the URL `upstream`. It also takes requests that name a whole URL, as HTTP_PROXY does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    proxy = FaultyProxy(f"http://127.0.0.1:{server.server_port}")
    server.proxy, server.upstream = proxy, urlsplit(upstream).netloc  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def _handle(self) -> None:
        where = urlsplit(self.path)
        path = where.path + (f"?{where.query}" if where.query else "")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.proxy.fault_for(self.command, self.headers["Host"], path)  # type: ignore[attr-defined]
        self._answer(fault(lambda: self._ask(path, body)) if fault else self._ask(path, body))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _handle

    def _ask(self, path: str, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.server.upstream)  # type: ignore[attr-defined]
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("connection", "expect")}
        connection.request(self.command, path, body, headers)
        found = connection.getresponse()
        kept = [(name, value) for name, value in found.getheaders() if name.lower() not in _HOP_BY_HOP]
        length = found.getheader("Content-Length")
        if self.command == "HEAD" and length is not None:
            kept.append(("Content-Length", length))
        return Answer(found.status, kept, found.read())

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if answer.sent is None:
            self.wfile.write(answer.body)
            return
        self.wfile.write(answer.body[: answer.sent])
        self.wfile.flush()
        time.sleep(answer.pause_s)
        self.close_connection = True
