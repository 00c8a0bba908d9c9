//! Fields of events in the form that Sentry keeps.
//!
//! Relay takes a field away from an event where it has a character that is not allowed there, and cuts it where it
//! is too long. Less is lost where the field is mended before it is sent.

use sentry::protocol::Event;

use crate::convert::{cut_bytes, cut_chars};

// In characters, as Relay counts them.
const MAX_TAG: usize = 200;
const MAX_LOGGER: usize = 64;
const MAX_TRANSACTION: usize = 200;
const MAX_ID: usize = 128;
const MAX_EMAIL: usize = 75;
const MAX_DIST: usize = 64;
// In bytes.
const MAX_ENVIRONMENT: usize = 64;
const MAX_RELEASE: usize = 200;

/// Mends the fields that Sentry would refuse or cut.
pub(crate) fn mend(event: &mut Event<'static>) {
    event.tags = std::mem::take(&mut event.tags)
        .into_iter()
        .filter_map(|(key, value)| Some((tag_key(&key)?, line(&value, MAX_TAG))))
        .collect();
    for (field, limit) in [
        (&mut event.logger, MAX_LOGGER),
        (&mut event.transaction, MAX_TRANSACTION),
    ] {
        change(field, |text| line(text, limit));
    }
    if let Some(user) = &mut event.user {
        for (field, limit) in [
            (&mut user.id, MAX_ID),
            (&mut user.username, MAX_ID),
            (&mut user.email, MAX_EMAIL),
        ] {
            change(field, |text| line(text, limit));
        }
    }
    if let Some(request) = &mut event.request {
        request.method.take_if(|method| !is_method(method));
    }
    for (field, limit) in [
        (&mut event.environment, MAX_ENVIRONMENT),
        (&mut event.release, MAX_RELEASE),
    ] {
        change(field, |text| name(text, limit).into());
    }
    change(&mut event.dist, |text| dist(text).into());
}

fn change<T: AsRef<str>>(field: &mut Option<T>, mend: impl FnOnce(&str) -> T) {
    if let Some(old) = field {
        *field = Some(mend((*old).as_ref())).filter(|new| !new.as_ref().is_empty());
    }
}

/// One line of at most so many characters.
fn line(text: &str, limit: usize) -> String {
    let text = text.replace(char::is_control, " ");
    cut_chars(text.trim(), limit).trim_end().to_owned()
}

/// `None`: nothing is left.
fn tag_key(key: &str) -> Option<String> {
    let kept = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    let key = cut_chars(key.trim(), MAX_TAG).replace(|c| !kept(c), "-");
    (!key.is_empty()).then_some(key)
}

fn is_method(method: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-' || byte == b'_';
    (3..=32).contains(&method.len()) && method.bytes().all(allowed)
}

/// A name of at most so many bytes which may stand in a path of Sentry's API.
fn name(text: &str, limit: usize) -> String {
    let name = text.replace(|c: char| c == '/' || c == '\\' || c.is_control(), "-");
    cut_bytes(name.trim(), limit).trim_end().to_owned()
}

fn dist(text: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    cut_chars(text.trim(), MAX_DIST).replace(|c| !kept(c), "-")
}

#[cfg(test)]
mod tests {
    use sentry::protocol::{Request, User};

    use super::*;

    fn mended(event: Event<'static>) -> Event<'static> {
        let mut event = event;
        mend(&mut event);
        event
    }

    #[test]
    fn what_sentry_keeps_stays() {
        let event = Event {
            tags: [("mcp.tool.name".to_owned(), "é".repeat(200))].into(),
            logger: Some("app::search".to_owned()),
            transaction: Some("tools/call x".to_owned()),
            environment: Some("prod env".into()),
            release: Some("app@1.0.0+build".into()),
            dist: Some("x86-1".into()),
            user: Some(User {
                id: Some("7".to_owned()),
                email: Some("ada@example.com".to_owned()),
                ..User::default()
            }),
            request: Some(Request {
                method: Some("POST".to_owned()),
                ..Request::default()
            }),
            ..Event::default()
        };
        assert_eq!(mended(event.clone()), event);
    }

    #[test]
    fn tags_are_one_line_under_a_plain_key() {
        let tags = |key: &str, value: &str| {
            let tags = [(key.to_owned(), value.to_owned())].into();
            let event = mended(Event {
                tags,
                ..Event::default()
            });
            event.tags.into_iter().next()
        };
        let pair = |key: &str, value: &str| Some((key.to_owned(), value.to_owned()));
        assert_eq!(tags("a", " one\r\ntwo\n"), pair("a", "one  two"));
        assert_eq!(tags("a b/ü=\n", "1"), pair("a-b---", "1"));
        assert_eq!(tags(" \n", "1"), None);
        let (key, value) = tags(&"k".repeat(300), &"é".repeat(300)).unwrap();
        assert_eq!((key.len(), value.chars().count()), (200, 200));
    }

    #[test]
    fn other_fields_lose_what_is_refused_and_no_more() {
        let event = mended(Event {
            logger: Some(format!("{}\n", "l".repeat(70))),
            transaction: Some("a\nb ".to_owned()),
            environment: Some(format!("eu/west{}", "é".repeat(50)).into()),
            release: Some("app@1.0.0/x\t".into()),
            dist: Some("build 7".into()),
            user: Some(User {
                email: Some("e".repeat(80)),
                username: Some("\n".to_owned()),
                ..User::default()
            }),
            request: Some(Request {
                method: Some("NO METHOD".to_owned()),
                ..Request::default()
            }),
            ..Event::default()
        });
        assert_eq!(event.logger, Some("l".repeat(64)));
        assert_eq!(event.transaction.as_deref(), Some("a b"));
        let environment = event.environment.unwrap();
        assert!(environment.starts_with("eu-west") && environment.len() == 63);
        assert_eq!(event.release.as_deref(), Some("app@1.0.0-x-"));
        assert_eq!(event.dist.as_deref(), Some("build-7"));
        let user = event.user.unwrap();
        assert_eq!((user.email.unwrap().len(), user.username), (75, None));
        assert_eq!(event.request.unwrap().method, None);
    }
}
