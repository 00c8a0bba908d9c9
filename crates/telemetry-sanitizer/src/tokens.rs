//! Tokens known by their shape: a fixed prefix and a run of certain characters.

use std::ops::Range;

use crate::anchor::Next;
use crate::bytes::{at, before, has, skip};

/// The characters a token goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// `A-Z0-9`
    Upper,
    /// `A-Za-z0-9`
    Alnum,
    /// `0-9a-f`
    Hex,
    /// `A-Za-z0-9_-`
    Base64Url,
    /// `A-Za-z0-9_-` and `.=`
    Dotted,
    /// `A-Za-z0-9_-` and `.=+/`
    Wide,
}

impl Run {
    fn has(self, c: u8) -> bool {
        match self {
            Self::Upper => c.is_ascii_uppercase() || c.is_ascii_digit(),
            Self::Alnum => c.is_ascii_alphanumeric(),
            Self::Hex => c.is_ascii_digit() || (b'a'..=b'f').contains(&c),
            Self::Base64Url => c.is_ascii_alphanumeric() || c == b'_' || c == b'-',
            Self::Dotted => c.is_ascii_alphanumeric() || b"_-.=".contains(&c),
            Self::Wide => c.is_ascii_alphanumeric() || b"_-.=+/".contains(&c),
        }
    }
}

/// One kind of token.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) prefix: &'static str,
    run: Run,
    /// Fewest characters behind the prefix. What is shorter is no token.
    min: usize,
    /// The prefix is short or an ordinary word: a letter or digit before it makes it something else, and one of the first
    /// `min` characters must be a digit.
    strict: bool,
}

impl Shape {
    /// What may follow a prefix that is too short to be an anchor.
    pub(crate) fn next(&self) -> Next {
        match self.run {
            Run::Hex => Next::Hex,
            Run::Dotted | Run::Wide => Next::Any,
            _ => Next::Name,
        }
    }

    /// The token whose prefix starts at `start`.
    pub(crate) fn find(&self, b: &[u8], start: usize) -> Option<Range<usize>> {
        if !has(b, start, self.prefix.as_bytes()) {
            return None;
        }
        let body = start + self.prefix.len();
        let mut digit = false;
        for i in body..body + self.min {
            let c = at(b, i);
            if !self.run.has(c) {
                return None;
            }
            digit |= c.is_ascii_digit();
        }
        if self.strict && (before(b, start).is_ascii_alphanumeric() || !digit) {
            return None;
        }
        // An address is no secret.
        let start = if self.prefix.ends_with('/') {
            body
        } else {
            start
        };
        // Whatever the format says of lengths: nothing of a longer run is left behind.
        Some(
            start..skip(b, body + self.min, |c| {
                self.run.has(c) || c.is_ascii_alphanumeric()
            }),
        )
    }
}

const fn shape(prefix: &'static str, run: Run, min: usize) -> Shape {
    Shape {
        prefix,
        run,
        min,
        strict: false,
    }
}

const fn strict(prefix: &'static str, run: Run, min: usize) -> Shape {
    Shape {
        prefix,
        run,
        min,
        strict: true,
    }
}

