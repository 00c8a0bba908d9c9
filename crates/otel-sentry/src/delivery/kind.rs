//! What an envelope holds: its priority, the rate limits that concern it, and what is lost with it.

use std::borrow::Cow;
use std::io;

use sentry::Envelope;
use sentry::protocol::client_report::{Category, ItemLoss, LossSource, Reason};
use sentry::protocol::{EnvelopeItem, Event, ItemContainer};
use serde::Deserialize;

use super::limits::Categories;

/// The order in which envelopes leave, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// Error events and user feedback.
    Error,
    /// Sessions, check-ins and client reports: small and few.
    Session,
    /// Logs and metrics.
    Log,
    /// Transactions and spans.
    Transaction,
    /// Profiles and whatever else.
    Other,
}

impl From<Priority> for telemetry_delivery::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Error => Self::Urgent,
            Priority::Session => Self::High,
            Priority::Log => Self::Normal,
            Priority::Transaction => Self::Low,
            Priority::Other => Self::Lowest,
        }
    }
}

/// One entry of a client report to be, should the envelope be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) category: Category,
    pub(super) quantity: u64,
    /// Set when the loss happened earlier and this envelope carries the report of it.
    pub(super) reason: Option<Reason>,
}

impl Loss {
    fn new(category: Category, quantity: u64) -> Self {
        Self {
            category,
            quantity,
            reason: None,
        }
    }
}

impl From<ItemLoss> for Loss {
    fn from(loss: ItemLoss) -> Self {
        Self {
            category: loss.category,
            quantity: loss.quantity,
            reason: loss.reason,
        }
    }
}

/// What the delivery must know of an envelope before it sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    /// The priority of the most urgent item.
    pub(super) priority: Priority,
    /// The rate limits of that item: any of them holds the whole envelope back.
    pub(super) categories: Categories,
    /// What is lost with the envelope.
    pub(super) losses: Vec<Loss>,
    /// Bytes in memory: exact for raw envelopes and attachments, else an estimate.
    pub(super) size: usize,
    /// Whether the items are typed, so that single ones can be taken out.
    pub(super) typed: bool,
    /// Whether an item would count twice if it arrived twice.
    pub(super) counts_once: bool,
}

/// The verdict about an envelope that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send it.
    Send(Contents),
    /// It has no items: there is nothing to send and nothing to lose.
    Empty,
    /// A raw envelope without a readable item header.
    Malformed,
}

/// The priority and the rate limits of an item type (the envelope specification's `type`).
pub(super) fn of_type(item_type: &str) -> (Priority, Categories) {
    match item_type {
        "event" => (Priority::Error, Categories::ERROR),
        "feedback" | "user_report" => (Priority::Error, Categories::DEFAULT),
        "session" | "sessions" => (Priority::Session, Categories::SESSION),
        "check_in" => (Priority::Session, Categories::MONITOR),
        // No category limits a client report; only a limit on everything does.
        "client_report" => (Priority::Session, Categories::NONE),
        "log" => (Priority::Log, Categories::LOG),
        "trace_metric" => (Priority::Log, Categories::METRIC),
        "transaction" => (
            Priority::Transaction,
            Categories::TRANSACTION.and(Categories::SPAN),
        ),
        "span" => (Priority::Transaction, Categories::SPAN),
        "profile" => (Priority::Other, Categories::PROFILE),
        "profile_chunk" => (Priority::Other, Categories::PROFILE_CHUNK),
        "attachment" => (Priority::Other, Categories::ATTACHMENT),
        _ => (Priority::Other, Categories::DEFAULT),
    }
}

/// Whether an item counts twice if it arrives twice. Events and transactions have ids.
fn counts_once(item_type: &str) -> bool {
    matches!(
        item_type,
        "session" | "sessions" | "client_report" | "log" | "trace_metric"
    )
}

/// The `type` that a typed item has on the wire.
pub(super) fn type_of(item: &EnvelopeItem) -> &'static str {
    match item {
        EnvelopeItem::Event(_) => "event",
        EnvelopeItem::SessionUpdate(_) => "session",
        EnvelopeItem::SessionAggregates(_) => "sessions",
        EnvelopeItem::Transaction(_) => "transaction",
        EnvelopeItem::Attachment(_) => "attachment",
        EnvelopeItem::MonitorCheckIn(_) => "check_in",
        EnvelopeItem::ClientReport(_) => "client_report",
        EnvelopeItem::ItemContainer(container) => container.ty(),
        _ => "unknown",
    }
}

