//! `key=value,key=value`: the form of resource attributes and of headers.
//!
//! Both follow the W3C Baggage format without properties (OpenTelemetry specification: resource SDK, "Specifying resource
//! information via an environment variable", and OTLP exporter, "Specifying headers via environment variables"): keys
//! and values are percent-encoded, white space around them does not count.

use std::fmt;

/// What is wrong with one pair, by its place. Says nothing of its content, which may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PairProblem {
    /// 1 for the first pair.
    position: usize,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    NoEqualsSign,
    EmptyKey,
    PercentCode,
    Utf8,
    HeaderName,
    HeaderValue,
}

impl PairProblem {
    pub(super) fn new(position: usize, fault: Fault) -> Self {
        Self { position, fault }
    }
}

impl fmt::Display for PairProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::NoEqualsSign => "has no `=`",
            Fault::EmptyKey => "has nothing before `=`",
            Fault::PercentCode => "has a `%` without two hexadecimal digits after it",
            Fault::Utf8 => "is not UTF-8 once decoded",
            Fault::HeaderName => "has a name that is no HTTP header name",
            Fault::HeaderValue => "has a value that HTTP headers cannot hold",
        };
        write!(f, "pair {} {fault}", self.position)
    }
}

/// The pairs in their order, each with its place (1 for the first), decoded or with what is wrong. Empty places, as a comma at
/// the end leaves, are passed over.
pub(super) fn parse(
    text: &str,
) -> impl Iterator<Item = (usize, Result<(String, String), PairProblem>)> {
    text.split(',')
        .zip(1..)
        .filter(|(pair, _)| !pair.trim().is_empty())
        .map(|(pair, position)| {
            let decoded = decode_pair(pair).map_err(|fault| PairProblem::new(position, fault));
            (position, decoded)
        })
}

fn decode_pair(pair: &str) -> Result<(String, String), Fault> {
    let (key, value) = pair.split_once('=').ok_or(Fault::NoEqualsSign)?;
    let key = percent_decode(key.trim())?;
    if key.is_empty() {
        return Err(Fault::EmptyKey);
    }
    Ok((key, percent_decode(value.trim())?))
}

/// Strict percent-decoding: unlike a URL parser's, it refuses what it cannot decode, as the specification asks.
fn percent_decode(text: &str) -> Result<String, Fault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = hex_digit(rest.next())?;
            let low = hex_digit(rest.next())?;
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| Fault::Utf8)
}

fn hex_digit(byte: Option<u8>) -> Result<u8, Fault> {
    let digit = byte.and_then(|byte| char::from(byte).to_digit(16));
    digit
        .and_then(|digit| u8::try_from(digit).ok())
        .ok_or(Fault::PercentCode)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<Result<(String, String), PairProblem>> {
        parse(text).map(|(_, pair)| pair).collect()
    }

    fn good(key: &str, value: &str) -> Result<(String, String), PairProblem> {
        Ok((key.to_owned(), value.to_owned()))
    }

    fn bad(position: usize, fault: Fault) -> Result<(String, String), PairProblem> {
        Err(PairProblem::new(position, fault))
    }

    #[test]
    fn pairs_are_split_trimmed_and_decoded() {
        assert_eq!(
            parsed(" a = 1 ,b=x%20y%2Cz,, c=d=e , k%3D=%E2%82%AC,empty=,"),
            [
                good("a", "1"),
                good("b", "x y,z"),
                good("c", "d=e"),
                good("k=", "€"),
                good("empty", ""),
            ]
        );
        assert_eq!(parsed(""), []);
        assert_eq!(parsed(" , ,"), []);
    }

    #[test]
    fn faults_are_named_by_place() {
        assert_eq!(
            parsed("a,=1,b=%,c=%4,d=%zz,e=%FF,f=%é,g=1"),
            [
                bad(1, Fault::NoEqualsSign),
                bad(2, Fault::EmptyKey),
                bad(3, Fault::PercentCode),
                bad(4, Fault::PercentCode),
                bad(5, Fault::PercentCode),
                bad(6, Fault::Utf8),
                bad(7, Fault::PercentCode),
                good("g", "1"),
            ]
        );
    }
}
