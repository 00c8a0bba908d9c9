//! MCP requests below callers that did or did not sample, obeyed and not.

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Uri};
use mcp_telemetry::http::HttpCall;

use crate::common::Live;
use crate::{ask, dsc, probability};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
/// Its randomness is 0xf0..., so that `sample_rand` is 0.0625.
const RV: &str = "f0000000000000";

/// What a caller sends.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Sentry {
        sampled: bool,
    },
    W3c {
        sampled: bool,
        th: Option<&'static str>,
    },
}

impl Caller {
    fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: String| {
            headers.insert(name, value.parse().unwrap());
        };
        match self {
            Self::Sentry { sampled } => {
                let rand = if sampled { "0.0625" } else { "0.75" };
                set(
                    "sentry-trace",
                    format!("{TRACE}-{SPAN}-{}", u8::from(sampled)),
                );
                set(
                    "baggage",
                    format!(
                        "sentry-trace_id={TRACE},sentry-public_key=theirs,sentry-sample_rate=0.25,\
                         sentry-sample_rand={rand},sentry-sampled={sampled},\
                         sentry-transaction=theirs"
                    ),
                );
            }
            Self::W3c { sampled, th } => {
                set(
                    "traceparent",
                    format!("00-{TRACE}-{SPAN}-0{}", u8::from(sampled)),
                );
                let th = th.map_or(String::new(), |th| format!("th:{th};"));
                set("tracestate", format!("ot={th}rv:{RV};x:y,v=1"));
            }
        }
        headers
    }
}

/// A POST to the MCP endpoint that calls another host; gives the headers that it sends there.
async fn post(caller: Caller) -> HeaderMap {
    let sent = Arc::new(Mutex::new(HeaderMap::new()));
    let sending = Arc::clone(&sent);
    ask("POST", "/mcp", caller.headers(), move || {
        for (uri, told) in [
            (Uri::from_static("http://other.example/"), true),
            (Uri::from_static("https://splunk.local:8089/"), false),
        ] {
            let call = HttpCall::start(&Method::GET, &uri, None);
            let mut headers = HeaderMap::new();
            assert_eq!(call.propagate(&mut headers), told, "{uri}");
            assert_eq!(headers.is_empty(), !told);
            if told {
                *sending.lock().unwrap() = headers;
            }
        }
        200
    })
    .await;
    sent.lock().unwrap().clone()
}

fn live(obey: bool) -> Live {
    let live = Live::both(&[
        (
            "MCP_TELEMETRY_OBEY_PARENT",
            if obey { "true" } else { "false" },
        ),
        ("MCP_TELEMETRY_PROPAGATION_TARGETS", "other.example"),
    ]);
    live.telemetry().make_global();
    live
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().unwrap()
}

#[tokio::test]
async fn an_unsampled_caller_is_overruled_and_the_trace_says_so() {
    for caller in [
        Caller::Sentry { sampled: false },
        Caller::W3c {
            sampled: false,
            th: None,
        },
    ] {
        let live = live(false);
        let sent = post(caller).await;
        let received = live.finish();
        let transaction = received.transaction_of(TRACE).unwrap();
        assert_eq!(transaction.parent_span_id.as_deref(), Some(SPAN));
        assert_eq!(transaction.data["sampling.rule"], "mcp.http");
        assert_eq!(transaction.data["sampling.rate"], 1.0);
        assert_eq!(transaction.spans.len(), 2, "its descendants too");
        assert_eq!(
            (dsc(transaction, "sample_rate"), &transaction.dsc["sampled"]),
            (1.0, &"true".into())
        );
        assert_ne!(transaction.dsc["public_key"], "theirs", "{caller:?}");
        for span in received.otlp_spans_of(TRACE) {
            assert_eq!(probability(span), 1.0, "{}", span.trace_state);
        }
        assert!(text(&sent, "traceparent").ends_with("-01"));
        assert!(text(&sent, "sentry-trace").ends_with("-1"));
        assert!(text(&sent, "tracestate").starts_with("ot=th:0;rv:"));
        let baggage = text(&sent, "baggage");
        assert!(
            baggage.contains("sentry-sample_rate=1,") && baggage.contains("sentry-sampled=true")
        );
        assert!(!baggage.contains("theirs"), "{baggage}");
    }
}

/// It would have been kept in any case: so it counts as one, not as four.
#[tokio::test]
async fn below_a_sampled_caller_the_trace_goes_on_and_tells_its_own_rate() {
    for caller in [
        Caller::Sentry { sampled: true },
        Caller::W3c {
            sampled: true,
            th: Some("c"),
        },
        Caller::W3c {
            sampled: true,
            th: None,
        },
    ] {
        let live = live(false);
        let sent = post(caller).await;
        let received = live.finish();
        let transaction = received.transaction_of(TRACE).unwrap();
        assert_eq!(transaction.parent_span_id.as_deref(), Some(SPAN));
        assert_eq!(transaction.data["sampling.rate"], 1.0, "{caller:?}");
        assert_eq!(dsc(transaction, "sample_rate"), 1.0);
        for span in received.otlp_spans_of(TRACE) {
            assert_eq!(probability(span), 1.0);
        }
        let baggage = text(&sent, "baggage");
        assert!(baggage.contains("sentry-sample_rate=1"), "{baggage}");
        if let Caller::Sentry { .. } = caller {
            // The rest is the head's.
            assert_eq!(transaction.dsc["public_key"], "theirs");
            assert_eq!(transaction.dsc["transaction"], "theirs");
            assert_eq!(transaction.dsc["sample_rand"], "0.0625");
        } else {
            let state = text(&sent, "tracestate");
            assert_eq!(state, format!("ot=th:0;rv:{RV};x:y,v=1"));
        }
    }
}

#[tokio::test]
async fn a_caller_who_is_obeyed_is_followed_to_the_letter() {
    for (caller, is_sampled) in [
        (Caller::Sentry { sampled: false }, false),
        (
            Caller::W3c {
                sampled: false,
                th: None,
            },
            false,
        ),
        (Caller::Sentry { sampled: true }, true),
        (
            Caller::W3c {
                sampled: true,
                th: Some("c"),
            },
            true,
        ),
    ] {
        let live = live(true);
        let sent = post(caller).await;
        let received = live.finish();
        assert_eq!(
            received.transactions().len(),
            usize::from(is_sampled),
            "{caller:?}"
        );
        assert_eq!(received.otlp_spans().len(), 3 * usize::from(is_sampled));
        let parent = text(&sent, "traceparent");
        assert_eq!(&parent[3..35], TRACE);
        assert!(
            parent.ends_with(if is_sampled { "-01" } else { "-00" }),
            "{parent}"
        );
        if let Caller::W3c { .. } = caller {
            let expected = caller.headers();
            assert_eq!(text(&sent, "tracestate"), text(&expected, "tracestate"));
        } else {
            let expected = caller.headers();
            assert_eq!(
                text(&sent, "baggage"),
                text(&expected, "baggage"),
                "unchanged"
            );
        }
        for transaction in received.transactions() {
            assert_eq!(transaction.data["sampling.rule"], "parent");
            assert!(!transaction.data.contains_key("sampling.rate"));
            assert_eq!(dsc(transaction, "sample_rate"), 0.25);
            assert!(dsc(transaction, "sample_rand") < 0.25);
        }
    }
}
