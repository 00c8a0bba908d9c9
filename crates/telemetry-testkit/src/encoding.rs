//! Content encodings: identity, gzip, deflate (zlib), br and zstd, with a bound on what comes out.

use std::io::{self, BufReader, Read};

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};

use crate::problem::ParseError;

/// Decodes a body. `limit` is the most bytes that may come out.
pub(crate) fn decode(encoding: &str, body: Bytes, limit: usize) -> Result<Bytes, ParseError> {
    let too_large = || ParseError::TooLarge {
        limit,
        encoding: encoding.to_owned(),
    };
    let (name, decoded) = match encoding {
        "" | "identity" => {
            return if body.len() > limit {
                Err(too_large())
            } else {
                Ok(body)
            };
        }
        "gzip" => (
            "gzip",
            read(flate2::read::MultiGzDecoder::new(body.as_ref()), limit),
        ),
        "deflate" => ("deflate", zlib(&body, limit)),
        "br" => (
            "br",
            read(brotli::Decompressor::new(body.as_ref(), 4096), limit),
        ),
        "zstd" => (
            "zstd",
            zstd::stream::read::Decoder::with_buffer(BufReader::new(body.as_ref()))
                .and_then(|decoder| read(decoder, limit)),
        ),
        other => {
            return Err(ParseError::UnknownEncoding {
                encoding: other.to_owned(),
            });
        }
    };
    match decoded {
        Ok(Some(decoded)) => Ok(decoded),
        Ok(None) => Err(too_large()),
        Err(error) => Err(ParseError::BadEncoding {
            encoding: name,
            reason: error.to_string(),
        }),
    }
}

/// Reads to the end; `None` when there is more than `limit`.
fn read(decoder: impl Read, limit: usize) -> io::Result<Option<Bytes>> {
    let mut decoded = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(bound).read_to_end(&mut decoded)?;
    Ok((decoded.len() <= limit).then(|| decoded.into()))
}

/// Zlib by hand: flate2's reader takes a stream that is cut off for one that has ended.
fn zlib(body: &[u8], limit: usize) -> io::Result<Option<Bytes>> {
    let mut decoder = Decompress::new(true);
    let mut decoded = Vec::new();
    let mut rest = body;
    loop {
        decoded.reserve(64 * 1024);
        let (read, written) = (decoder.total_in(), decoder.total_out());
        let status = decoder.decompress_vec(rest, &mut decoded, FlushDecompress::None)?;
        let consumed = usize::try_from(decoder.total_in() - read).unwrap_or(usize::MAX);
        rest = rest.get(consumed..).unwrap_or_default();
        if decoded.len() > limit {
            return Ok(None);
        }
        match status {
            Status::StreamEnd if rest.is_empty() => return Ok(Some(decoded.into())),
            Status::StreamEnd => return Err(io::Error::other("bytes after the end")),
            _ if consumed == 0 && decoder.total_out() == written => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &[u8] = b"a body, a body, a body, and one more body";

    fn encoded(encoding: &str) -> Vec<u8> {
        match encoding {
            "gzip" => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                writer.write_all(TEXT).unwrap();
                writer.finish().unwrap()
            }
            "deflate" => {
                let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
                writer.write_all(TEXT).unwrap();
                writer.finish().unwrap()
            }
            "br" => {
                let mut out = Vec::new();
                let mut writer = brotli::CompressorWriter::new(&mut out, 4096, 5, 20);
                writer.write_all(TEXT).unwrap();
                drop(writer);
                out
            }
            "zstd" => zstd::encode_all(TEXT, 1).unwrap(),
            _ => TEXT.to_vec(),
        }
    }

    #[test]
    fn every_encoding_round_trips() {
        for encoding in ["", "identity", "gzip", "deflate", "br", "zstd"] {
            let decoded = decode(encoding, encoded(encoding).into(), 1000).unwrap();
            assert_eq!(decoded, TEXT, "{encoding}");
        }
    }

    #[test]
    fn a_cut_off_body_is_an_error() {
        for encoding in ["gzip", "deflate", "br", "zstd"] {
            let mut body = encoded(encoding);
            body.truncate(body.len() - 3);
            let error = decode(encoding, body.into(), 1000).unwrap_err();
            assert!(
                matches!(error, ParseError::BadEncoding { .. }),
                "{encoding}: {error}"
            );
        }
    }

    #[test]
    fn what_is_not_encoded_is_an_error() {
        for encoding in ["gzip", "deflate", "br", "zstd"] {
            let body = Bytes::from_static(b"\xffthis is plain text, not what the header says");
            let error = decode(encoding, body, 1000).unwrap_err();
            assert!(
                matches!(error, ParseError::BadEncoding { .. }),
                "{encoding}: {error}"
            );
        }
    }

    #[test]
    fn what_comes_out_is_bounded() {
        for encoding in ["identity", "gzip", "deflate", "br", "zstd"] {
            let body = encoded(encoding);
            assert!(decode(encoding, body.clone().into(), TEXT.len()).is_ok());
            let error = decode(encoding, body.into(), TEXT.len() - 1).unwrap_err();
            assert!(
                matches!(error, ParseError::TooLarge { .. }),
                "{encoding}: {error}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_input_panics(
            noise in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
            at in 0_usize..64,
        ) {
            for encoding in ["gzip", "deflate", "br", "zstd"] {
                let _ = decode(encoding, noise.clone().into(), 1000);
                let mut spoilt = encoded(encoding);
                for (byte, noise) in spoilt.iter_mut().skip(at).zip(&noise) {
                    *byte ^= noise;
                }
                if let Ok(decoded) = decode(encoding, spoilt.into(), 1000) {
                    proptest::prop_assert!(decoded.len() <= 1000);
                }
            }
        }
    }

    #[test]
    fn names_are_those_that_relay_takes() {
        for encoding in ["GZIP", "lzma", "gzip, br"] {
            let error = decode(encoding, Bytes::from_static(TEXT), 1000).unwrap_err();
            assert_eq!(error.status(), 415, "{encoding}");
        }
    }
}
