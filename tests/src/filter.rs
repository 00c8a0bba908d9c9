//! Sentry's search syntax, as far as the filters of this project's documents use it.
//!
//! Terms with blanks between them must all hold:
//!
//! | term | holds where |
//! |---|---|
//! | `key:value`, `key:"a value"` | the value is that text or number; `*` stands for any text |
//! | `key:>5`, `>=`, `<`, `<=` | the value is a number, and not the text of one, and compares so |
//! | `has:key` | there is a value |
//! | `!` before any of them | it does not hold |
//!
//! `tags[key,number]` and `tags[key,string]` name an attribute with its type, as Sentry's
//! explorer writes them. Durations are milliseconds; `span.duration` also takes `5s` or `2m`.
//!
//! What a key names depends on what is searched: see [`Spans`], [`Errors`] and [`Logs`]. Text is
//! compared with its case.

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use telemetry_testkit::{Event, Log, Received, SentrySpan, Transaction};

/// What has values by key.
pub trait Searchable {
    /// The value that a filter's key names.
    fn value(&self, key: &str) -> Option<Value>;
}

/// A parsed filter.
///
/// ```
/// use mcp_telemetry_tests::filter::{Filter, Searchable};
/// use serde_json::{Value, json};
///
/// struct Item(Value);
///
/// impl Searchable for Item {
///     fn value(&self, key: &str) -> Option<Value> {
///         self.0.get(key).cloned()
///     }
/// }
///
/// let slow = Filter::parse("op:splunk.api splunk.duration:>5000")?;
/// assert!(slow.finds(&Item(json!({ "op": "splunk.api", "splunk.duration": 5100.5 }))));
/// assert!(!slow.finds(&Item(json!({ "op": "splunk.api", "splunk.duration": "5100.5" }))));
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Vec<Term>);

#[derive(Clone, Debug, PartialEq)]
struct Term {
    negated: bool,
    key: String,
    ty: Option<Type>,
    test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    Number,
    Text,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// There is a value.
    Has,
    /// The value is this text, in which `*` stands for any text.
    Is(String),
    /// The value is a number that compares so.
    Compares(&'static str, f64),
}

/// The longer ones first: each begins with a shorter one.
const COMPARISONS: [&str; 4] = [">=", "<=", ">", "<"];

/// The keys whose values have units.
const DURATIONS: [&str; 1] = ["span.duration"];

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// Where it is not in this syntax, with the term that is not.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let terms = words(text)?;
        ensure!(!terms.is_empty(), "a filter without a term");
        let terms = terms.iter().map(|term| {
            let parsed = Term::parse(term);
            parsed.with_context(|| format!("the term `{term}` of `{text}`"))
        });
        Ok(Self(terms.collect::<Result<_, _>>()?))
    }

    /// Whether every term holds.
    pub fn finds(&self, item: &dyn Searchable) -> bool {
        self.0.iter().all(|term| term.holds(item))
    }
}

/// What stands between blanks, quoted blanks excepted.
fn words(text: &str) -> anyhow::Result<Vec<String>> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        quoted ^= c == '"';
        match words.last_mut() {
            Some(word) if quoted || !c.is_whitespace() => word.push(c),
            _ => words.push(String::new()),
        }
    }
    ensure!(!quoted, "a quote is not closed in `{text}`");
    words.retain(|word| !word.is_empty());
    Ok(words)
}

impl Term {
    fn parse(term: &str) -> anyhow::Result<Self> {
        let (negated, term) = match term.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, term),
        };
        let (key, value) = term.split_once(':').context("no colon")?;
        ensure!(!key.is_empty() && !value.is_empty(), "no key or no value");
        if key == "has" {
            let (key, ty) = typed(value)?;
            let test = Test::Has;
            return Ok(Self {
                negated,
                key,
                ty,
                test,
            });
        }
        let (key, ty) = typed(key)?;
        let comparison = COMPARISONS.into_iter().find(|it| value.starts_with(it));
        let test = match comparison {
            Some(sign) => Test::Compares(sign, number(&key, value.trim_start_matches(sign))?),
            None => Test::Is(value.trim_matches('"').to_owned()),
        };
        Ok(Self {
            negated,
            key,
            ty,
            test,
        })
    }

    fn holds(&self, item: &dyn Searchable) -> bool {
        let value = item.value(&self.key).filter(|value| match self.ty {
            Some(Type::Number) => value.is_number(),
            Some(Type::Text) => value.is_string(),
            None => true,
        });
        let holds = value.is_some_and(|value| self.test.holds(&value));
        holds != self.negated
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Has => true,
            Self::Is(pattern) => match value {
                Value::String(text) => matches(pattern, text),
                Value::Number(it) => pattern.parse().ok() == it.as_f64(),
                other => matches(pattern, &other.to_string()),
            },
            Self::Compares(sign, limit) => value.as_f64().is_some_and(|value| match *sign {
                ">=" => value >= *limit,
                "<=" => value <= *limit,
                ">" => value > *limit,
                _ => value < *limit,
            }),
        }
    }
}

/// The name in `tags[name,type]`, with its type; any other key as it is.
fn typed(key: &str) -> anyhow::Result<(String, Option<Type>)> {
    let inner = key
        .strip_prefix("tags[")
        .and_then(|key| key.strip_suffix(']'));
    let Some(inner) = inner else {
        return Ok((key.to_owned(), None));
    };
    let (name, ty) = inner.rsplit_once(',').unwrap_or((inner, "string"));
    let ty = match ty.trim() {
        "number" => Type::Number,
        "string" => Type::Text,
        other => bail!("the type `{other}`"),
    };
    Ok((name.to_owned(), Some(ty)))
}

