"""Reads calls, one a line, has a client carry each out, and prints one line about each.

A client is an object with a method for each call that its library can do. The method gets the call and returns what is
printed; what it raises is printed by its name. A call without a method is answered with `-`.
"""

from __future__ import annotations

import os
import sys
import threading
import time

ABSENT = "-"
LIMIT_S = 30


class Call:
    """A call as written: `name key=value key=value`."""

    def __init__(self, line: str) -> None:
        self.name, *words = line.split()
        self._arguments = dict(word.split("=", 1) for word in words)

    def __contains__(self, key: str) -> bool:
        return key in self._arguments

    def text(self, key: str, otherwise: str | None = None) -> str | None:
        return self._arguments.get(key, otherwise)

    def number(self, key: str, otherwise: int | None = None) -> int | None:
        return int(self._arguments[key]) if key in self._arguments else otherwise

    def items(self, key: str) -> list[str]:
        return self._arguments[key].split(",") if key in self._arguments else []

    def pairs(self, key: str) -> dict[str, str]:
        return dict(pair.split(":", 1) for pair in self.items(key))

    def values(self) -> list[str]:
        return ["v" * self.number("length")] if "length" in self else self.items("values")

    def metadata(self) -> str:
        return "m" * self.number("metadata-length", 0) or self.text("metadata", "")

    @property
    def topic(self) -> str:
        return self._arguments["topic"]

    @property
    def group(self) -> str:
        return self._arguments["group"]

    @property
    def partition(self) -> int | None:
        return self.number("partition")


def is_known(call: Call, known: tuple[str, ...]) -> bool:
    """Whether a library can do all that is asked of a member."""
    return all(what in known for what in ("assignor", "instance", "protocol") if what in call)


def shown(offset: int, key: bytes, value: bytes, headers: list[tuple[str, bytes]], time_ms: int) -> str:
    """A record as every client prints it."""
    text = " ".join([f"{_text(key)}={_text(value)}", *(f"{name}:{_text(one)}" for name, one in headers or [])])
    return f"{offset} {text} @{time_ms}"


def _text(some: bytes | None) -> str:
    return "null" if some is None else some.decode()


def prefixed(names: list[str], call: Call) -> str:
    return " ".join(sorted(name for name in names if name.startswith(call.text("prefix"))))


def until(done) -> object:  # type: ignore[no-untyped-def]
    """What `done` returns once that is not None."""
    deadline = time.monotonic() + LIMIT_S
    while (found := done()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)
    return found


def settled(assigned: list[list[int]], call: Call) -> str | None:
    """What each member has, once all partitions are given out and everybody has some."""
    partitions, wanted = [one for share in assigned for one in share], call.number("partitions")
    if not all(assigned) or len(partitions) != wanted or len(set(partitions)) != wanted:
        return None
    if "assignor" in call:
        # Who gets what is drawn with the ids of the members there.
        return str(sorted(map(len, assigned)))
    return " ".join(sorted(map(str, map(sorted, assigned))))


class Member:
    """A consumer in a group, which polls on a thread of its own until it leaves.

    `turn` polls once and returns the records seen and the partitions held; `save` commits.
    """

    def __init__(self, consumer, turn, save) -> None:  # type: ignore[no-untyped-def]
        self._consumer, self._turn, self._save = consumer, turn, save
        self._leaving = False
        self._saving = False
        self.failure: Exception | None = None
        self.assigned: list[int] = []
        self.taken: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._leaving:
                taken, self.assigned = self._turn(self._consumer)
                self.taken += taken
                if self._saving:
                    self._save(self._consumer)
                    self._saving = False
        except Exception as error:  # noqa: BLE001
            self.failure = error
        finally:
            self._consumer.close()

    def save(self) -> None:
        self._saving = True
        until(lambda: None if self._saving and not self.failure else True)
        if self.failure:
            raise self.failure

    def leave(self) -> None:
        self._leaving = True
        self._thread.join(LIMIT_S)


class Groups:
    """The calls of members, for libraries without an event loop of their own."""

    knows: tuple[str, ...] = ()
    """What a member of this library can be told."""

    def __init__(self) -> None:
        self._joined: dict[str, list[Member]] = {}

    def member(self, call: Call) -> Member:
        raise NotImplementedError

    def join(self, call: Call) -> str:
        if not is_known(call, self.knows):
            return ABSENT
        members = self._joined.setdefault(call.group, [])
        members += [self.member(call) for _ in range(call.number("members", 1))]

        def look() -> str | None:
            for member in members:
                if member.failure:
                    self._joined.pop(call.group)
                    raise member.failure
            return settled([member.assigned for member in members], call)

        return until(look)

    def take(self, call: Call) -> str:
        if call.group not in self._joined:
            return ABSENT

        def look() -> str | None:
            # What was not committed comes again after a rebalance.
            taken = sorted({one for member in self._joined[call.group] for one in member.taken})
            return ", ".join(taken) if len(taken) >= call.number("count") else None

        return until(look)

    def save(self, call: Call) -> str:
        for member in self._joined[call.group]:
            member.save()
        return "done"

    def leave(self, call: Call) -> str:
        members = self._joined.pop(call.group, None)
        for member in members or []:
            member.leave()
        return ABSENT if members is None else "done"


def name_of(error: Exception) -> str:
    """librdkafka has one exception for all errors."""
    first = error.args[0] if error.args else None
    return first.name() if hasattr(first, "name") else type(error).__name__


def answer(client: object, line: str) -> str:
    call = Call(line)
    method = getattr(client, call.name.replace("-", "_"), None)
    if method is None:
        return ABSENT
    try:
        return method(call)
    except Exception as error:  # noqa: BLE001
        return f"! {name_of(error)}"


def run(client: object) -> None:
    """Until there are no more lines."""
    for line in sys.stdin:
        print(answer(client, line).replace("\n", " "), flush=True)
    # Threads of clients that failed must not keep the process.
    sys.stdout.flush()
    os._exit(0)