/// All known kinds. Sources: GitHub's list of secret scanning patterns and the vendors' own pages.
pub(crate) const SHAPES: &[Shape] = &[
    // JSON web tokens: `{"` in base64. Splunk's authentication tokens are such.
    Shape {
        prefix: "eyJ",
        run: Run::Dotted,
        min: 14,
        strict: false,
    },
    // Clouds.
    strict("AKIA", Run::Upper, 16),
    strict("ASIA", Run::Upper, 16),
    strict("ABSK", Run::Wide, 60),
    shape("amzn.mws.", Run::Base64Url, 30),
    shape("AIza", Run::Base64Url, 30),
    shape("ya29.", Run::Base64Url, 20),
    shape("GOCSPX-", Run::Base64Url, 20),
    strict("AKID", Run::Alnum, 24),
    shape("dop_v1_", Run::Hex, 32),
    shape("doo_v1_", Run::Hex, 32),
    shape("dor_v1_", Run::Hex, 32),
    shape("HRKU-", Run::Base64Url, 20),
    shape("fo1_", Run::Base64Url, 30),
    shape("fm1r_", Run::Wide, 30),
    shape("fm2_", Run::Wide, 30),
    // Code and packages.
    shape("ghp_", Run::Alnum, 20),
    shape("gho_", Run::Alnum, 20),
    shape("ghu_", Run::Alnum, 20),
    shape("ghs_", Run::Alnum, 20),
    shape("ghr_", Run::Alnum, 20),
    shape("github_pat_", Run::Base64Url, 20),
    shape("glpat-", Run::Dotted, 16),
    shape("gldt-", Run::Base64Url, 16),
    shape("glrt-", Run::Dotted, 16),
    shape("glft-", Run::Base64Url, 16),
    shape("glptt-", Run::Base64Url, 16),
    shape("gloas-", Run::Base64Url, 16),
    shape("glcbt-", Run::Base64Url, 16),
    shape("glimt-", Run::Base64Url, 16),
    shape("glsoat-", Run::Base64Url, 16),
    shape("glagent-", Run::Base64Url, 16),
    shape("glffct-", Run::Base64Url, 16),
    shape("ATATT3", Run::Wide, 30),
    shape("npm_", Run::Alnum, 30),
    shape("pypi-", Run::Base64Url, 30),
    shape("rubygems_", Run::Hex, 32),
    shape("dckr_pat_", Run::Base64Url, 20),
    strict("AKCp", Run::Alnum, 30),
    shape("sgp_", Run::Alnum, 32),
    // Models.
    shape("sk-ant-", Run::Base64Url, 16),
    shape("sk-proj-", Run::Base64Url, 16),
    strict("sk-", Run::Base64Url, 20),
    shape("hf_", Run::Alnum, 30),
    strict("r8_", Run::Alnum, 30),
    shape("gsk_", Run::Alnum, 30),
    strict("xai-", Run::Alnum, 30),
    shape("pplx-", Run::Alnum, 30),
    shape("nvapi-", Run::Base64Url, 30),
    shape("lsv2_", Run::Base64Url, 30),
    shape("tvly-", Run::Base64Url, 20),
    // Chat and mail.
    shape("xoxa-", Run::Base64Url, 10),
    shape("xoxb-", Run::Base64Url, 10),
    shape("xoxc-", Run::Base64Url, 10),
    shape("xoxd-", Run::Wide, 10),
    shape("xoxe-", Run::Base64Url, 10),
    shape("xoxe.xox", Run::Base64Url, 10),
    shape("xoxo-", Run::Base64Url, 10),
    shape("xoxp-", Run::Base64Url, 10),
    shape("xoxr-", Run::Base64Url, 10),
    shape("xoxs-", Run::Base64Url, 10),
    shape("xapp-", Run::Base64Url, 10),
    shape("slack.com/services/", Run::Wide, 16),
    shape("SG.", Run::Dotted, 40),
    strict("SK", Run::Hex, 32),
    strict("key-", Run::Hex, 32),
    // Payment and shops.
    shape("sk_live_", Run::Alnum, 10),
    shape("sk_test_", Run::Alnum, 10),
    shape("rk_live_", Run::Alnum, 10),
    shape("rk_test_", Run::Alnum, 10),
    shape("whsec_", Run::Wide, 10),
    shape("sq0atp-", Run::Base64Url, 16),
    shape("sq0csp-", Run::Base64Url, 16),
    shape("shpat_", Run::Alnum, 20),
    shape("shpca_", Run::Alnum, 20),
    shape("shppa_", Run::Alnum, 20),
    shape("shpss_", Run::Alnum, 20),
    // Operations and data.
    shape("sntrys_", Run::Wide, 20),
    shape("sntryu_", Run::Alnum, 20),
    shape("glc_", Run::Wide, 20),
    shape("glsa_", Run::Base64Url, 20),
    shape("NRAK-", Run::Alnum, 20),
    shape("NRII-", Run::Base64Url, 20),
    shape("dt0c01.", Run::Dotted, 24),
    shape("hvs.", Run::Base64Url, 20),
    shape("hvb.", Run::Base64Url, 20),
    shape("hvr.", Run::Base64Url, 20),
    shape("atlasv1.", Run::Base64Url, 40),
    shape("dp.pt.", Run::Alnum, 20),
    shape("dp.st.", Run::Dotted, 20),
    shape("dp.ct.", Run::Alnum, 20),
    shape("dp.sa.", Run::Alnum, 20),
    strict("dapi", Run::Hex, 32),
    shape("pscale_tkn_", Run::Wide, 20),
    shape("pscale_pw_", Run::Wide, 20),
    shape("sbp_", Run::Hex, 32),
    shape("AGE-SECRET-KEY-1", Run::Upper, 40),
    shape("PMAK-", Run::Base64Url, 20),
    shape("lin_api_", Run::Alnum, 20),
    shape("ntn_", Run::Alnum, 20),
    strict("secret_", Run::Alnum, 40),
    shape("figd_", Run::Base64Url, 20),
    shape("CFPAT-", Run::Base64Url, 30),
    strict("pul-", Run::Hex, 32),
    shape("rdme_", Run::Alnum, 40),
];
