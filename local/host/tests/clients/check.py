#!/usr/bin/env python3
"""Calls a running Invoke API as people do, with boto3 and the AWS CLI, unchanged.

    check.py URL        of a `cargo local up` with the template beside this file
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

URL = sys.argv.pop()
os.environ |= {
    "AWS_ENDPOINT_URL_LAMBDA": URL,
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

import boto3  # noqa: E402, what it reads stands above
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

LAMBDA = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}))


def invoke(payload, function="echo", **options):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return LAMBDA.invoke(FunctionName=function, Payload=body, **options)


def error(**call):
    """The error's code and what else the answer said."""
    try:
        invoke(call.pop("payload", {}), **call)
    except ClientError as refused:
        return refused.response["Error"]["Code"], refused.response
    raise AssertionError("it was not refused")


class Boto3(unittest.TestCase):
    """The SDK's own view of every answer."""

    def test_a_response(self):
        answer = invoke({"a": 1})
        self.assertEqual(json.load(answer["Payload"]), {"a": 1})
        self.assertEqual((answer["StatusCode"], answer["ExecutedVersion"]), (200, "$LATEST"))
        self.assertNotIn("FunctionError", answer)

    def test_a_tail(self):
        log = invoke({"do": "print", "text": "hello"}, LogType="Tail")["LogResult"]
        lines = base64.b64decode(log).decode().splitlines()
        self.assertTrue(lines[0].startswith("START RequestId: "), lines)
        self.assertIn("hello", lines)
        self.assertTrue(lines[-1].startswith("REPORT RequestId: "), lines)

    def test_a_tail_in_json(self):
        log = invoke({"do": "print", "text": "{}"}, "other", LogType="Tail")["LogResult"]
        kinds = [json.loads(line).get("type") for line in base64.b64decode(log).splitlines()]
        self.assertEqual(kinds, ["platform.start", None, "platform.report"])

    def test_failures_of_the_function(self):
        for wanted, kind in [
            ("fail", "Wanted"),
            ("exit", "Runtime.ExitError"),
            ("sleep", "Sandbox.Timedout"),
        ]:
            answer = invoke({"do": wanted})
            self.assertEqual((answer["StatusCode"], answer["FunctionError"]), (200, "Unhandled"))
            self.assertEqual(json.load(answer["Payload"])["errorType"], kind)

    def test_types_of_invocation(self):
        self.assertEqual(invoke({}, InvocationType="Event")["StatusCode"], 202)
        self.assertEqual(invoke({}, InvocationType="DryRun")["StatusCode"], 204)

    def test_a_stream(self):
        def events(payload, **options):
            body = json.dumps(payload).encode()
            answer = LAMBDA.invoke_with_response_stream(FunctionName="echo", Payload=body, **options)
            self.assertEqual((answer["StatusCode"], answer["ExecutedVersion"]), (200, "$LATEST"))
            *chunks, end = answer["EventStream"]
            return b"".join(it["PayloadChunk"]["Payload"] for it in chunks), end["InvokeComplete"]

        text = "x" * 200_000
        body, end = events({"text": text}, LogType="Tail")
        self.assertEqual(json.loads(body), {"text": text})
        self.assertIn(b"REPORT RequestId: ", base64.b64decode(end["LogResult"]))
        body, end = events({"do": "fail"})
        wanted = {"ErrorCode": "Wanted", "ErrorDetails": "it was asked to fail"}
        self.assertEqual((body, end), (b"", wanted))

    def test_qualifiers(self):
        for name in ["$LATEST", "live"]:
            self.assertEqual(invoke({}, Qualifier=name)["StatusCode"], 200)
        arn = "arn:aws:lambda:us-east-1:000000000000:function:echo:live"
        self.assertEqual(invoke({}, arn)["StatusCode"], 200)
        self.assertEqual(error(Qualifier="7")[0], "ResourceNotFoundException")

    def test_a_client_context(self):
        context = base64.b64encode(b'{"custom":{"a":1}}').decode()
        answer = invoke({"do": "context"}, ClientContext=context)
        self.assertEqual(json.load(answer["Payload"]), {"custom": {"a": 1}})

    def test_refusals(self):
        self.assertEqual(error(function="none")[0], "ResourceNotFoundException")
        self.assertEqual(error(payload=b"{")[0], "InvalidRequestContentException")
        large = b'"' + b"x" * (6 << 20) + b'"'
        self.assertEqual(error(payload=large)[0], "RequestTooLargeException")
        code, response = error(function="closed")
        self.assertEqual(code, "TooManyRequestsException")
        reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
        self.assertEqual((response["Reason"], response["Error"]["Message"]), (reason, "Rate Exceeded."))
        with self.assertRaises(LAMBDA.exceptions.TooManyRequestsException):
            invoke({}, "closed")

    def test_looks(self):
        LAMBDA.get_waiter("function_active_v2").wait(FunctionName="echo")
        configuration = LAMBDA.get_function(FunctionName="echo")["Configuration"]
        self.assertEqual((configuration["MemorySize"], configuration["Timeout"]), (256, 2))
        again = LAMBDA.get_function_configuration(FunctionName="echo")
        self.assertEqual(again["FunctionArn"], configuration["FunctionArn"])
        concurrency = LAMBDA.get_function_concurrency(FunctionName="closed")
        self.assertEqual(concurrency["ReservedConcurrentExecutions"], 0)
        pages = LAMBDA.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
        names = [[function["FunctionName"] for function in page["Functions"]] for page in pages]
        self.assertEqual(names, [["closed", "echo"], ["other"]])


class Cli(unittest.TestCase):
    """The command line."""

    def aws(self, *arguments):
        command = [Path(sys.executable).with_name("aws"), "lambda", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_invoke(self):
        with tempfile.NamedTemporaryFile() as file:
            payload = json.dumps({"do": "print", "text": "hello"})
            options = ["--log-type", "Tail", "--payload", payload, file.name]
            code, out, err = self.aws("invoke", "--function-name", "echo", *options)
            self.assertEqual(code, 0, err)
            self.assertEqual(json.load(file)["text"], "hello")
        self.assertIn(b"hello\n", base64.b64decode(json.loads(out)["LogResult"]))

    def test_a_throttle(self):
        code, _, err = self.aws("invoke", "--function-name", "closed", "/dev/null")
        self.assertNotEqual(code, 0)
        self.assertIn("TooManyRequestsException", err)

    def test_list(self):
        code, out, err = self.aws("list-functions", "--query", "Functions[].FunctionName")
        self.assertEqual((code, json.loads(out)), (0, ["closed", "echo", "other"]), err)


if __name__ == "__main__":
    unittest.main()
