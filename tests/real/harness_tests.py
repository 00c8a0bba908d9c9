"""Tests of what the parts rest on: a check that cannot fail proves nothing."""

import copy
import dataclasses
import io
import json
import subprocess
import sys
import time
import unittest
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import collector
import equality
from bugsink import complaints, deliveries, differences
from conformance import difference, failures, unexpected, verdicts
from harness.checks import Wrong, check, confirm, only, part
from harness.envelopes import broken
from harness.load import SPANS, Arrivals, Kind, Sent, Template, randomness, threshold
from harness.otelcol import total
from harness.processes import LOGS
from harness.received import Span, items, otlp_spans, sentry_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from relay import findings, normalizer, senders, sent_by, unlisted, unneeded


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


class Within(unittest.TestCase):
    """The deadline of a part, and what it may leave behind."""

    SCRIPT = Path(__file__).with_name("harness") / "within.py"

    def within(self, seconds, command, *options):
        words = [sys.executable, self.SCRIPT, *options, str(seconds), "bash", "-c", command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def test_a_command_that_ends_well_says_what_it_says(self):
        self.assertEqual(self.within(30, "echo so", "--part"), (0, "so\n", ""))

    def test_a_command_that_fails_shows_what_it_saw(self):
        log = LOGS / "harness.log"
        code, _, err = self.within(30, "echo so; exit 3", "--log", str(log))
        self.assertEqual(code, 3)
        self.assertRegex(err, "(?s)^so.*exit code 3")
        code, _, err = self.within(30, f"echo thus >{log}; exit 4", "--part")
        self.assertEqual(code, 4)
        self.assertRegex(err, "(?s)the end of .*harness.log\nthus.*exit code 4")

    def test_a_command_that_hangs_is_ended_with_all_that_it_started(self):
        code, out, err = self.within(0.5, "setsid sleep 1000 & echo $!; sleep 1000", "--part")
        self.assertEqual(code, 1)
        self.assertIn("not done after 0.5 s", err)
        if sys.platform == "linux":
            self.assertFalse(Path(f"/proc/{out.strip()}").exists())

    @unittest.skipUnless(sys.platform == "linux", "elsewhere the end of a parent is no signal")
    def test_the_command_ends_with_who_started_it(self):
        command = f"{sys.executable} {self.SCRIPT} 60 bash -c 'echo $$; exec sleep 1000'; true"
        starter = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, text=True)
        sleeper = Path("/proc") / starter.stdout.readline().strip()
        self.assertTrue(sleeper.exists())
        starter.kill()
        # Its output ends with the last process that has it.
        self.assertEqual(starter.communicate(timeout=30), ("", None))
        self.assertFalse(sleeper.exists())

    @unittest.skipUnless(sys.platform == "linux", "elsewhere nobody says what a process has left behind")
    def test_what_is_left_running_is_named_and_ended(self):
        code, out, err = self.within(30, "setsid sleep 1000 >/dev/null & echo $!", "--part")
        self.assertEqual(code, 1)
        self.assertIn(f"left running: {out.strip()} sleep 1000", err)
        self.assertFalse(Path(f"/proc/{out.strip()}").exists())


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


NOW = time.time()
TRACE = {"trace_id": "a" * 32, "span_id": "b" * 16, "op": "mcp.server", "status": "ok"}
SPAN = {
    "trace_id": "a" * 32,
    "span_id": "c" * 16,
    "parent_span_id": "b" * 16,
    "op": "mcp.tool",
    "status": "ok",
    "start_timestamp": NOW - 2,
    "timestamp": NOW - 1,
    "data": {"mcp.tool.name": "t"},
}
TRANSACTION = {
    "event_id": "d" * 32,
    "type": "transaction",
    "platform": "native",
    "transaction": "tools/call t",
    "transaction_info": {"source": "custom"},
    "release": "server@1.0.0",
    "environment": "tests",
    "server_name": "host",
    "tags": {"a.b": "c"},
    "start_timestamp": NOW - 3,
    "timestamp": NOW - 1,
    "contexts": {"trace": TRACE},
    "spans": [SPAN],
}
LOG = {
    "timestamp": NOW,
    "trace_id": "a" * 32,
    "level": "info",
    "body": "said",
    "attributes": {"n": {"value": 1, "type": "integer"}},
}


def changed(whole, path, value):
    """A copy in which one thing is other, or gone where the value is `None`."""
    whole = copy.deepcopy(whole)
    *above, last = path
    inner = whole
    for step in above:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return whole


