//! Whole searches over the generated events.

use std::time::Duration;

use super::{Outcome, Request};
use crate::data::{Dataset, text};

const NOW: i64 = 1_768_478_400;

fn attempt(search: &str) -> Result<Outcome, String> {
    let request = Request {
        search,
        earliest: None,
        latest: None,
    };
    super::run(&Dataset::generate(NOW), request)
}

fn run(search: &str) -> Outcome {
    attempt(search).unwrap()
}

fn column(outcome: &Outcome, field: &str) -> Vec<String> {
    outcome
        .rows
        .iter()
        .map(|row| text(row, field).to_owned())
        .collect()
}

#[test]
fn finds_events_newest_first_with_printed_times() {
    let found = run("search index=main | head 3");
    assert_eq!(found.rows.len(), 3);
    assert_eq!((found.scanned, found.matched), (1_400, 600));
    let times = column(&found, "_time");
    assert!(times.is_sorted_by(|left, right| left >= right), "{times:?}");
    assert!(times[0].starts_with("2026-01-15T11:5"), "{times:?}");
    assert!(found.fields.contains(&"clientip".to_owned()));
}

#[test]
fn searches_main_when_no_index_is_named() {
    let found = run("search * | stats count by index");
    assert_eq!(column(&found, "index"), ["main"]);
    assert_eq!(column(&found, "count"), ["600"]);
}

#[test]
fn a_star_does_not_reach_internal_indexes() {
    let found = run("search index=* | stats count by index");
    assert_eq!(column(&found, "index"), ["app", "main", "security"]);
    let found = run("search index=_* | stats count by index");
    assert_eq!(column(&found, "index"), ["_audit", "_internal"]);
}

#[test]
fn an_unknown_index_is_empty_with_a_warning() {
    let found = run("search index=nope | stats count by host");
    assert_eq!(found.rows.len(), 0);
    assert_eq!(found.messages.len(), 1);
    assert_eq!(found.messages[0].kind, "WARN");
    assert!(found.messages[0].text.contains("nope"));
    assert_eq!(run("search index=summary").messages, []);
}

#[test]
fn counts_group_and_sort() {
    let found = run(
        "search index=main | stats count AS hits, dc(clientip) by status | sort -hits | head 1",
    );
    assert_eq!(found.fields, ["status", "hits", "dc(clientip)"]);
    assert_eq!(column(&found, "status"), ["200"]);
    let all: usize = column(&run("search index=main | stats count by status"), "count")
        .iter()
        .map(|count| count.parse::<usize>().unwrap())
        .sum();
    assert_eq!(all, 600);
    let none = run("search index=summary | stats count");
    assert_eq!(column(&none, "count"), ["0"]);
}

#[test]
fn top_and_rare_are_each_others_reverse() {
    let top = run("search index=main | top limit=2 status");
    assert_eq!(top.fields, ["status", "count", "percent"]);
    assert_eq!(top.rows.len(), 2);
    assert_eq!(column(&top, "status")[0], "200");
    assert!(text(&top.rows[0], "percent").parse::<f64>().unwrap() > 50.0);
    let rare = run("search index=main | rare status");
    assert_eq!(column(&rare, "status").last().unwrap(), "200");
}

#[test]
fn respects_time_ranges() {
    let within = |earliest, latest| {
        super::run(
            &Dataset::generate(NOW),
            Request {
                search: "search index=main | stats count",
                earliest,
                latest,
            },
        )
        .map(|outcome| text(&outcome.rows[0], "count").parse::<usize>().unwrap())
    };
    assert_eq!(within(Some("-24h"), Some("now")), Ok(600));
    assert_eq!(within(Some("-1h"), None), Ok(25));
    assert_eq!(within(Some(""), Some("0")), Ok(0));
    assert_eq!(
        within(Some("tomorrow"), None),
        Err("Invalid earliest_time.".to_owned())
    );
    assert_eq!(
        within(Some("now"), Some("-1h")),
        Err("Invalid latest_time: latest_time must be after earliest_time.".to_owned())
    );
    let inline = run("search index=main earliest=-1h | stats count");
    assert_eq!(column(&inline, "count"), ["25"]);
}

#[test]
fn makes_and_changes_rows() {
    let made =
        run("| makeresults count=2 | eval a=1+1, b=upper(\"x\") | rename a AS n | table n b c");
    assert_eq!(made.fields, ["n", "b", "c"]);
    assert_eq!(column(&made, "n"), ["2", "2"]);
    assert_eq!(column(&made, "b"), ["X", "X"]);
    assert!(!made.rows[0].contains_key("_time"));
    let time = run("| makeresults");
    assert_eq!(column(&time, "_time"), ["2026-01-15T12:00:00.000+00:00"]);
}

#[test]
fn narrows_fields_and_rows() {
    let kept = run("search index=main | fields status | head 1");
    assert_eq!(kept.fields, ["_raw", "_time", "status"]);
    let dropped = run("search index=main | fields - _raw, status | head 1");
    assert!(!dropped.fields.contains(&"status".to_owned()));
    assert!(dropped.fields.contains(&"host".to_owned()));
    let hosts = run("search index=main | dedup host | table h* | sort host");
    assert_eq!(column(&hosts, "host"), ["web-01", "web-02", "web-03"]);
    let late = run("search index=main | where bytes>39000 AND status=\"200\" | search method=GET");
    assert!(!late.rows.is_empty());
    assert!(column(&late, "method").iter().all(|method| method == "GET"));
    let first = run("search index=main | tail 1");
    assert_eq!(first.rows, run("search index=main | reverse | head 1").rows);
}

#[test]
fn sleeps_only_when_asked() {
    assert_eq!(run("search *").delay, Duration::ZERO);
    assert_eq!(
        run("search * `sim_sleep(250)` | head 1").delay,
        Duration::from_millis(250)
    );
    assert_eq!(run("| `sim_sleep(5)`").rows, []);
}

#[test]
fn refuses_bad_searches() {
    for (search, expected) in [
        ("", "Empty search."),
        ("   ", "Empty search."),
        (
            "search * | frobnicate",
            "Unknown search command 'frobnicate'.",
        ),
        ("index=main", "Unknown search command 'index'."),
    ] {
        assert_eq!(attempt(search).unwrap_err(), expected, "{search}");
    }
    assert!(
        attempt(&"a".repeat(100_000))
            .unwrap_err()
            .contains("longer")
    );
}

#[test]
fn any_text_ends_without_a_panic() {
    let pieces = [
        "search",
        " ",
        "|",
        "\"",
        "`",
        "(",
        ")",
        "=",
        "!=",
        "stats",
        "count",
        "by",
        "é",
        "\\",
        ",",
        "eval",
        "x",
        "-",
        "*",
        "sort",
        "head",
        "1",
        "rename",
        "as",
        "top",
        "where",
        "NOT",
        "OR",
        "IN",
        "'",
        "makeresults",
    ];
    let data = Dataset::generate(NOW);
    for seed in 0..3_000_u64 {
        let mut state = seed;
        let mut search = String::from(if seed % 3 == 0 {
            "| makeresults | "
        } else {
            ""
        });
        for _ in 0..12 {
            state = crate::data::mix(state);
            search.push_str(pieces[state as usize % pieces.len()]);
            if state % 2 == 0 {
                search.push(' ');
            }
        }
        let request = Request {
            search: &search,
            earliest: None,
            latest: None,
        };
        if let Err(text) = super::run(&data, request) {
            assert!(!text.is_empty(), "{search}");
        }
    }
}
