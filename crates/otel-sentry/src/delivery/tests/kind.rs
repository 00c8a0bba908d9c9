//! What the delivery sees in an envelope.

use proptest::prelude::*;
use sentry::protocol::{
    Attachment, ClientReport, Log, LogLevel, MonitorCheckIn, MonitorCheckInStatus, Span,
    Transaction,
};

use super::*;

fn contents(envelope: &Envelope) -> Contents {
    match inspect(envelope) {
        Verdict::Send(contents) => contents,
        other => panic!("{other:?}"),
    }
}

fn from_bytes(text: &str) -> Envelope {
    Envelope::from_bytes_raw(text.as_bytes().to_vec()).unwrap()
}

#[test]
fn a_raw_transaction_tells_its_spans() {
    let text = "{}\n{\"type\":\"transaction\",\"length\":2,\"span_count\":7}\n{}\n";
    let contents = contents(&from_bytes(text));
    assert_eq!(contents.priority, Priority::Transaction);
    assert_eq!(
        contents.categories,
        Categories::TRANSACTION.and(Categories::SPAN)
    );
    assert_eq!(contents.size, text.len());
    assert!(!contents.typed);
    assert_eq!(
        contents.losses,
        [
            Loss::new(Category::Transaction, 1),
            Loss::new(Category::Span, 8)
        ]
    );
}

#[test]
fn raw_and_typed_agree() {
    let transaction = Transaction {
        spans: vec![Span::default(); 3],
        ..Default::default()
    };
    let log = Log {
        level: LogLevel::Info,
        body: "text".to_owned(),
        trace_id: None,
        timestamp: std::time::SystemTime::UNIX_EPOCH,
        severity_number: None,
        attributes: Default::default(),
    };
    let check_in = MonitorCheckIn {
        check_in_id: Default::default(),
        monitor_slug: "slug".to_owned(),
        status: MonitorCheckInStatus::Ok,
        environment: None,
        duration: None,
        monitor_config: None,
    };
    let items: Vec<EnvelopeItem> = vec![
        Event::default().into(),
        transaction.into(),
        vec![log; 4].into(),
        check_in.into(),
        ClientReport::new(Vec::<sentry::protocol::client_report::Item>::new()).into(),
        Attachment {
            buffer: vec![0; 9],
            ..Default::default()
        }
        .into(),
    ];
    for item in items {
        let item_type = type_of(&item);
        let envelope = Envelope::from(item);
        let typed = contents(&envelope);
        let mut bytes = Vec::new();
        envelope.to_writer(&mut bytes).unwrap();
        let raw = contents(&Envelope::from_bytes_raw(bytes).unwrap());
        assert!(typed.typed && !raw.typed);
        assert_eq!(typed.priority, raw.priority, "{item_type}");
        assert_eq!(typed.categories, raw.categories, "{item_type}");
        assert_eq!(
            typed
                .losses
                .iter()
                .map(|loss| loss.category)
                .collect::<Vec<_>>(),
            raw.losses
                .iter()
                .map(|loss| loss.category)
                .collect::<Vec<_>>(),
            "{item_type}"
        );
    }
}

#[test]
fn priorities_are_as_documented() {
    for (item_type, priority) in [
        ("event", Priority::Error),
        ("feedback", Priority::Error),
        ("session", Priority::Session),
        ("sessions", Priority::Session),
        ("client_report", Priority::Session),
        ("check_in", Priority::Session),
        ("log", Priority::Log),
        ("trace_metric", Priority::Log),
        ("transaction", Priority::Transaction),
        ("span", Priority::Transaction),
        ("profile", Priority::Other),
        ("profile_chunk", Priority::Other),
        ("attachment", Priority::Other),
        ("something_new", Priority::Other),
    ] {
        assert_eq!(of_type(item_type).0, priority, "{item_type}");
    }
    // The order of the kinds is that of the delivery.
    let order = [
        Priority::Error,
        Priority::Session,
        Priority::Log,
        Priority::Transaction,
        Priority::Other,
    ];
    assert!(order.is_sorted());
    assert!(order.map(telemetry_delivery::Priority::from).is_sorted());
}

#[test]
fn the_most_urgent_item_counts() {
    let text = "{}\n{\"type\":\"profile_chunk\",\"length\":3}\na\nb\n\
                {\"type\":\"transaction\"}\n{}\n{\"type\":\"profile\",\"length\":0}\n\n";
    let contents = contents(&from_bytes(text));
    assert_eq!(contents.priority, Priority::Transaction);
    assert_eq!(contents.losses.len(), 2, "a length may hide newlines");
}