class Relay(unittest.TestCase):
    def test_what_is_sound_is_kept(self):
        self.assertEqual(findings(normalizer(), TRANSACTION), [])

    def test_what_is_refused_changed_or_cut_is_found(self):
        link = {"trace_id": "a" * 32, "span_id": "?"}
        for path, value, where in (
            (("platform",), "rust", "platform"),
            (("release",), "a/b", "release"),
            (("environment",), "a/b", "environment"),
            (("unknown",), 1, "unknown"),
            (("transaction",), "t" * 300, "transaction"),
            (("tags", "a.b"), "v" * 300, "tags.*.*"),
            (("tags", ""), "v", "tags."),
            (("contexts", "trace", "status"), "error", "contexts.trace.status"),
            (("contexts", "otel"), {"a": {"k": "v" * 9000}}, "contexts.otel.a.k"),
            (("contexts", "trace", "span_id"), "0" * 16, ""),
            (("contexts", "trace", "links"), [link], "contexts.trace.links.*.span_id"),
            (("spans", 0, "timestamp"), NOW - 9, ""),
            (("spans", 0, "status"), "what", "spans.*.status"),
            # Without a word in `errors` or `_meta`.
            (("spans", 0, "same_process_as_parent"), True, "spans.*.same_process_as_parent"),
        ):
            with self.subTest(path=path):
                found = findings(normalizer(), changed(TRANSACTION, path, value))
                self.assertIn(where, [path for path, _ in found])

    def test_an_exception_that_is_cut_is_found(self):
        event = {"type": "event", "exception": {"values": [{"type": "E", "value": "v" * 9000}]}}
        self.assertIn("exception.values.*.value", [path for path, _ in findings(normalizer(), event)])

    def test_the_list_covers_a_sender_an_item_and_a_path(self):
        found = [("p", "event", "a", "one"), ("p", "event", "a", "two"), ("q", "event", "b", "three")]
        all_of_it = {("p", "event", "a"), ("q", "event", "b")}
        self.assertEqual(unlisted(found, all_of_it), [])
        self.assertEqual(unneeded(found, all_of_it), [])
        other = {("q", "event", "b"), ("q", "event", "a"), ("p", "transaction", "a")}
        self.assertEqual(unlisted(found, other), ["p event a: one (2 times)"])
        self.assertEqual(unneeded(found, other), ["p transaction a", "q event a"])

    def test_what_has_a_sink_is_known(self):
        self.assertLess({"mcp-telemetry", "otel-sentry", "mcp-telemetry-tests"}, {*senders()})

    def test_who_sent_is_the_folder(self):
        with TemporaryDirectory() as directory:
            below = Path(directory) / "a-package" / "a-program-1-2"
            below.mkdir(parents=True)
            (below / "1.envelope").write_bytes(b"{}\n")
            (below / "2.envelope").write_bytes(b"{")
            (below / "1.headers.json").write_bytes(b"{}")
            sound, torn = sent_by(Path(directory))
            self.assertEqual((sound.source, sound.envelope.items), ("a-package", []))
            with self.assertRaisesRegex(Wrong, "2.envelope"):
                torn.envelope


def envelope(header=None, *parts):
    """An envelope as bytes: a sound header with changes, and items of header and content."""
    sound = {
        "dsn": "http://abc@127.0.0.1:1/1",
        "event_id": "d" * 32,
        "sent_at": datetime.now(timezone.utc).isoformat(),
        "trace": {
            "trace_id": "a" * 32,
            "public_key": "abc",
            "release": "server@1.0.0",
            "environment": "tests",
            "sample_rate": "1",
        },
    }
    lines = [sound | (header or {})]
    for head, content in parts:
        lines += [head, content]
    return "\n".join(map(json.dumps, lines)).encode() + b"\n"


def logs(*found, **header):
    kind = "application/vnd.sentry.items.log+json"
    head = {"type": "log", "item_count": len(found), "content_type": kind}
    return head | header, {"items": list(found)}


def transaction(*path_and_value):
    one = changed(TRANSACTION, *path_and_value) if path_and_value else TRANSACTION
    return {"type": "transaction"}, one


def sessions(**counts):
    bucket = {"started": "2026-01-01T00:00:00Z"} | counts
    attributes = {"release": "server@1.0.0", "environment": "tests"}
    return {"type": "sessions"}, {"aggregates": [bucket], "attrs": attributes}


def report(**lost):
    sound = {"category": "error", "reason": "queue_overflow", "quantity": 1}
    return {"type": "client_report"}, {"discarded_events": [sound | lost]}


