//! What a row of the tables of places says.

use std::future::Future;
use std::pin::Pin;

use crate::plants::Planted;
use crate::world::World;

/// A place that a user can write to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) arrives: Arrives,
    /// Only with `SENTRY_SEND_PII`.
    pub(crate) gated: bool,
    pub(crate) form: Form,
    /// Sentry takes only some characters there, and not many: others are replaced.
    pub(crate) mended: bool,
    pub(crate) plant: Plant,
}

/// Where what is written in a place has to arrive, once it is clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrives {
    Both,
    Sentry,
    Otlp,
    /// Nobody records it: neither the secret nor the word may leave.
    Nowhere,
}

/// What can be written in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Any text.
    Text,
    /// A text without control characters: line ends are written `\n`.
    Line,
    /// Letters, digits and `_.-`, beginning with a letter: kinds with a form of their own.
    Name,
    /// Visible letters and signs, 64 bytes with the word beside them.
    Word,
    /// A text of at most 150 bytes, which may be a name.
    Brief,
    /// A text of at most 200 bytes in a URL.
    InUrl,
    /// A member of `tracestate`.
    Member,
    /// The secret alone, under a name that gives it away; the word stands beside it.
    Named,
}

/// How it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plant {
    /// By code of the app, in a scope of its own.
    Now(fn(&Planted)),
    /// By messages and requests.
    Sent(for<'a> fn(&'a mut World, &'a Planted) -> Sending<'a>),
    /// In a header of an HTTP request, of this name.
    Header(&'static str),
    /// In the environment, as the value of this variable.
    Variable(&'static str),
}

pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

impl Place {
    /// Written by code of the app.
    pub(crate) const fn now(name: &'static str, arrives: Arrives, plant: fn(&Planted)) -> Self {
        Self::new(name, arrives, Plant::Now(plant))
    }

    /// Written by messages and requests.
    pub(crate) const fn sent(
        name: &'static str,
        arrives: Arrives,
        plant: for<'a> fn(&'a mut World, &'a Planted) -> Sending<'a>,
    ) -> Self {
        Self::new(name, arrives, Plant::Sent(plant))
    }

    /// Written into a header of an HTTP request.
    pub(crate) const fn header(name: &'static str, arrives: Arrives, header: &'static str) -> Self {
        Self::new(name, arrives, Plant::Header(header))
    }

    /// Written into a variable of the environment.
    pub(crate) const fn variable(
        name: &'static str,
        arrives: Arrives,
        variable: &'static str,
    ) -> Self {
        Self::new(name, arrives, Plant::Variable(variable))
    }

    const fn new(name: &'static str, arrives: Arrives, plant: Plant) -> Self {
        Self {
            name,
            arrives,
            gated: false,
            form: Form::Text,
            mended: false,
            plant,
        }
    }

    /// Arrives only with `SENTRY_SEND_PII`.
    pub(crate) const fn gated(mut self) -> Self {
        self.gated = true;
        self
    }

    pub(crate) const fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// What is written there need not stay whole.
    pub(crate) const fn mended(mut self) -> Self {
        self.mended = true;
        self
    }

    /// Where it has to arrive with this setting of `SENTRY_SEND_PII`.
    pub(crate) fn arrives(&self, send_pii: bool) -> Arrives {
        match self.gated && !send_pii {
            true => Arrives::Nowhere,
            false => self.arrives,
        }
    }
}

impl Arrives {
    pub(crate) fn at_sentry(self) -> bool {
        matches!(self, Self::Both | Self::Sentry)
    }

    pub(crate) fn by_otlp(self) -> bool {
        matches!(self, Self::Both | Self::Otlp)
    }
}
