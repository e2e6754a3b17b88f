"""What AWS does, a case for each row: its settings, its records, its function, and what must come of it."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from endpoint import Answer, Behaviour, Invocation

THROWS = Answer({"errorType": "Boom", "errorMessage": "it failed"}, function_error=True)
THROTTLED = Answer({"Reason": "ConcurrentInvocationLimitExceeded"}, 429)
UNKNOWN = Answer({"Message": "Function not found"}, 404)
PROVISIONED = {"ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 1}}
PARTIAL = {**PROVISIONED, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
QUEUE = "arn:aws:sqs:us-east-1:000000000000:{name}"
BUCKET = "arn:aws:s3:::{name}"


@dataclass
class Record:
    value: bytes | None = b"x"
    key: bytes | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    partition: int = 0
    timestamp_ms: int | None = None


@dataclass
class Seen:
    """What can be seen from outside: by a function, in Kafka, in a destination."""

    topic: str
    bootstrap: str
    invocations: list[Invocation]
    committed: dict[int, int | None]
    dead_letters: list[tuple[bytes | None, dict[str, Any]]]
    files: list[dict[str, Any]]
    metrics: dict[str, float]
    log: list[dict[str, Any]]
    mapping: dict[str, Any]

    def offsets(self) -> list[list[int]]:
        return [invocation.offsets() for invocation in self.invocations]


@dataclass
class Case:
    section: str
    says: str
    records: list[Record]
    check: Callable[[Seen], bool]
    settings: dict[str, Any] = field(default_factory=dict)
    behaviour: Behaviour = lambda _invocation, _nth: Answer()
    # Without any, its topic is not there.
    partitions: int = 1
    self_managed: bool = False
    dead_letters: bool = False
    quiet_s: float = 0.0
    # Records that are there before the mapping is, and what its group has committed by then.
    early: list[Record] = field(default_factory=list)
    committed_before: int | None = None
    # Another member of its group comes and goes.
    unrest: bool = False
    # How often its poller is killed, each time after an invocation.
    kills: int = 0

    @property
    def name(self) -> str:
        words = "".join(letter if letter.isalnum() else " " for letter in self.says.lower())
        return "c-" + self.section.replace(".", "-") + "-" + "-".join(words.split())[:50].strip("-")


def texts(*values: str) -> list[Record]:
    return [Record(value.encode()) for value in values]


def decoded(record: dict[str, Any]) -> str:
    return base64.b64decode(record["value"]).decode()


def throws_on(*bad: str) -> Behaviour:
    def behaviour(invocation: Invocation, _nth: int) -> Answer:
        return THROWS if any(decoded(r) in bad for r in invocation.records()) else Answer()

    return behaviour


def names(*bad: str) -> Behaviour:
    def behaviour(invocation: Invocation, _nth: int) -> Answer:
        items = [
            {"itemIdentifier": {"partition": f"{r['topic']}-{r['partition']}", "offset": r["offset"]}}
            for r in invocation.records()
            if decoded(r) in bad
        ]
        return Answer({"batchItemFailures": items})

    return behaviour


def once(first: Answer) -> Behaviour:
    return lambda _invocation, nth: first if nth == 1 else Answer()


def one_at_a_time(seen: Seen) -> bool:
    spans = sorted((i.began, i.ended) for i in seen.invocations)
    apart = all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))
    return apart and sorted(sum(seen.offsets(), [])) == list(range(6))


def slow(_invocation: Invocation, _nth: int) -> Answer:
    time.sleep(0.2)
    return Answer()


def exact_event(seen: Seen) -> bool:
    if not seen.invocations:
        return False
    event = json.loads(json.dumps(seen.invocations[0].event))
    arn = event.pop("eventSourceArn")
    record = event["records"][f"{seen.topic}-0"][0]
    timestamp = record.pop("timestamp")
    expected = {
        "eventSource": "aws:kafka",
        "bootstrapServers": seen.bootstrap,
        "records": {
            f"{seen.topic}-0": [
                {
                    "topic": seen.topic,
                    "partition": 0,
                    "offset": 0,
                    "timestampType": "CREATE_TIME",
                    "key": "a2V5",
                    "value": "dmFsdWU=",
                    "headers": [{"h": [-61, -85]}, {"h": [49]}],
                }
            ]
        },
    }
    return event == expected and isinstance(timestamp, int) and arn.startswith("arn:aws:kafka:")


def self_managed_event(seen: Seen) -> bool:
    events = [invocation.event for invocation in seen.invocations]
    return bool(events) and events[0]["eventSource"] == "SelfManagedKafka" and "eventSourceArn" not in events[0]


def sqs_document(seen: Seen) -> bool:
    if not seen.files:
        return False
    document = seen.files[0]
    info = document["KafkaBatchInfo"]
    place = info["recordsInfo"][f"{seen.topic}-0"]
    return (
        document["version"] == "1.0"
        and document["requestContext"]["condition"] == "RetryAttemptsExhausted"
        and document["requestContext"]["approximateInvokeCount"] == 2
        and document["responseContext"]
        == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
        and info["batchSize"] == 2
        and (place["firstRecordOffset"], place["lastRecordOffset"]) == ("0", "1")
        and "payload" not in document
    )


def s3_document(seen: Seen) -> bool:
    if not seen.files:
        return False
    event = json.loads(seen.files[0]["payload"])
    return len(event["records"][f"{seen.topic}-0"]) == 2


def too_large(seen: Seen) -> bool:
    if seen.invocations or not seen.files:
        return False
    document = seen.files[0]
    exceeded = document["requestContext"]["condition"] == "MaximumPayloadSizeExceeded"
    return exceeded and document["responseContext"] is None


def topic_documents(seen: Seen) -> bool:
    if len(seen.dead_letters) < 2:
        return False
    found = {key: document for key, document in seen.dead_letters}
    return (
        set(found) == {b"k1", b"k2"}
        and found[b"k1"]["KafkaBatchInfo"]["recordInfo"]["offset"] == "0"
        and found[b"k1"]["KafkaBatchInfo"]["batchSize"] == 1
        and list(found[b"k1"]["payload"]["records"]) == [f"{seen.topic}-0"]
    )


def to(destination: str) -> dict[str, Any]:
    return {"DestinationConfig": {"OnFailure": {"Destination": destination}}}


def dead(condition: str, count: int) -> Callable[[Seen], bool]:
    return lambda seen: [d["requestContext"]["condition"] for _, d in seen.dead_letters] == [condition] * count


def slow_throw(_invocation: Invocation, _nth: int) -> Answer:
    time.sleep(0.3)
    return THROWS


def given_up(attempts: int, made: range) -> Callable[[Seen], bool]:
    """The one record is in the destination, with so many attempts counted, of which so many were seen."""

    def check(seen: Seen) -> bool:
        counted = [d["requestContext"]["approximateInvokeCount"] for _, d in seen.dead_letters]
        return counted == [attempts] and len(seen.invocations) in made and seen.committed[0] == 1

    return check


def counted(**expected: float) -> Callable[[Seen], bool]:
    return lambda seen: {name: seen.metrics.get(name) for name in expected} == expected


def told_assignment(seen: Seen) -> bool:
    lines = [line for line in seen.log if line["eventType"] == "POLLER_STATUS_EVENT"]
    connections = [line["kafkaEventSourceConnection"] for line in lines]
    return (
        len(lines) == 1
        and lines[0]["logLevel"] == "INFO"
        and lines[0]["eventSourceArn"].startswith("arn:aws:kafka:")
        and lines[0]["resourceArn"].split(":")[-2:] == ["event-source-mapping", lines[0]["eventProcessorId"][:-2]]
        and connections[0]["assignedPartitions"] == [f"{seen.topic}-0", f"{seen.topic}-1"]
        and (connections[0]["assignedPartitionCount"], connections[0]["totalPartitionCount"]) == (2, 2)
        and connections[0]["brokerEndpoints"] == seen.bootstrap
        and connections[0]["securityProtocol"] == "PLAINTEXT"
    )


def told_error(seen: Seen) -> bool:
    lines = [line for line in seen.log if line["eventType"] == "ESM_PROCESSING_EVENT"]
    return len(lines) == 1 and lines[0]["logLevel"] == "WARN" and "it failed" in lines[0]["error"]["errorMessage"]


def says(reason: str, result: str) -> Callable[[Seen], bool]:
    """The mapping is enabled, for this reason; its last result begins with these words."""

    def check(seen: Seen) -> bool:
        told = seen.mapping
        state = (told.get("state"), told.get("state_transition_reason"))
        return state == ("Enabled", reason) and told["last_processing_result"].startswith(result)

    return check


def first(count: int, answer: Answer) -> Behaviour:
    return lambda _invocation, nth: answer if nth <= count else Answer()


def polled_by(count: int) -> Callable[[Seen], bool]:
    return lambda seen: seen.mapping.get("pollers") == count


# Older records might be gone by retention.
HOUR_AGO_S = int(time.time()) - 3_600
OLD_MS = 1_600_000_000_000
DEAD = to("kafka://{name}-dead")
LOG = {"LoggingConfig": {"SystemLogLevel": "INFO"}}
FILTER = {"FilterCriteria": {"Filters": [{"Pattern": '{"value":{"n":[2]}}'}]}}

CASES = [
    Case("1.1", "an MSK event has exactly these fields", [Record(b"value", b"key", [("h", "ë".encode()), ("h", b"1")])], exact_event),
    Case("1.1", "a self-managed event carries no ARN", texts("a"), self_managed_event, self_managed=True),
    Case("1.1", "one event carries several partitions", [Record(partition=0), Record(partition=1)], lambda s: len(s.invocations) == 1 and len(s.invocations[0].event["records"]) == 2, {"MaximumBatchingWindowInSeconds": 5, "BatchSize": 2}, partitions=2),
    Case("1.2", "a record without headers has an empty list", texts("a"), lambda s: bool(s.invocations) and s.invocations[0].records()[0]["headers"] == []),
    Case("1.3", "a null key and a tombstone's value are left out", [Record(None, b"k"), Record(b"x")], lambda s: [sorted({"key", "value"} & set(r)) for i in s.invocations for r in i.records()] == [["key"], ["value"]]),
    Case("1.3", "an empty key or value is an empty string", [Record(b"", b"")], lambda s: bool(s.invocations) and [s.invocations[0].records()[0][k] for k in ("key", "value")] == ["", ""]),
    Case("2", "a batch has BatchSize records at most", texts(*"abcdefg"), lambda s: sorted(sum(s.offsets(), [])) == list(range(7)) and max(map(len, s.offsets())) <= 3, {"BatchSize": 3}),
    Case("2", "a disabled mapping invokes nothing", texts("a"), lambda s: s.invocations == [], {"Enabled": False}, quiet_s=2),
    Case("2.2", "without a limit a destination gets records after 10 retries", texts("bad"), lambda s: len(s.invocations) == 11 and dead("RetriesExhausted", 1)(s), {**PROVISIONED, **DEAD}, throws_on("bad"), dead_letters=True),
    Case("3.1", "records wait for company until the window ends", texts("a", "b", "c"), lambda s: s.offsets() == [[0, 1, 2]], {"MaximumBatchingWindowInSeconds": 2, "BatchSize": 100}),
    Case("3.1", "a record too large goes to the destination", [Record(b"x" * 5_000_000)], too_large, to(BUCKET)),
    Case("3.2", "a partition has one batch under way and keeps its order", texts(*"abcdef"), one_at_a_time, {"BatchSize": 2, "MaximumBatchingWindowInSeconds": 0}, slow),
    Case("3.2", "a failing partition does not hold up another", [Record(b"bad", partition=0)] + [Record(b"ok", partition=1)] * 5, lambda s: s.committed[1] == 5 and s.committed[0] in (0, None), {"MaximumBatchingWindowInSeconds": 0}, throws_on("bad"), partitions=2),
    Case("3.2", "a mapping on demand has one poller", [], polled_by(1), partitions=3, quiet_s=0.5),
    Case("3.2", "a mapping has the pollers that are provisioned", [], polled_by(2), {"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 5}}, partitions=3),
    Case("3.2", "a mapping has no more pollers than partitions", [], polled_by(2), {"ProvisionedPollerConfig": {"MinimumPollers": 5, "MaximumPollers": 5}}, partitions=2, quiet_s=0.5),
    Case("3.3", "the offset after a batch is committed once it succeeded", texts("a", "b"), lambda s: s.committed[0] == 2),
    Case("3.3", "a new group begins with the first record kept", [], lambda s: s.offsets() == [[0, 1]], early=texts("a", "b")),
    Case("3.3", "LATEST skips what was there before", texts("new"), lambda s: s.offsets() == [[2]], {"StartingPosition": "LATEST"}, early=texts("a", "b"), quiet_s=0.5),
    Case("3.3", "AT_TIMESTAMP begins with the first record of that time or later", [], lambda s: s.offsets() == [[1, 2]] and s.committed[0] == 3, {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": HOUR_AGO_S}, early=[Record(b"x", timestamp_ms=HOUR_AGO_S * 1_000 + ms) for ms in (-1, 0, 1)], quiet_s=0.5),
    Case("3.3", "AT_TIMESTAMP after the last record begins at the end", texts("new"), lambda s: s.offsets() == [[1]], {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": HOUR_AGO_S}, early=[Record(b"x", timestamp_ms=HOUR_AGO_S * 1_000 - 1)], quiet_s=0.5),
    *[Case("3.3", f"{position} does not count for a group that has committed", [], lambda s: s.offsets() == [[1]], {"StartingPosition": position, **more}, early=texts("a", "b"), committed_before=1, quiet_s=0.5) for position, more in (("TRIM_HORIZON", {}), ("LATEST", {}), ("AT_TIMESTAMP", {"StartingPositionTimestamp": 1}))],
    Case("3.3", "offsets that retention or a deletion took are not waited for", [], lambda s: s.offsets() == [[0]] and s.committed[0] == 1, early=texts("a"), committed_before=7),
    Case("3.4", "an error makes the whole batch go again", texts("a", "b"), lambda s: s.offsets() == [[0, 1], [0, 1]] and s.committed[0] == 2, {"BatchSize": 2, "MaximumBatchingWindowInSeconds": 5}, once(THROWS)),
    Case("3.4", "n retries are n and one invocations and then it goes on", texts("bad", "ok"), lambda s: s.offsets() == [[0]] * 3 + [[1]] and s.committed[0] == 2, {**PROVISIONED, "BatchSize": 1, "MaximumRetryAttempts": 2}, throws_on("bad")),
    Case("3.4", "no retries are one invocation", texts("bad", "ok"), lambda s: s.offsets() == [[0], [1]] and s.committed[0] == 2, {**PROVISIONED, "BatchSize": 1, "MaximumRetryAttempts": 0}, throws_on("bad")),
    Case("3.4", "a throttle is not counted as a retry", texts("a"), lambda s: len(s.invocations) == 4 and s.committed[0] == 1, {**PROVISIONED, "MaximumRetryAttempts": 0}, first(3, THROTTLED)),
    *[Case("3.4", f"the status {status} of the service is not counted as a retry", texts("a"), lambda s: len(s.invocations) == 3 and s.committed[0] == 1, {**PROVISIONED, "MaximumRetryAttempts": 0}, lambda _i, nth, status=status: Answer({"Message": "no"}, status) if nth < 3 else Answer()) for status in (404, 500)],
    Case("3.4", "a poisoned record reaches the destination in spite of rebalances all the time", texts("bad"), given_up(5, range(5, 6)), {**PROVISIONED, **DEAD, "MaximumRetryAttempts": 4}, slow_throw, dead_letters=True, unrest=True),
    Case("3.4", "a killed poller makes no more attempts than configured and one fewer at most", texts("bad"), given_up(5, range(3, 6)), {**PROVISIONED, **DEAD, "MaximumRetryAttempts": 4}, slow_throw, dead_letters=True, kills=2),
    Case("3.4", "records too old are not sent", [Record(b"old", timestamp_ms=OLD_MS), Record(b"new")], lambda s: s.offsets() == [[1]] and s.committed[0] == 2, {**PROVISIONED, "MaximumRecordAgeInSeconds": 60}),
    Case("3.4", "bisecting finds the poisoned record and loses no other", texts("a", "b", "bad", "c"), lambda s: [d["KafkaBatchInfo"]["recordInfo"]["offset"] for _, d in s.dead_letters] == ["2"] and s.committed[0] == 4 and [2] in s.offsets(), {**PROVISIONED, **DEAD, "BisectBatchOnFunctionError": True, "MaximumRetryAttempts": 1, "BatchSize": 4, "MaximumBatchingWindowInSeconds": 5}, throws_on("bad"), dead_letters=True),
    *[Case("3.5", f"the answer {answer} is complete success", texts("a"), lambda s: s.offsets() == [[0]] and s.committed[0] == 1, PARTIAL, lambda _i, _n, body=body: Answer(body), quiet_s=0.5) for answer, body in (("null", None), ("of an empty object", {}), ("of an empty list", {"batchItemFailures": []}))],
    Case("3.5", "named records go again", texts("a", "bad", "c"), lambda s: s.offsets() == [[0, 1, 2], [1]] and s.committed[0] == 3, {**PARTIAL, "MaximumRetryAttempts": 1, "BatchSize": 3, "MaximumBatchingWindowInSeconds": 5}, names("bad")),
    Case("3.5", "a record that was not in the event fails the whole batch", texts("a", "b"), lambda s: s.offsets() == [[0, 1], [0, 1]], {**PARTIAL, "BatchSize": 2, "MaximumBatchingWindowInSeconds": 5}, once(Answer({"batchItemFailures": [{"itemIdentifier": {"partition": "other-0", "offset": 99}}]}))),
    Case("3.5", "an identifier that is a string fails the whole batch", texts("a", "b"), lambda s: s.offsets() == [[0, 1], [0, 1]], {**PARTIAL, "BatchSize": 2, "MaximumBatchingWindowInSeconds": 5}, once(Answer({"batchItemFailures": [{"itemIdentifier": "0"}]}))),
    Case("3.5", "failures are ignored where the mapping does not ask for them", texts("bad"), lambda s: s.offsets() == [[0]] and s.committed[0] == 1, {}, names("bad"), quiet_s=0.5),
    Case("3.6", "only records that match are sent and the others are committed", texts('{"n":1}', '{"n":2}', '{"n":3}'), lambda s: s.offsets() == [[1]] and s.committed[0] == 3, FILTER),
    Case("3.6", "a record that is not what the pattern expects passes", texts("plain"), lambda s: s.offsets() == [[0]], FILTER),
    Case("3.7", "a queue gets where the records are", texts("bad", "b"), sqs_document, {**PROVISIONED, **to(QUEUE), "MaximumRetryAttempts": 1, "BatchSize": 2, "MaximumBatchingWindowInSeconds": 5}, throws_on("bad")),
    Case("3.7", "a bucket gets the event as well", texts("bad", "b"), s3_document, {**PROVISIONED, **to(BUCKET), "MaximumRetryAttempts": 0, "BatchSize": 2, "MaximumBatchingWindowInSeconds": 5}, throws_on("bad")),
    Case("3.7", "a topic gets a message a record under its key", [Record(b"bad", b"k1"), Record(b"b", b"k2")], topic_documents, {**PROVISIONED, **DEAD, "MaximumRetryAttempts": 0, "BatchSize": 2, "MaximumBatchingWindowInSeconds": 5}, throws_on("bad"), dead_letters=True),
    Case("3.8", "records are counted as read, kept back, invoked and committed", texts('{"n":1}', '{"n":2}', '{"n":3}'), counted(polled_event_count=3, filtered_out_event_count=2, invoked_event_count=1, failed_invoke_event_count=0, committed_event_count=3), FILTER),
    Case("3.8", "a retry counts as invoked again and what is given up as dropped", texts("bad"), counted(invoked_event_count=3, failed_invoke_event_count=3, invoke_error_count=3, dropped_event_count=1, on_failure_destination_delivered_event_count=0), {**PROVISIONED, "MaximumRetryAttempts": 2}, throws_on("bad")),
    Case("3.8", "what a destination takes is delivered and not dropped", texts("bad"), counted(on_failure_destination_delivered_event_count=1, dropped_event_count=0, on_failure_destination_delivery_error_count=0), {**PROVISIONED, **DEAD, "MaximumRetryAttempts": 0}, throws_on("bad"), dead_letters=True),
    Case("3.8", "a batch that failed in part counts as failed", texts("a", "bad"), counted(failed_invoke_event_count=3, dropped_event_count=1), {**PARTIAL, "MaximumRetryAttempts": 1, "BatchSize": 2, "MaximumBatchingWindowInSeconds": 5}, names("bad")),
    Case("3.8", "the lag is what was written and not processed", [Record(b"bad", partition=0)] * 3 + [Record(b"bad", partition=1)], counted(max_offset_lag=3, sum_offset_lag=4), {"MaximumBatchingWindowInSeconds": 0}, throws_on("bad"), partitions=2),
    Case("3.9", "a poller tells which partitions it was given", texts("a"), told_assignment, {**PROVISIONED, **LOG}, partitions=2),
    Case("3.9", "a poller tells what went wrong", texts("a"), told_error, {**PROVISIONED, **LOG}, once(THROWS), quiet_s=0.5),
    Case("3.10", "a mapping that has processed nothing says so", [], says("User action", "No records processed"), quiet_s=0.5),
    Case("3.10", "after a success the last result is OK", texts("a"), says("User action", "OK")),
    Case("3.10", "after an error of the function the last result is a problem", texts("bad"), says("User action", "PROBLEM: Function call failed"), {}, throws_on("bad")),
    Case("3.10", "after a retry that succeeded the last result is OK again", texts("a"), lambda s: len(s.invocations) == 2 and says("User action", "OK")(s), {}, once(THROWS)),
    Case("3.10", "a throttle is a problem", texts("a"), says("User action", "PROBLEM"), {}, lambda _i, _n: THROTTLED),
    Case("3.10", "an unknown function is FUNCTION_CONFIG_NOT_VALID", texts("a"), says("FUNCTION_CONFIG_NOT_VALID", "PROBLEM"), {}, lambda _i, _n: UNKNOWN),
    Case("3.10", "a function that is there again is no reason any more", texts("a"), lambda s: len(s.invocations) == 3 and says("User action", "OK")(s), {}, first(2, UNKNOWN)),
    Case("3.10", "a topic that is not there is ESM_CONFIG_NOT_VALID", [], says("ESM_CONFIG_NOT_VALID", "PROBLEM"), partitions=0),
]