class Envelopes(unittest.TestCase):
    def test_sound_ones_break_no_rule(self):
        event = {"type": "event"}, TRANSACTION | {"type": "event", "spans": []}
        continued = transaction(("contexts", "trace", "parent_span_id"), "f" * 16)
        other = {"trace_id": "a" * 32, "public_key": "other", "release": "front@1"}
        for body in (
            envelope(None, transaction()),
            envelope({"event_id": "d" * 8 + "-dddd-dddd-dddd-" + "d" * 12}, event),
            envelope({"trace": other}, continued),
            envelope(None, transaction(), logs(LOG), sessions(exited=1), report()),
        ):
            self.assertEqual(broken(body), [])

    def test_each_rule_can_be_broken(self):
        times, names = "ids, times and status of spans", "platform, release and environment"
        trace, told = "the trace in the header", "content type and item_count"
        kept, counted = "logs and their attributes", "counts of sessions and client reports"
        ids, one = "ids, DSN and time of sending", "one item of a kind"
        dsc = {"trace_id": "a" * 32, "public_key": "abc", "release": "server@1.0.0"}
        event = {"type": "event"}, TRANSACTION | {"type": "event"}
        for rule, body in (
            (ids, envelope({"event_id": "e" * 32}, transaction())),
            (ids, envelope({"dsn": ""}, logs(LOG))),
            (trace, envelope({"trace": None}, transaction())),
            (trace, envelope({"trace": dsc}, transaction())),
            (trace, envelope({"trace": dsc | {"environment": "tests", "public_key": "x"}}, transaction())),
            (trace, envelope({"trace": dsc | {"sample_rate": 1.0}}, logs(LOG))),
            (one, envelope(None, transaction(), event)),
            (one, envelope(None, logs(LOG), logs(LOG))),
            (told, envelope(None, logs(LOG, item_count=2))),
            (told, envelope(None, logs(LOG, content_type="application/json"))),
            (told, envelope(None, logs())),
            (names, envelope(None, transaction(("platform",), "rust"))),
            (names, envelope(None, transaction(("release",), "a/b"))),
            (names, envelope(None, transaction(("environment",), "a/b"))),
            (times, envelope(None, transaction(("spans", 0, "timestamp"), None))),
            (times, envelope(None, transaction(("spans", 0, "timestamp"), NOW - 9))),
            (times, envelope(None, transaction(("spans", 0, "timestamp"), NOW + 900))),
            (times, envelope(None, transaction(("spans", 0, "trace_id"), "e" * 32))),
            (times, envelope(None, transaction(("spans", 0, "span_id"), "b" * 16))),
            (times, envelope(None, transaction(("spans", 0, "span_id"), "0" * 16))),
            (times, envelope(None, transaction(("spans", 0, "status"), "error"))),
            (kept, envelope(None, logs(changed(LOG, ("level",), "WARN")))),
            (kept, envelope(None, logs(changed(LOG, ("timestamp",), None)))),
            (kept, envelope(None, logs(changed(LOG, ("trace_id",), None)))),
            (kept, envelope(None, logs(changed(LOG, ("body",), None)))),
            (kept, envelope(None, logs(changed(LOG, ("attributes", "n", "value"), True)))),
            (kept, envelope(None, logs(changed(LOG, ("attributes", "n"), "text")))),
            (counted, envelope(None, sessions(exited=-1))),
            (counted, envelope(None, sessions(started=5, exited=1))),
            (counted, envelope(None, report(quantity=1.5))),
            (counted, envelope(None, report(reason=""))),
            ("sizes", envelope(None, transaction(("spans", 0, "data", "k"), "v" * 1_048_576))),
            ("sizes", envelope(None, transaction(("spans",), [SPAN] * 1_001))),
        ):
            with self.subTest(rule=rule, body=body[:400]):
                self.assertIn(rule, [name for name, _ in broken(body)])


class Bugsink(unittest.TestCase):
    def test_answers_to_deliveries_alone_are_read(self):
        line = '127.0.0.1 - - [..] "{}" {} 42 "-" "sentry"\n'
        log = line.format("POST /api/1/envelope/ HTTP/1.1", 200)
        log += line.format("POST /api/1/envelope/ HTTP/1.1", 429)
        log += line.format("GET /api/canonical/0/issues/ HTTP/1.1", 200)
        self.assertEqual(deliveries(log), ["200", "429"])

    def test_errors_and_warnings_are_complaints(self):
        log = "[INFO] ERRORS\n[ERROR] one\nTraceback (most\n  WARN two\nWARNING: three\n"
        self.assertEqual(len(complaints(log)), 4)

    def test_what_is_not_stored_as_it_was_sent_differs(self):
        self.assertEqual(differences({"a": 1}, {"a": 1}), [])
        for stored in ({"a": 2}, {}, {"a": 1, "b": 2}):
            self.assertEqual(len(differences({"a": 1}, stored)), 1)


