//! Rules as text: what is read, and what is refused.

use opentelemetry::KeyValue;
use proptest::prelude::*;

use super::*;

const SERVER: SpanKind = SpanKind::Server;

fn one(text: &str) -> Rule {
    let mut rules = Rule::parse(text).unwrap();
    assert_eq!(rules.len(), 1, "{text}");
    rules.remove(0)
}

#[test]
fn rates_and_options() {
    let share = |share| RuleRate::Fixed(SampleRate::new(share).unwrap());
    for (text, rate, at_most, despite_parent) in [
        ("always", RuleRate::Always, None, false),
        ("Never", RuleRate::Never, None, false),
        ("base", RuleRate::TimesBase(1.0), None, false),
        ("1.5x", RuleRate::TimesBase(1.5), None, false),
        ("0x", RuleRate::TimesBase(0.0), None, false),
        ("1%", share(0.01), None, false),
        ("0.25 %", share(0.0025), None, false),
        ("0.5", share(0.5), None, false),
        ("1", share(1.0), None, false),
        ("0", share(0.0), None, false),
        (
            "base, max 20/s",
            RuleRate::TimesBase(1.0),
            Some(20.0),
            false,
        ),
        (
            "1, max 0.5 /s , despite-parent",
            share(1.0),
            Some(0.5),
            true,
        ),
        ("always,DESPITE-PARENT", RuleRate::Always, None, true),
    ] {
        let rule = one(&format!("r: -> {text}"));
        assert_eq!(rule.rate, rate, "{text}");
        assert_eq!(rule.at_most, at_most, "{text}");
        assert_eq!(rule.keep_despite_parent, despite_parent, "{text}");
        assert_eq!(rule.name, "r");
    }
}

#[test]
fn conditions() {
    let route = |value: &'static str| vec![KeyValue::new("http.route", value)];
    for (conditions, name, kind, attributes, expected) in [
        ("", "any", SpanKind::Client, vec![], true),
        ("*", "any", SpanKind::Client, vec![], true),
        ("name=GET /a*", "GET /abc", SERVER, vec![], true),
        ("name=GET /a*", "POST /abc", SERVER, vec![], false),
        ("name=a|b?", "bc", SERVER, vec![], true),
        ("name=a|b?", "b", SERVER, vec![], false),
        ("name=\"a|b*\"", "a|b*", SERVER, vec![], true),
        ("name=\"a|b*\"", "a|bc", SERVER, vec![], false),
        ("name=\"a, -> ; : b\"", "a, -> ; : b", SERVER, vec![], true),
        (
            "kind=server|Consumer",
            "x",
            SpanKind::Consumer,
            vec![],
            true,
        ),
        ("kind=server|consumer", "x", SpanKind::Client, vec![], false),
        ("http.route=/h*|/ready", "x", SERVER, route("/health"), true),
        (
            "http.route=/h*|/ready",
            "x",
            SERVER,
            route("/readyz"),
            false,
        ),
        ("http.route", "x", SERVER, route(""), true),
        ("http.route", "x", SERVER, vec![], false),
        (
            "kind=server, http.route=/a:b",
            "x",
            SERVER,
            route("/a:b"),
            true,
        ),
        (
            "kind=client, http.route=/a",
            "x",
            SERVER,
            route("/a"),
            false,
        ),
        (
            "port=443",
            "x",
            SERVER,
            vec![KeyValue::new("port", 443)],
            true,
        ),
        (
            "port=443",
            "x",
            SERVER,
            vec![KeyValue::new("port", "443")],
            true,
        ),
        (
            "port=\"443\"",
            "x",
            SERVER,
            vec![KeyValue::new("port", 443)],
            false,
        ),
        (
            "on=true",
            "x",
            SERVER,
            vec![KeyValue::new("on", true)],
            true,
        ),
        (
            "share=0.5",
            "x",
            SERVER,
            vec![KeyValue::new("share", 0.5)],
            true,
        ),
        ("a=b#c", "x", SERVER, vec![KeyValue::new("a", "b#c")], true),
        (
            "a=\"b #c\"",
            "x",
            SERVER,
            vec![KeyValue::new("a", "b #c")],
            true,
        ),
    ] {
        let rule = one(&format!("r: {conditions} -> always"));
        let found = rule.matches(name, &kind, &attributes);
        assert_eq!(found, expected, "{conditions} on {name} {attributes:?}");
    }
}

#[test]
fn rules_stand_on_lines_and_between_semicolons() {
    let text = "# all of it\n a: -> 1 ; b:x=y->2x # c: -> 1\n\n;;\r\n  d : * -> never";
    let rules = Rule::parse(text).unwrap();
    let names: Vec<_> = rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["a", "b", "d"]);
    assert!(Rule::parse("").unwrap().is_empty());
    assert!(Rule::parse(" \n# nothing\n").unwrap().is_empty());
}

#[test]
fn everything_wrong_is_listed_with_its_line() {
    let text = "
nothing at all
: -> 1
a: kind=server
b: kind=sever -> 1
c: name -> 1
d: x=, y=1 -> 1
e: =1 -> 1
f: a b -> 1
g: x=\"a -> 1
h: x=a\"b\" -> 1
i: -> 101%
j: -> -1x
k: ->
l: -> 1, max 0/s
m: -> 1, often; n: -> 1,
o: x=1,, -> 1";
    let error = Rule::parse(text).unwrap_err();
    let problems: Vec<_> = error
        .problems()
        .iter()
        .map(|it| (it.line, it.problem.as_str()))
        .collect();
    assert_eq!(
        problems,
        [
            (2, "`nothing at all` has no `:` after a name"),
            (3, "`: -> 1` has no name"),
            (4, "rule `a`: there is no `->`"),
            (5, "rule `b`: `sever` is no kind of span"),
            (6, "rule `c`: `name` has no value"),
            (7, "rule `d`: `` is an empty value"),
            (8, "rule `e`: `` is no key"),
            (9, "rule `f`: `a b` is no condition"),
            (10, "rule `g`: there is no `->`"),
            (11, "rule `h`: `a\"b\"` has a quote in its middle"),
            (12, "rule `i`: `101%` is no rate"),
            (13, "rule `j`: `-1x` is no rate"),
            (14, "rule `k`: `` is no rate"),
            (15, "rule `l`: `max 0/s` is no option"),
            (16, "rule `m`: `often` is no option"),
            (16, "rule `n`: `` is no option"),
            (17, "rule `o`: `` is no condition"),
        ]
    );
    assert!(error.to_string().contains("; line 17: rule `o`"));
}

#[test]
fn a_text_without_end_is_refused() {
    let text = "a: -> 1\n".repeat(10_000);
    let error = Rule::parse(&text).unwrap_err();
    assert_eq!(error.problems()[0].problem, "it has 80000 bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn garbage_never_panics(
        text in prop_oneof![any::<String>(), "[a-z:=|,;#\"*>\\- 0-9.%x/\n]{0,60}"],
    ) {
        if let Ok(rules) = Rule::parse(&text) {
            for rule in rules {
                let _ = rule.matches("n", &SERVER, &[KeyValue::new("a", "b")]);
            }
        }
    }
}