/// Looks at an envelope without serializing it.
pub(super) fn inspect(envelope: &Envelope) -> Verdict {
    if envelope.items().next().is_some() {
        return Verdict::Send(typed(envelope));
    }
    // A raw envelope hands its bytes over in one piece, so nothing is copied here.
    let mut look = Look::default();
    match envelope.to_writer(&mut look) {
        Ok(()) => look.verdict.unwrap_or(Verdict::Empty),
        Err(_) => Verdict::Malformed,
    }
}

/// The contents of an envelope of typed items.
pub(super) fn typed(envelope: &Envelope) -> Contents {
    let mut contents = Contents {
        priority: Priority::Other,
        categories: Categories::DEFAULT,
        losses: Vec::new(),
        size: 256,
        typed: true,
        counts_once: false,
    };
    for (index, item) in envelope.items().enumerate() {
        let known = contents.losses.len();
        contents.losses.extend(item.losses().map(Loss::from));
        let losses = contents.losses.get(known..).unwrap_or_default();
        contents.size = contents.size.saturating_add(estimate(item, losses));
        contents.take(index, type_of(item));
    }
    contents
}

impl Contents {
    /// Takes note of an item: the most urgent one decides.
    fn take(&mut self, index: usize, item_type: &str) {
        self.counts_once |= counts_once(item_type);
        let (priority, categories) = of_type(item_type);
        if index == 0 || priority < self.priority {
            self.priority = priority;
            self.categories = categories;
        }
    }
}

/// About how many bytes a typed item takes; cheap rather than exact.
fn estimate(item: &EnvelopeItem, losses: &[Loss]) -> usize {
    let lost = |category| {
        let quantity = losses
            .iter()
            .find(|loss| loss.category == category)
            .map_or(0, |loss| loss.quantity);
        usize::try_from(quantity).unwrap_or(usize::MAX)
    };
    match item {
        EnvelopeItem::Event(event) => estimate_event(event),
        EnvelopeItem::Transaction(transaction) => {
            1024_usize.saturating_add(transaction.spans.len().saturating_mul(768))
        }
        EnvelopeItem::Attachment(attachment) => attachment.buffer.len().saturating_add(256),
        EnvelopeItem::SessionAggregates(sessions) => sessions.aggregates.len().saturating_mul(128),
        // The byte counts are those of keys and values; the JSON around them is about as much.
        EnvelopeItem::ItemContainer(ItemContainer::Logs(logs)) => lost(Category::LogByte)
            .saturating_mul(2)
            .saturating_add(logs.len().saturating_mul(256)),
        EnvelopeItem::ItemContainer(ItemContainer::Metrics(metrics)) => {
            lost(Category::TraceMetricByte)
                .saturating_mul(2)
                .saturating_add(metrics.len().saturating_mul(256))
        }
        _ => 512,
    }
}

fn estimate_event(event: &Event<'static>) -> usize {
    let frames: usize = event
        .exception
        .iter()
        .filter_map(|exception| exception.stacktrace.as_ref())
        .chain(
            event
                .threads
                .iter()
                .filter_map(|thread| thread.stacktrace.as_ref()),
        )
        .map(|stacktrace| stacktrace.frames.len())
        .sum();
    let parts = frames + event.breadcrumbs.len() + event.extra.len() + event.contexts.len();
    let texts: usize = event
        .exception
        .iter()
        .filter_map(|exception| exception.value.as_ref())
        .chain(&event.message)
        .map(String::len)
        .sum();
    2048_usize
        .saturating_add(parts.saturating_mul(256))
        .saturating_add(texts)
}

/// Reads a raw envelope while it is "written".
#[derive(Default)]
struct Look {
    verdict: Option<Verdict>,
}

