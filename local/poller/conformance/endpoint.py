"""An Invoke endpoint that records what it is asked, and answers as each case wants."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any


@dataclass
class Answer:
    """What Lambda would answer."""

    body: Any = None
    status: int = 200
    function_error: bool = False


@dataclass
class Invocation:
    """One call of a function."""

    event: dict[str, Any]
    began: float
    ended: float = 0.0

    def records(self) -> list[dict[str, Any]]:
        return [record for records in self.event["records"].values() for record in records]

    def offsets(self) -> list[int]:
        return [record["offset"] for record in self.records()]


Behaviour = Callable[[Invocation, int], Answer]


@dataclass
class Function:
    """A function: how it answers, and what it was asked."""

    behaviour: Behaviour
    invocations: list[Invocation] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, event: dict[str, Any]) -> Answer:
        invocation = Invocation(event, monotonic())
        with self.lock:
            self.invocations.append(invocation)
            nth = len(self.invocations)
        answer = self.behaviour(invocation, nth)
        invocation.ended = monotonic()
        return answer


class Endpoint:
    """`POST /2015-03-31/functions/{name}/invocations` on a port of its own."""

    def __init__(self, functions: dict[str, Function]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["content-length"])))
                answer = functions[self.path.split("/")[3]].invoke(event)
                body = json.dumps(answer.body).encode()
                self.send_response(answer.status)
                if answer.function_error:
                    self.send_header("x-amz-function-error", "Unhandled")
                if answer.status == 429:
                    self.send_header("x-amzn-errortype", "TooManyRequestsException")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"
