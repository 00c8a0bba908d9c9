"""Tests of what the parts rest on: a check that cannot fail proves nothing."""

import io
import sys
import unittest
from contextlib import redirect_stderr, redirect_stdout

from conformance import difference, failures, unexpected, verdicts
from harness.checks import Wrong, check, confirm, only, part
from harness.received import items, otlp_spans, sentry_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Checks(unittest.TestCase):
    def test_a_wrong_one_says_what_was_expected_and_what_came(self):
        with self.assertRaisesRegex(Wrong, "(?s)sum.*expected: 4.*got: *5"):
            check("sum", 5, 4)
        with self.assertRaises(Wrong):
            confirm("empty", [], "nothing")
        for found in ([], [1, 2]):
            with self.assertRaisesRegex(Wrong, f"got: *{len(found)}"):
                only("thing", found)

    def test_a_wrong_one_ends_the_program(self):
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            with self.assertRaises(SystemExit) as end, part("a part"):
                check("sum", 5, 4)
        self.assertEqual(end.exception.code, 1)
        self.assertRegex(said.getvalue(), "(?s)a part.*WRONG.*sum.*expected: 4.*got: *5")


class Conformance(unittest.TestCase):
    FOUND = {
        "one": [{"id": "a", "status": "SUCCESS"}, {"id": "b", "status": "INFO"}],
        "two": [{"id": "c", "status": "FAILURE", "errorMessage": "no"}],
        "three": [{"id": "d", "status": "WARNING"}],
    }

    def test_failures_and_warnings_fail(self):
        failed = {("v", "two", "c"), ("v", "three", "d")}
        self.assertEqual(failures(self.FOUND, "v"), failed)

    def test_the_list_must_be_exact(self):
        a, b = ("v", "two", "c"), ("v", "three", "d")
        self.assertEqual(unexpected({a}, {a}), [])
        self.assertIn("not listed", only("new", unexpected({a, b}, {a})))
        self.assertIn("passes", only("stale", unexpected({a}, {a, b})))

    def test_verdicts_differ_by_status_and_message(self):
        other = {"two": [{"id": "c", "status": "FAILURE", "errorMessage": "yes"}]}
        self.assertNotEqual(verdicts(self.FOUND)["two"], verdicts(other)["two"])

    def test_details_differ_by_all_but_ids_and_times(self):
        def one(port, session, time, length):
            return {
                "url": f"http://127.0.0.1:{port}/mcp",
                "mcp-session-id": f"{session}0000000-0000-4000-8000-000000000000",
                "timestamp": f"2026-01-01T00:00:0{time}.000Z",
                "length": length,
            }

        self.assertEqual(difference(one(1, "a", 1, 5), one(2, "b", 2, 5)), [])
        self.assertIn('+"length": 6,', difference(one(1, "a", 1, 5), one(1, "a", 1, 6)))


class Received(unittest.TestCase):
    def test_items_with_and_without_length(self):
        envelope = b'{}\n{"type":"a","length":3}\n{\n}\n{"type":"b"}\n[1]\n{"type":"c","length":0}\n\n'
        found = [(header["type"], payload) for header, payload in items(envelope)]
        self.assertEqual(found, [("a", b"{\n}"), ("b", b"[1]"), ("c", b"")])

    def test_a_transaction_is_all_its_spans(self):
        envelope = (
            b'{}\n{"type":"transaction"}\n'
            b'{"transaction":"T","contexts":{"trace":{"trace_id":"t","span_id":"r","op":"o",'
            b'"parent_span_id":"p","links":[{"trace_id":"u","span_id":"l"}]}},'
            b'"spans":[{"span_id":"s","parent_span_id":"r","description":"S","data":{"k":1}}]}\n'
        )
        root, span = sentry_spans(envelope)
        self.assertEqual((root.id, root.parent_id, root.name), (("t", "r"), "p", "T"))
        self.assertEqual((root.op, root.links), ("o", [("u", "l")]))
        self.assertEqual((span.id, span.parent_id, span.attributes), (("t", "s"), "r", {"k": 1}))

    def test_a_span_of_otlp(self):
        request = ExportTraceServiceRequest()
        span = request.resource_spans.add().scope_spans.add().spans.add()
        span.trace_id, span.span_id, span.name, span.kind = b"\x01" * 16, b"\x02" * 8, "n", 2
        span.status.code = 2
        span.links.add(trace_id=b"\x03" * 16, span_id=b"\x04" * 8)
        array = span.attributes.add(key="list").value.array_value
        array.values.add(int_value=1)
        span.attributes.add(key="sentry.op").value.string_value = "mcp.server"
        found = only("span", otlp_spans(request.SerializeToString()))
        self.assertEqual(found.id, ("01" * 16, "02" * 8))
        self.assertEqual((found.parent_id, found.kind, found.status), ("", "server", "error"))
        self.assertEqual((found.op, found.attributes["list"]), ("mcp.server", [1]))
        self.assertEqual(found.links, [("03" * 16, "04" * 8)])


if __name__ == "__main__":
    print("harness", flush=True)
    unittest.main(argv=[sys.argv[0], "--quiet"])
