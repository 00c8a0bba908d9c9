//! What a request executes, and when its name may be shown.

use super::instance::Own;
use super::known::OTHER;
use super::operation::Target;
use super::outcome::Outcome;
use crate::call::CallKind;

/// The tool, resource or prompt that a request is for.
pub(crate) struct Named {
    pub(super) kind: CallKind,
    name: String,
    /// It is known to exist: the name stands in span names and on metrics.
    known: bool,
}

impl Named {
    /// The target of a request to this service.
    pub(super) fn new(target: &Target<'_>, own: &Own) -> Self {
        let names = own.names(target.kind);
        Self {
            kind: target.kind,
            name: target.name.clone().into_owned(),
            known: names.is_some_and(|names| names.contains(&target.name)),
        }
    }

    /// As the client named it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What stands for it where there may be few values.
    pub(super) fn shown(&self) -> &str {
        if self.known { &self.name } else { OTHER }
    }

    /// What stands for it in span names; nothing for a resource, whose URI is user data.
    fn label(&self) -> Option<&str> {
        match self.kind {
            CallKind::Tool | CallKind::Prompt => Some(self.shown()),
            CallKind::Resource | CallKind::Splunk => None,
        }
    }

    /// Takes the name for known, once something under it has answered. True where it was not
    /// known before.
    pub(super) fn learn(&mut self, own: &Own, outcome: &Outcome) -> bool {
        if self.known {
            return false;
        }
        let names = own.names(self.kind);
        self.known = outcome.proves_target() && names.is_some_and(|names| names.insert(&self.name));
        self.known
    }
}

/// The name of a request's span.
pub(super) fn request_name(method: &str, target: Option<&Named>) -> String {
    match target.and_then(Named::label) {
        Some(label) => format!("{method} {label}"),
        None => method.to_owned(),
    }
}