class Load(unittest.TestCase):
    def spans(self, kind, size=3):
        trace_ids, dropped, bodies = Template(kind, size).fill()
        return trace_ids, dropped, [span for body in bodies for span in otlp_spans(body)]

    def test_a_trace_has_three_spans_of_its_own_one_below_the_other(self):
        trace_ids, _, spans = self.spans(Kind("a", 100, attributes={"x": "1"}, child={"y": "2"}))
        self.assertEqual(len(set(trace_ids)), 3)
        self.assertEqual({span.trace_id for span in spans}, {one.hex() for one in trace_ids})
        self.assertEqual(len({span.id for span in spans}), 3 * SPANS)
        for trace_id in trace_ids:
            by_name = {span.name: span for span in spans if span.trace_id == trace_id.hex()}
            self.assertEqual(by_name["a 1"].parent_id, "")
            self.assertEqual(by_name["a 2"].parent_id, by_name["a 1"].span_id)
            self.assertEqual(by_name["a 3"].parent_id, by_name["a 2"].span_id)
            self.assertEqual(by_name["a 1"].attributes["x"], "1")
            self.assertEqual(by_name["a 2"].attributes["y"], "2")

    def test_the_apps_own_sampler_lets_a_share_through(self):
        kind = Kind("a", 20, head_percent=10)
        self.assertEqual(kind.trace_state, "ot=th:e6666666666666")
        trace_ids, dropped, _ = self.spans(kind, 200)
        self.assertTrue(all(randomness(one) >= threshold(10) for one in trace_ids))
        self.assertGreater(dropped, 1000)
        self.assertEqual(Kind("a", 1).trace_state, "ot=th:0")

    def test_a_wrong_share_is_found(self):
        kinds = [Kind("base", 20, head_percent=None)]
        trace_ids = [bytes([1, number // 256, number % 256]) for number in range(1000)]
        sent, arrived = Sent(), Arrivals(Path("none"), "/")
        sent.add(kinds[0], trace_ids, 0)
        said = io.StringIO()
        for kept, right in ((200, True), (245, True), (255, False), (145, False)):
            arrived.spans = {one: {place: 1 for place in range(SPANS)} for one in trace_ids[:kept]}
            with redirect_stdout(said):
                if right:
                    collector.kept_rates(sent, arrived, kinds)
                else:
                    with self.assertRaisesRegex(Wrong, "standard error 12.6"):
                        collector.kept_rates(sent, arrived, kinds)

    def test_metrics_are_added_up(self):
        text = 'a_total{b="1",c="x"} 2\na_total{b="2",c="x"} 3e1\nab_total 7\na_sum 9\n'
        self.assertEqual(total(text, "a", {}), 32)
        self.assertEqual(total(text, "a", {"b": "2"}), 30)
        self.assertEqual(total(text, "a", {"b": "3"}), 0)


class Equality(unittest.TestCase):
    otlp = Span("t", "s", "p", "name", "mcp.tool", "unset", "server", {"a": ["x"], "sentry.op": "mcp.tool"})
    sentry = Span("t", "s", "p", "name", "mcp.tool", "ok", "", {"a": '["x"]', "sentry.kind": "server"})

    def test_what_may_differ_is_no_difference(self):
        self.assertEqual(list(equality.differences([self.otlp], [self.sentry])), [])

    def test_what_may_not_differ_is_one(self):
        for name, value in (
            ("parent_id", "q"),
            ("name", "other"),
            ("op", "mcp.server"),
            ("status", "internal_error"),
            ("kind", "client"),
            ("attributes", {"a": '["y"]', "sentry.kind": "server"}),
            ("attributes", {"sentry.kind": "server"}),
            ("links", [("t", "u")]),
        ):
            other = dataclasses.replace(self.sentry, **{name: value})
            found = list(equality.differences([self.otlp], [other]))
            self.assertEqual(len(found), 1, name)
            self.assertIn(name, found[0])
        self.assertEqual(len(list(equality.differences([self.otlp], []))), 1)

    def test_a_status_of_http_is_an_error_only_with_one(self):
        for status, attributes, expected in (
            ("not_found", {"http.response.status_code": 404}, "ok"),
            ("not_found", {"http.response.status_code": 404, "error.type": "404"}, "error"),
            ("not_found", {}, "error"),
            ("error", {}, "error"),
            ("unset", {}, "ok"),
        ):
            span = dataclasses.replace(self.sentry, status=status, attributes=attributes)
            self.assertEqual(equality.status(span), expected)


if __name__ == "__main__":
    print("harness", flush=True)
    unittest.main(argv=[sys.argv[0], "--quiet"])
