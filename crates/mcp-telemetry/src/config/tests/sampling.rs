//! Sampling rules, parents, and what is kept at the end.

use otel_smart_sampler::RemoteParents;

use super::*;

const RULES: &str = "MCP_TELEMETRY_SAMPLING_RULES";
const KEEP: &str = "MCP_TELEMETRY_KEEP";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";

#[test]
fn defaults() {
    let config = good(&[]);
    assert!(config.sampling.rules.is_empty());
    assert_eq!(config.sampling.remote_parents, RemoteParents::ByRule);
    assert_eq!(config.sampling.keep, Keep::default());
    assert!(config.sampling.keep.errors && config.sampling.keep.slow.is_none());
    assert_eq!(config.base_rate(), 1.0);
}

#[test]
fn what_is_kept_at_the_end() {
    let keep = |errors, millis| Keep {
        errors,
        slow: (millis > 0).then(|| Duration::from_millis(millis)),
    };
    for (value, expected) in [
        ("errors", keep(true, 0)),
        ("off", keep(false, 0)),
        ("OFF", keep(false, 0)),
        ("slow:10s", keep(false, 10_000)),
        (" errors , slow:10s ", keep(true, 10_000)),
        ("slow:1.5s", keep(false, 1_500)),
        ("slow:250ms", keep(false, 250)),
        ("slow: 2m", keep(false, 120_000)),
        ("slow:2s,slow:1s", keep(false, 1_000)),
    ] {
        assert_eq!(good(&[(KEEP, value)]).sampling.keep, expected, "{value}");
    }
    for value in [
        "on",
        "slow",
        "slow:",
        "slow:0s",
        "slow:-1s",
        "slow:10",
        "slow:xs",
        "slow:25h",
        "slow:1441m",
        "slow:nans",
        "slow:infs",
    ] {
        let (config, text) = bad(&[(KEEP, value)], &[KEEP]);
        assert_eq!(config.sampling.keep, Keep::default(), "{value}");
        assert!(text.ends_with("`errors` is used instead"), "{text}");
    }
    let (config, text) = bad(&[(KEEP, "off,slow:1s,often")], &[KEEP, KEEP]);
    assert_eq!(config.sampling.keep, keep(false, 1_000));
    assert!(
        text.contains("`off` cannot stand beside another word"),
        "{text}"
    );
    assert!(text.ends_with("the others are used"), "{text}");
}

#[test]
fn parents_and_the_samplers_of_opentelemetry() {
    use RemoteParents::{ByRule, Ignore, Obey};
    for (sampler, argument, base, parents) in [
        ("always_on", "", 1.0, Ignore),
        ("always_off", "", 0.0, Ignore),
        ("traceidratio", "0.25", 0.25, Ignore),
        ("traceidratio", "", 1.0, Ignore),
        ("parentbased_always_on", "0.5", 1.0, ByRule),
        ("parentbased_always_off", "", 0.0, ByRule),
        ("ParentBased_TraceIdRatio", "0.1", 0.1, ByRule),
        ("", "0.1", 1.0, ByRule),
    ] {
        let otel = [(SAMPLER, sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)];
        let config = good(&otel);
        assert_eq!(config.base_rate(), base, "{sampler} {argument}");
        assert_eq!(config.sampling.remote_parents, parents, "{sampler}");
        let own = [
            ("SENTRY_TRACES_SAMPLE_RATE", "0.7"),
            ("MCP_TELEMETRY_OBEY_PARENT", "true"),
        ];
        let config = good(&[otel, own].concat());
        assert_eq!(config.base_rate(), 0.7, "the more particular setting wins");
        assert_eq!(config.sampling.remote_parents, Obey);
    }
    let wrong = [(SAMPLER, "xray"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
    let (config, _) = bad(&wrong, &["OTEL_TRACES_SAMPLER_ARG", SAMPLER]);
    assert_eq!(config.base_rate(), 1.0);
}

#[test]
fn rules_stand_in_the_variable_or_in_a_file() {
    let text = "a: kind=server -> 1%; b: x=y -> never";
    assert_eq!(good(&[(RULES, text)]).sampling.rules.len(), 2);
    let path = std::env::temp_dir().join(format!("mcp-telemetry-rules-{}", std::process::id()));
    let path_text = path.to_str().unwrap();
    std::fs::write(&path, "# mine\na: kind=server -> 1%\n").unwrap();
    assert_eq!(good(&[(RULES, path_text)]).sampling.rules.len(), 1);

    std::fs::write(&path, "a: kind=sever -> 1%\nb -> 1\n").unwrap();
    let (config, text) = bad(&[(RULES, path_text)], &[RULES, RULES]);
    assert!(config.sampling.rules.is_empty());
    assert!(
        text.contains("line 1: rule `a`: `sever` is no kind of span"),
        "{text}"
    );
    assert!(
        text.contains("line 2: `b -> 1` has no `:` after a name"),
        "{text}"
    );
    assert!(text.ends_with("none of these rules is used"), "{text}");

    std::fs::write(&path, "#".repeat(70_000)).unwrap();
    let (_, text) = bad(&[(RULES, path_text)], &[RULES]);
    assert!(text.contains("is larger than 65536 bytes"), "{text}");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    let (_, text) = bad(&[(RULES, path_text)], &[RULES]);
    assert!(text.contains("cannot be read"), "{text}");
    std::fs::remove_file(&path).unwrap();
    let (_, text) = bad(&[(RULES, path_text)], &[RULES]);
    assert!(text.contains("cannot be read"), "{text}");
    let (_, text) = bad(&[(RULES, "/")], &[RULES]);
    assert!(text.contains("`/` is no file"), "{text}");
}

#[test]
fn names_of_rules_are_checked_at_once() {
    let (config, text) = bad(&[(RULES, "base: -> 1; a: -> 1; a: -> 0")], &[RULES, RULES]);
    assert!(config.sampling.rules.is_empty());
    assert!(text.contains("rule 1 \"base\""), "{text}");
    assert!(
        text.contains("rule 3 \"a\": an earlier rule has the same name"),
        "{text}"
    );
}
