//! The arguments of a request: query string and form body, read alike, as Splunk does.

use axum::http::StatusCode;

use crate::reply::{Failure, OutputMode};

/// The arguments of one request, in the order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Args(Vec<(String, String)>);

impl Args {
    /// Reads the query string and a form body. Both may be anything; what is no pair is a name with an empty value.
    pub(crate) fn parse(query: Option<&str>, body: &[u8]) -> Self {
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let body = form_urlencoded::parse(body);
        Self(query.into_owned().chain(body.into_owned()).collect())
    }

    /// The first value of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first value of this name that is not empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.trim().is_empty())
    }

    /// The form of the answer: JSON for `output_mode=json`, else XML. Fails on any other name.
    pub(crate) fn output_mode(&self) -> Result<OutputMode, Failure> {
        match self.filled("output_mode") {
            None | Some("xml" | "atom") => Ok(OutputMode::Xml),
            Some("json") => Ok(OutputMode::Json),
            Some(other) => Err(Failure::fatal(
                StatusCode::BAD_REQUEST,
                format!("Invalid output_mode '{other}': the simulator answers json and xml."),
            )),
        }
    }

    /// A whole number, or `default` when it is not given.
    pub(crate) fn number(&self, name: &str, default: i64) -> Result<i64, Failure> {
        let Some(text) = self.filled(name) else {
            return Ok(default);
        };
        text.trim().parse().map_err(|_| {
            Failure::fatal(
                StatusCode::BAD_REQUEST,
                format!("Invalid value \"{text}\" for argument '{name}': expected an integer."),
            )
        })
    }

    /// `count` and `offset` as positions in a list of `total` things: (first, one past the last).
    ///
    /// A `count` of 0 or below means all, as Splunk has it.
    pub(crate) fn page(&self, default_count: i64, total: usize) -> Result<Page, Failure> {
        let count = self.number("count", default_count)?;
        let offset = self.number("offset", 0)?;
        let start = usize::try_from(offset).unwrap_or(0).min(total);
        let end = match usize::try_from(count) {
            Ok(0) | Err(_) => total,
            Ok(count) => start.saturating_add(count).min(total),
        };
        Ok(Page {
            start,
            end,
            count,
            total,
        })
    }
}

/// Which part of a list was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) count: i64,
    pub(crate) total: usize,
}

impl Page {
    /// The page of a list.
    pub(crate) fn of<T>(self, list: &[T]) -> &[T] {
        list.get(self.start..self.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_query_and_body_alike() {
        let args = Args::parse(Some("output_mode=json&a=1"), b"search=search%20*&b=x+y&a=2");
        assert_eq!(args.get("search"), Some("search *"));
        assert_eq!(args.get("b"), Some("x y"));
        assert_eq!(args.get("a"), Some("1"));
        assert!(matches!(args.output_mode(), Ok(OutputMode::Json)));
    }

    #[test]
    fn takes_any_bytes() {
        let args = Args::parse(Some("%&=&%ff"), &[0xff, b'=', 0xfe, b'&']);
        assert!(matches!(args.output_mode(), Ok(OutputMode::Xml)));
    }

    #[test]
    fn pages_within_the_list() {
        let page = |query: &str| {
            Args::parse(Some(query), b"")
                .page(3, 10)
                .map(|page| (page.start, page.end))
                .map_err(|_| ())
        };
        assert_eq!(page(""), Ok((0, 3)));
        assert_eq!(page("count=0&offset=2"), Ok((2, 10)));
        assert_eq!(page("count=-1"), Ok((0, 10)));
        assert_eq!(page("count=4&offset=8"), Ok((8, 10)));
        assert_eq!(page("count=4&offset=99"), Ok((10, 10)));
        assert_eq!(page("count=9223372036854775807&offset=1"), Ok((1, 10)));
        assert_eq!(page("offset=-5"), Ok((0, 3)));
        assert_eq!(page("count=many"), Err(()));
    }
}
