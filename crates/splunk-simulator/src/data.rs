//! The generated events: web access, log-ins, application logs and Splunk's own, the same in every run.

use serde_json::{Map, Value};

use crate::clock;

/// A row of a search: field names with a string, or an array of strings for several values.
pub(crate) type Row = Map<String, Value>;

/// The stretch of time that events are spread over, in seconds before the clock: one day.
const SPAN: u64 = 86_400;
const SEED: u64 = 0x5eed_5eed_5eed_5eed;

/// An index and what `data/indexes` says of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexInfo {
    pub(crate) name: &'static str,
    /// How many events are generated into it.
    pub(crate) events: usize,
    pub(crate) internal: bool,
}

/// Every index, by name.
pub(crate) const INDEXES: [IndexInfo; 6] = [
    IndexInfo {
        name: "_audit",
        events: 60,
        internal: true,
    },
    IndexInfo {
        name: "_internal",
        events: 200,
        internal: true,
    },
    IndexInfo {
        name: "app",
        events: 300,
        internal: false,
    },
    IndexInfo {
        name: "main",
        events: 600,
        internal: false,
    },
    IndexInfo {
        name: "security",
        events: 240,
        internal: false,
    },
    IndexInfo {
        name: "summary",
        events: 0,
        internal: false,
    },
];

/// The data of a simulator: its standing clock and the events of the day before it.
#[derive(Debug)]
pub(crate) struct Dataset {
    /// What "now" is, in epoch seconds.
    pub(crate) now: i64,
    /// All events, newest first, with `_time` in epoch seconds.
    pub(crate) events: Vec<Row>,
}

impl Dataset {
    pub(crate) fn generate(now: i64) -> Self {
        let mut events = Vec::new();
        for index in INDEXES {
            for number in 0..index.events {
                let mut dice = Dice::new(index.name, number);
                // Evenly spread with some jitter, so that every hour has events; never in the future.
                let step = SPAN * 1_000 / index.events as u64;
                let age_millis = number as u64 * step + dice.below(step) + 1;
                let time = now as f64 - age_millis as f64 / 1_000.0;
                events.push((time, event(index.name, time, &mut dice)));
            }
        }
        events.sort_by(|(left, _), (right, _)| right.total_cmp(left));
        Self {
            now,
            events: events.into_iter().map(|(_, row)| row).collect(),
        }
    }

    /// How many events an index has, with the epoch seconds of its oldest and its newest.
    pub(crate) fn range(&self, index: &str) -> Option<(f64, f64)> {
        let mut times = self
            .events
            .iter()
            .filter(|row| text(row, "index") == index)
            .filter_map(|row| text(row, "_time").parse::<f64>().ok());
        let newest = times.next()?;
        Some((times.next_back().unwrap_or(newest), newest))
    }
}

/// A field's text; empty when the row has none of it, the first value when it has several.
pub(crate) fn text<'a>(row: &'a Row, field: &str) -> &'a str {
    match row.get(field) {
        Some(Value::String(text)) => text,
        Some(Value::Array(values)) => values.first().and_then(Value::as_str).unwrap_or_default(),
        _ => "",
    }
}

fn event(index: &'static str, time: f64, dice: &mut Dice) -> Row {
    let stamp = clock::iso(time);
    let (sourcetype, source, host, raw, fields) = match index {
        "main" => access(&stamp, dice),
        "security" => login(&stamp, dice),
        "app" => application(&stamp, dice),
        "_internal" => splunkd(&stamp, dice),
        _ => audit(&stamp, dice),
    };
    let mut row = Row::new();
    let mut put = |name: &str, value: &str| {
        row.insert(name.to_owned(), value.into());
    };
    put("_time", &format!("{time:.3}"));
    put("_raw", &raw);
    put("host", host);
    put("index", index);
    put("linecount", "1");
    put("source", source);
    put("sourcetype", sourcetype);
    put("splunk_server", "splunk-simulator");
    for (name, value) in fields {
        put(name, &value);
    }
    row
}