impl io::Write for Look {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.verdict {
            None => self.verdict = Some(raw(bytes)),
            Some(Verdict::Send(contents)) => {
                contents.size = contents.size.saturating_add(bytes.len());
            }
            Some(Verdict::Empty | Verdict::Malformed) => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the delivery reads of an item's header line.
#[derive(Debug, Deserialize)]
struct ItemHeader<'a> {
    #[serde(borrow, rename = "type")]
    item_type: Cow<'a, str>,
    #[serde(default)]
    length: Option<usize>,
    #[serde(default)]
    item_count: Option<u64>,
    /// How many child spans a transaction has: our span sink says so, nobody else needs it.
    #[serde(default)]
    span_count: Option<u64>,
}

/// More items than this are not looked at one by one.
const MAX_ITEMS: usize = 64;

/// The verdict about the bytes of a raw envelope.
pub(super) fn raw(bytes: &[u8]) -> Verdict {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Verdict::Empty;
    }
    let (_, mut rest) = split_line(bytes);
    if rest.iter().all(u8::is_ascii_whitespace) {
        // Either an envelope without items or no envelope at all.
        return match bytes.first() {
            Some(b'{') => Verdict::Empty,
            _ => Verdict::Malformed,
        };
    }
    let mut contents = Contents {
        priority: Priority::Other,
        categories: Categories::DEFAULT,
        losses: Vec::new(),
        size: bytes.len(),
        typed: false,
        counts_once: false,
    };
    for index in 0..MAX_ITEMS {
        let (line, after) = split_line(rest);
        let Ok(header) = serde_json::from_slice::<ItemHeader<'_>>(line) else {
            if index == 0 {
                return Verdict::Malformed;
            }
            break;
        };
        let payload = match header.length {
            Some(length) => length.min(after.len()),
            None => split_line(after).0.len(),
        };
        contents.losses.extend(raw_losses(&header, payload));
        contents.take(index, &header.item_type);
        // The payload and the newline that ends it.
        rest = after.get(payload.saturating_add(1)..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
    }
    Verdict::Send(contents)
}

/// An envelope's bytes as two envelopes: the items that may arrive twice, and those that may
/// not. Each is None where it has no items.
pub(super) fn split_once_items(bytes: &[u8]) -> [Option<Vec<u8>>; 2] {
    let (first, mut rest) = split_line(bytes);
    let mut parts = [Vec::new(), Vec::new()];
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        let header = serde_json::from_slice::<ItemHeader<'_>>(line);
        let (once, end) = match &header {
            Ok(header) => {
                let payload = match header.length {
                    Some(length) => length.min(after.len()),
                    None => split_line(after).0.len(),
                };
                let before = rest.len() - after.len();
                let end = before.saturating_add(payload).min(rest.len());
                (counts_once(&header.item_type), end)
            }
            // What cannot be read stays as it is.
            Err(_) => (false, rest.len()),
        };
        let (item, next) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let [twice_items, once_items] = &mut parts;
        let part = if once { once_items } else { twice_items };
        part.extend_from_slice(item);
        part.push(b'\n');
        // The newline that ends the payload.
        rest = next.strip_prefix(b"\n").unwrap_or(next);
    }
    parts.map(|items| (!items.is_empty()).then(|| [first, b"\n", &items].concat()))
}

/// What a client report says of a lost raw item. Categories that the SDK's recorder does not
/// know (profiles, feedback) cannot be reported.
fn raw_losses(header: &ItemHeader<'_>, payload: usize) -> impl Iterator<Item = Loss> + use<> {
    let bytes = u64::try_from(payload).unwrap_or(u64::MAX);
    let items = header.item_count.unwrap_or(1);
    let losses = match &*header.item_type {
        "event" => [Some(Loss::new(Category::Error, 1)), None],
        "transaction" => [
            Some(Loss::new(Category::Transaction, 1)),
            Some(Loss::new(
                Category::Span,
                header.span_count.unwrap_or(0).saturating_add(1),
            )),
        ],
        "span" => [Some(Loss::new(Category::Span, items)), None],
        "log" => [
            Some(Loss::new(Category::LogItem, items)),
            Some(Loss::new(Category::LogByte, bytes)),
        ],
        "trace_metric" => [
            Some(Loss::new(Category::TraceMetric, items)),
            Some(Loss::new(Category::TraceMetricByte, bytes)),
        ],
        "session" | "sessions" => [Some(Loss::new(Category::Session, 1)), None],
        "attachment" => [Some(Loss::new(Category::Attachment, bytes)), None],
        "check_in" => [Some(Loss::new(Category::Monitor, 1)), None],
        _ => [None, None],
    };
    losses.into_iter().flatten()
}

/// The first line without its newline, and what follows it.
pub(super) fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
    (line, rest.get(1..).unwrap_or_default())
}

#[cfg(test)]
#[path = "tests/kind.rs"]
mod tests;