#[test]
fn nothing_and_nonsense_are_told_apart() {
    assert_eq!(inspect(&Envelope::new()), Verdict::Empty);
    for text in ["", "\n\n", "{}", "{}\n"] {
        assert_eq!(inspect(&from_bytes(text)), Verdict::Empty, "{text:?}");
    }
    for text in ["x", "{}\nx", "{}\n\n{}", "{}\n{\"length\":1}\n"] {
        assert_eq!(inspect(&from_bytes(text)), Verdict::Malformed, "{text:?}");
    }
}

#[test]
fn a_client_report_keeps_the_reasons_of_its_entries() {
    let report = ClientReport::new([sentry::protocol::client_report::Item::new(
        Category::Error,
        Reason::SampleRate,
        5,
    )]);
    let contents = contents(&Envelope::from(EnvelopeItem::from(report)));
    assert_eq!(contents.losses[0].reason, Some(Reason::SampleRate));
    assert_eq!(contents.losses[0].quantity, 5);
}

#[test]
fn larger_envelopes_have_larger_estimates() {
    let size = |item: EnvelopeItem| contents(&Envelope::from(item)).size;
    let event = |text: usize| Event {
        message: Some("x".repeat(text)),
        ..Default::default()
    };
    assert!(size(event(10_000).into()) >= size(event(0).into()) + 10_000);
    let attachment = |bytes: usize| Attachment {
        buffer: vec![0; bytes],
        ..Default::default()
    };
    assert!(size(attachment(5_000).into()) > 5_000);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        raw(&bytes);
    }

    #[test]
    fn any_headers_are_survived(
        lines in prop::collection::vec("(\\{\"type\":\"[a-z]{0,5}\",\"length\":[0-9]{1,20}\\}|\\{\\}|[a-z]{0,4})", 0..12)
    ) {
        raw(lines.join("\n").as_bytes());
    }
}

#[test]
fn what_must_not_arrive_twice_is_told_apart() {
    let items = |types: &[&str]| {
        let items = types
            .iter()
            .map(|it| format!("{{\"type\":\"{it}\",\"length\":3}}\n{{\n}}\n"));
        format!("{{\"event_id\":\"a\"}}\n{}", items.collect::<String>())
    };
    let split = |text: &str| {
        let parts = split_once_items(text.as_bytes());
        parts.map(|part| part.map(|bytes| String::from_utf8(bytes).unwrap()))
    };
    let twice = ["event", "transaction", "attachment", "check_in", "profile"];
    let once = [
        "session",
        "sessions",
        "client_report",
        "log",
        "trace_metric",
    ];
    let mixed: Vec<&str> = twice
        .into_iter()
        .zip(once)
        .flat_map(<[_; 2]>::from)
        .collect();
    assert!(contents(&from_bytes(&items(&mixed))).counts_once);
    assert!(!contents(&from_bytes(&items(&twice))).counts_once);
    let both = [Some(items(&twice)), Some(items(&once))];
    assert_eq!(split(&items(&mixed)), both);
    assert_eq!(split(&items(&twice)), [Some(items(&twice)), None]);
    assert_eq!(split(&items(&once)), [None, Some(items(&once))]);
    // Without lengths, without a newline at the end, and with nonsense after it.
    let text = "{}\n{\"type\":\"event\"}\n{\"a\":1}\n{\"type\":\"log\"}\n{\"b\":1}";
    let expected = [
        Some("{}\n{\"type\":\"event\"}\n{\"a\":1}\n".to_owned()),
        Some("{}\n{\"type\":\"log\"}\n{\"b\":1}\n".to_owned()),
    ];
    assert_eq!(split(text), expected);
    let [rest, _] = split("{}\n{\"type\":\"log\",\"length\":900}\nx\nnonsense");
    assert_eq!(rest, None, "a length beyond the end");
    let [rest, _] = split("{}\nnonsense\nmore");
    assert_eq!(rest.as_deref(), Some("{}\nnonsense\nmore\n"));
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd_to_be_split(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let [rest, once] = split_once_items(&bytes);
        let length = |part: Option<Vec<u8>>| part.map_or(0, |part| part.len());
        prop_assert!(length(rest) + length(once) <= 2 * bytes.len() + 4);
    }
}