/// Source type, source, host, raw text and extracted fields.
type Generated = (
    &'static str,
    &'static str,
    &'static str,
    String,
    Vec<(&'static str, String)>,
);

fn access(stamp: &str, dice: &mut Dice) -> Generated {
    let host = dice.pick(&["web-01", "web-02", "web-03"]);
    let client = format!("192.0.2.{}", 1 + dice.below(40));
    let method = dice.pick(&["GET", "GET", "GET", "GET", "POST", "PUT", "DELETE"]);
    let path = dice.pick(&["/", "/cart", "/checkout", "/login", "/product", "/search"]);
    let status = dice.pick(&[
        "200", "200", "200", "200", "200", "200", "200", "304", "404", "403", "500", "503",
    ]);
    let bytes = (200 + dice.below(40_000)).to_string();
    let millis = (3 + dice.below(900)).to_string();
    let raw = format!(
        "{client} - - [{stamp}] \"{method} {path} HTTP/1.1\" {status} {bytes} \"-\" \"Mozilla/5.0\" {millis}"
    );
    let fields = vec![
        ("clientip", client),
        ("method", method.to_owned()),
        ("uri_path", path.to_owned()),
        ("status", status.to_owned()),
        ("bytes", bytes),
        ("response_time", millis),
    ];
    (
        "access_combined",
        "/var/log/nginx/access.log",
        host,
        raw,
        fields,
    )
}

fn login(stamp: &str, dice: &mut Dice) -> Generated {
    let host = dice.pick(&["bastion-01", "db-01"]);
    let user = dice.pick(&["alice", "bob", "carol", "deploy", "root"]);
    let source_ip = format!("198.51.100.{}", 1 + dice.below(30));
    let port = (1_024 + dice.below(60_000)).to_string();
    let (action, word) = if dice.below(4) == 0 {
        ("failure", "Failed")
    } else {
        ("success", "Accepted")
    };
    let raw = format!(
        "{stamp} {host} sshd[{}]: {word} publickey for {user} from {source_ip} port {port} ssh2",
        1_000 + dice.below(9_000)
    );
    let fields = vec![
        ("user", user.to_owned()),
        ("src_ip", source_ip),
        ("src_port", port),
        ("action", action.to_owned()),
        ("app", "sshd".to_owned()),
    ];
    ("linux_secure", "/var/log/auth.log", host, raw, fields)
}

fn application(stamp: &str, dice: &mut Dice) -> Generated {
    let host = dice.pick(&["app-01", "app-02"]);
    let service = dice.pick(&["billing", "orders", "users"]);
    let (level, message) = dice.pick(&[
        ("INFO", "request served"),
        ("INFO", "request served"),
        ("INFO", "cache refreshed"),
        ("WARN", "slow query"),
        ("WARN", "retrying the payment provider"),
        ("ERROR", "upstream timed out"),
        ("ERROR", "cannot read the order: no such row"),
    ]);
    let millis = (1 + dice.below(5_000)).to_string();
    let raw = format!(
        "{{\"time\":\"{stamp}\",\"level\":\"{level}\",\"service\":\"{service}\",\"message\":\"{message}\",\
         \"duration_ms\":{millis}}}"
    );
    let fields = vec![
        ("level", level.to_owned()),
        ("service", service.to_owned()),
        ("message", message.to_owned()),
        ("duration_ms", millis),
    ];
    ("app:json", "/var/log/app/app.json", host, raw, fields)
}

fn splunkd(stamp: &str, dice: &mut Dice) -> Generated {
    let level = dice.pick(&["INFO", "INFO", "INFO", "INFO", "WARN", "ERROR"]);
    let component = dice.pick(&["IndexProcessor", "Metrics", "TailReader", "TcpOutputProc"]);
    let kbps = format!("{}.{}", dice.below(90), dice.below(10));
    let raw =
        format!("{stamp} {level} {component} - group=thruput, name=index_thruput, kbps={kbps}");
    let fields = vec![
        ("log_level", level.to_owned()),
        ("component", component.to_owned()),
        ("group", "thruput".to_owned()),
        ("kbps", kbps),
    ];
    (
        "splunkd",
        "/opt/splunk/var/log/splunk/splunkd.log",
        "splunk-simulator",
        raw,
        fields,
    )
}

fn audit(stamp: &str, dice: &mut Dice) -> Generated {
    let user = dice.pick(&["admin", "splunk-system-user"]);
    let action = dice.pick(&["login attempt", "search", "list_settings"]);
    let info = dice.pick(&["granted", "granted", "granted", "denied"]);
    let raw = format!("Audit:[timestamp={stamp}, user={user}, action={action}, info={info}]");
    let fields = vec![
        ("user", user.to_owned()),
        ("action", action.to_owned()),
        ("info", info.to_owned()),
    ];
    ("audittrail", "audittrail", "splunk-simulator", raw, fields)
}

/// Scrambles a number well: one step of SplitMix64.
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A small deterministic generator, one for each event, so that a change to one index leaves the others alone.
struct Dice(u64);

impl Dice {
    fn new(index: &str, number: usize) -> Self {
        let name = index
            .bytes()
            .fold(SEED, |hash, byte| mix(hash ^ u64::from(byte)));
        Self(mix(name ^ number as u64))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = mix(self.0);
        self.0 % limit.max(1)
    }

    /// One of the choices.
    #[expect(clippy::indexing_slicing, reason = "the position is smaller than N")]
    fn pick<T: Copy, const N: usize>(&mut self, choices: &[T; N]) -> T {
        const { assert!(N > 0) };
        let position = usize::try_from(self.below(N as u64)).unwrap_or(0);
        choices[position]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_768_478_400;

    #[test]
    fn is_the_same_every_time_and_moves_with_the_clock() {
        let first = Dataset::generate(NOW);
        assert_eq!(first.events, Dataset::generate(NOW).events);
        let later = Dataset::generate(NOW + 60);
        assert_eq!(
            text(&first.events[0], "_raw").len(),
            text(&later.events[0], "_raw").len()
        );
        assert_ne!(first.events[0], later.events[0]);
    }

    #[test]
    fn is_newest_first_within_the_day_before_the_clock() {
        let data = Dataset::generate(NOW);
        let times: Vec<f64> = data
            .events
            .iter()
            .map(|row| text(row, "_time").parse().unwrap())
            .collect();
        assert_eq!(
            times.len(),
            INDEXES.iter().map(|index| index.events).sum::<usize>()
        );
        assert!(times.is_sorted_by(|left, right| left >= right));
        assert!(times.iter().all(|time| *time < NOW as f64));
        assert!(times.iter().all(|time| *time >= (NOW - 86_400) as f64));
    }

    #[test]
    fn every_index_has_its_events() {
        let data = Dataset::generate(NOW);
        for index in INDEXES {
            let found = data
                .events
                .iter()
                .filter(|row| text(row, "index") == index.name)
                .count();
            assert_eq!(found, index.events, "{}", index.name);
            assert_eq!(data.range(index.name).is_some(), index.events > 0);
        }
        let (oldest, newest) = data.range("main").unwrap();
        assert!(oldest < newest);
    }
}
