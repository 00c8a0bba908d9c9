//! All variables together: defaults, emptiness, everything wrong at once, no secret anywhere.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::*;

/// A default written in the table is what an unset variable means.
#[test]
fn the_defaults_of_the_table_are_the_defaults_of_the_code() {
    // On, because an exporter that is off has no settings to compare.
    let with = |name: &str, value: &str| {
        let mut variables = vec![
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_METRICS_EXPORTER", "otlp"),
        ];
        variables.push((name, value));
        format!("{:?}", good(&variables))
    };
    let unset = with("", "");
    let mut compared = 0;
    for variable in VARIABLES.iter().filter(|known| !known.default.is_empty()) {
        let written = variable
            .default
            .replace("{name}", "app")
            .replace("{version}", "1.2.3");
        assert_eq!(with(variable.name, &written), unset, "{}", variable.name);
        compared += 1;
    }
    assert_eq!(compared, 23);
}

#[test]
fn empty_and_blank_values_are_unset() {
    let unset = format!("{:?}", good(&[]));
    for variable in VARIABLES {
        for value in ["", " ", "\t\n"] {
            let config = good(&[(variable.name, value)]);
            assert_eq!(format!("{config:?}"), unset, "{}", variable.name);
        }
    }
}

#[test]
fn exactly_the_variables_of_the_table_are_read() {
    let asked = RefCell::new(BTreeSet::new());
    let (_, errors) = Config::from_lookup_lenient(app(), |key| {
        asked.borrow_mut().insert(key.to_owned());
        None
    });
    assert!(errors.is_none());
    let known: BTreeSet<String> = VARIABLES
        .iter()
        .map(|variable| variable.name.to_owned())
        .collect();
    assert_eq!(asked.into_inner(), known);
}

/// Every variable wrong at once: all are listed, once each, and the strict reading refuses.
#[test]
fn all_wrong_at_once() {
    let wrong = |key: &str| {
        // What cannot be wrong: free text and a free list.
        let any = ["OTEL_SERVICE_NAME", "MCP_TELEMETRY_REDACT_KEYS"].contains(&key);
        // A directory in its own right.
        let wrong = match key {
            "MCP_TELEMETRY_SPOOL_DIR" => "here",
            _ => "/",
        };
        (!any).then(|| wrong.to_owned())
    };
    let errors = Config::from_lookup(app(), wrong).unwrap_err();
    let listed: BTreeSet<&str> = errors
        .problems()
        .iter()
        .map(|problem| problem.variable)
        .collect();
    let expected: BTreeSet<&str> = VARIABLES
        .iter()
        .map(|variable| variable.name)
        .filter(|name| wrong(name).is_some())
        .collect();
    assert_eq!(listed, expected);
    assert_eq!(errors.problems().len(), expected.len());

    let text = errors.to_string();
    assert!(
        text.starts_with("48 wrong settings:\n  SENTRY_DSN: "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 49);
    for problem in errors.problems() {
        assert!(!problem.expected.is_empty() && !problem.fallback.is_empty());
    }
}

/// Whatever is written into whichever variable, neither settings nor messages show the secret part.
#[test]
fn no_secret_is_shown() {
    let secret = "hunter2";
    let values = [
        format!("https://{secret}:{secret}@host/1"),
        format!("https://{secret}@host/abc"),
        format!("{secret}://{secret}@"),
        format!("authorization=Bearer%20{secret}"),
        format!("a={secret},b={secret}%zz,{secret} {secret}=x"),
        format!("http://user:{secret}@collector:4318"),
        format!("http://collector:4318?key={secret}"),
    ];
    for variable in VARIABLES {
        let holds_secrets = matches!(variable.kind, Kind::Dsn | Kind::Headers | Kind::Url);
        if !holds_secrets {
            continue;
        }
        for value in &values {
            let (config, errors) = Config::from_lookup_lenient(app(), |key| match key {
                _ if key == variable.name => Some(value.clone()),
                "OTEL_TRACES_EXPORTER" | "OTEL_LOGS_EXPORTER" | "OTEL_METRICS_EXPORTER" => {
                    Some("otlp".to_owned())
                }
                _ => None,
            });
            let mut text = format!("{config:?} {config:#?} {errors:?}");
            if let Some(errors) = errors {
                text.push_str(&errors.to_string());
            }
            assert!(!text.contains(secret), "{}={value}: {text}", variable.name);
        }
    }
}

#[test]
fn strange_values_never_panic() {
    let values = [
        "\0",
        "%",
        "=",
        ",",
        "://",
        "@",
        "é",
        "https://",
        "https://@",
        "\u{202e}",
        "漢字=漢字,%E6",
        "https://[",
        "http://[::1",
        "-",
        "+1",
        "1_000",
        "0x10",
    ];
    for variable in VARIABLES {
        for value in values.iter().map(|value| (*value).to_owned()).chain([
            "x".repeat(100_000),
            "a=b,".repeat(20_000),
            "é".repeat(10_000),
        ]) {
            let (_, problems) = lenient(&[(variable.name, &value)]);
            for problem in problems {
                let text = problem.to_string();
                assert!(text.len() < 1_000, "{text}");
                assert!(!text.contains('\n') && !text.contains('\0'), "{text}");
            }
        }
    }
}