/// A number; a duration in milliseconds.
fn number(key: &str, text: &str) -> anyhow::Result<f64> {
    let units = [("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)];
    let mut units = units.into_iter().filter(|_| DURATIONS.contains(&key));
    let unit = units.find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (digits, factor) = unit.unwrap_or((text, 1.0));
    let number: f64 = digits
        .parse()
        .with_context(|| format!("`{text}` is no number"))?;
    Ok(number * factor)
}

/// Whether a text is the pattern's, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let mut tails = ends.filter_map(|at| text.get(at..));
    tails.any(|tail| matches(rest, tail))
}

/// A span, as Sentry stores those of a transaction: the transaction's own is one of them.
///
/// `op` and `description` are the fields of that name, as in the search of a trace;
/// `span.op` and `span.description` the same in the explorer. `transaction`, `is_transaction`,
/// `span.status` and `span.duration` are what they say. Every other key is an attribute.
#[derive(Clone, Copy, Debug)]
pub struct Spans<'a> {
    /// The transaction that brought it.
    pub transaction: &'a Transaction,
    /// The span.
    pub span: &'a SentrySpan,
}

impl<'a> Spans<'a> {
    /// All spans that have arrived.
    #[must_use]
    pub fn of(received: &'a Received) -> Vec<Self> {
        let transactions = received.transactions().into_iter();
        let spans = transactions.flat_map(|transaction| {
            let spans = transaction.all_spans();
            spans.map(move |span| Self { transaction, span })
        });
        spans.collect()
    }
}

impl Searchable for Spans<'_> {
    fn value(&self, key: &str) -> Option<Value> {
        let Self { transaction, span } = self;
        match key {
            "op" | "span.op" => span.op.clone().map(Value::from),
            "description" | "span.description" => span.description.clone().map(Value::from),
            "span.status" => span.status.clone().map(Value::from),
            "span.duration" => Some((span.duration().as_secs_f64() * 1_000.0).into()),
            "transaction" => Some(transaction.name.clone().into()),
            "is_transaction" => Some(span.is_root.into()),
            key => {
                let tag = || span.tags.get(key).cloned().map(Value::from);
                span.data(key).cloned().or_else(tag)
            }
        }
    }
}

/// An error event. Keys are its tags, and `level`, `message`, `transaction`, `release`,
/// `environment`, `error.type` and `error.value`.
#[derive(Clone, Copy, Debug)]
pub struct Errors<'a>(pub &'a Event);

impl Searchable for Errors<'_> {
    fn value(&self, key: &str) -> Option<Value> {
        let Self(event) = self;
        // Sentry shows the outermost error, which is the last of the list.
        let exception = || event.exceptions.last();
        let text = match key {
            "level" => Some(event.level.clone().unwrap_or_else(|| "error".to_owned())),
            "message" => event.text().map(str::to_owned),
            "transaction" => event.transaction.clone(),
            "release" => event.release.clone(),
            "environment" => event.environment.clone(),
            "error.type" => exception().and_then(|it| it.ty.clone()),
            "error.value" => exception().and_then(|it| it.value.clone()),
            tag => event.tags.get(tag).cloned(),
        };
        text.map(Value::from)
    }
}

/// A log. Keys are its attributes, and `message` and `severity`.
#[derive(Clone, Copy, Debug)]
pub struct Logs<'a>(pub &'a Log);

impl Searchable for Logs<'_> {
    fn value(&self, key: &str) -> Option<Value> {
        let Self(log) = self;
        match key {
            "message" => Some(log.body.clone().into()),
            "severity" => Some(log.level.clone().into()),
            key => log.attribute(key).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Item(Value);

    impl Searchable for Item {
        fn value(&self, key: &str) -> Option<Value> {
            self.0.get(key).cloned()
        }
    }

    #[test]
    fn terms() {
        let item = Item(json!({
            "op": "mcp.tool", "name": "a b", "count": 3, "text": "3", "is": true,
            "span.duration": 2_500.0, "path": "splunk/search.oneshot",
        }));
        for (filter, finds) in [
            ("op:mcp.tool", true),
            ("op:mcp", false),
            ("op:MCP.TOOL", false),
            ("op:mcp.*", true),
            ("op:*tool", true),
            ("op:*.to*l", true),
            ("op:*.to*x", false),
            ("path:splunk/*", true),
            ("path:/splunk*", false),
            ("name:\"a b\"", true),
            ("name:\"a c\"", false),
            ("!op:mcp.tool", false),
            ("!op:mcp.server", true),
            ("!absent:x", true),
            ("absent:x", false),
            ("has:op", true),
            ("!has:op", false),
            ("!has:absent", true),
            ("count:3", true),
            ("count:4", false),
            ("count:>2", true),
            ("count:>3", false),
            ("count:>=3", true),
            ("count:<3", false),
            ("count:<=3", true),
            // What is text does not compare.
            ("text:>2", false),
            ("text:3", true),
            ("is:true", true),
            ("tags[count,number]:>2", true),
            ("tags[text,number]:>2", false),
            ("tags[text,string]:3", true),
            ("tags[count]:3", false),
            ("has:tags[count,number]", true),
            ("span.duration:>2s", true),
            ("span.duration:>2500ms", false),
            ("span.duration:<1m", true),
            ("op:mcp.tool count:>2", true),
            ("op:mcp.tool count:>3", false),
            ("  op:mcp.tool   has:name ", true),
        ] {
            let parsed = Filter::parse(filter).unwrap();
            assert_eq!(parsed.finds(&item), finds, "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter() {
        for text in [
            "",
            "  ",
            "word",
            "op:",
            ":x",
            "count:>many",
            "count:>5s",
            "name:\"a b",
            "tags[count,date]:>1",
        ] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }
}
