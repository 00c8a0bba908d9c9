//! Who may call: the accepted credentials, session keys, and the check of the `Authorization` header.

use std::collections::VecDeque;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::data::mix;

/// How many session keys are valid at once; a further log-in ends the oldest session.
const LIVE_SESSIONS: usize = 1_000;

/// What the simulator accepts: one authentication token, and one user with a password.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) token: String,
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            token: crate::DEFAULT_TOKEN.to_owned(),
            username: crate::DEFAULT_USERNAME.to_owned(),
            password: crate::DEFAULT_PASSWORD.to_owned(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    pub(crate) fn accepts_login(&self, username: &str, password: &str) -> bool {
        self.username == username && self.password == password
    }

    /// Whether the value of an `Authorization` header is good: `Bearer <token>`, `Splunk <session key>` or `Basic`.
    ///
    /// Splunk also takes a session key after `Bearer`, and a token after `Splunk`; so does this.
    pub(crate) fn accepts(&self, authorization: Option<&str>, sessions: &Sessions) -> bool {
        let Some((scheme, value)) = authorization.and_then(|header| header.trim().split_once(' '))
        else {
            return false;
        };
        let value = value.trim();
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" | "splunk" => value == self.token || sessions.knows(value),
            "basic" => decode_basic(value)
                .is_some_and(|(username, password)| self.accepts_login(&username, &password)),
            _ => false,
        }
    }
}

/// The session keys given out by `auth/login`.
#[derive(Default)]
pub(crate) struct Sessions {
    keys: VecDeque<String>,
    issued: u64,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("live", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Sessions {
    /// Gives out a new session key. Keys are deterministic: the simulator guards nothing.
    pub(crate) fn open(&mut self) -> String {
        self.issued += 1;
        let key = format!("{:016x}{:016x}", mix(self.issued), mix(!self.issued));
        if self.keys.len() >= LIVE_SESSIONS {
            self.keys.pop_front();
        }
        self.keys.push_back(key.clone());
        key
    }

    /// Ends every session, as a restart of Splunk does.
    pub(crate) fn expire_all(&mut self) {
        self.keys.clear();
    }

    fn knows(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known == key)
    }
}

fn decode_basic(value: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(header: &str) -> bool {
        Credentials::default().accepts(Some(header), &Sessions::default())
    }

    #[test]
    fn takes_the_three_schemes_and_nothing_else() {
        assert!(accepts(&format!("Bearer {}", crate::DEFAULT_TOKEN)));
        assert!(accepts(&format!("bearer {}", crate::DEFAULT_TOKEN)));
        let basic = STANDARD.encode(format!(
            "{}:{}",
            crate::DEFAULT_USERNAME,
            crate::DEFAULT_PASSWORD
        ));
        assert!(accepts(&format!("Basic {basic}")));

        assert!(!accepts("Bearer wrong"));
        assert!(!accepts("Basic !!!"));
        assert!(!accepts(&format!(
            "Basic {}",
            STANDARD.encode("no colon here")
        )));
        assert!(!accepts(&format!("Digest {}", crate::DEFAULT_TOKEN)));
        assert!(!accepts(crate::DEFAULT_TOKEN));
        assert!(!Credentials::default().accepts(None, &Sessions::default()));
    }

    #[test]
    fn a_session_lives_until_it_is_ended() {
        let mut sessions = Sessions::default();
        let key = sessions.open();
        let header = format!("Splunk {key}");
        let credentials = Credentials::default();
        assert!(credentials.accepts(Some(&header), &sessions));
        sessions.expire_all();
        assert!(!credentials.accepts(Some(&header), &sessions));
        assert_ne!(sessions.open(), key);
    }

    #[test]
    fn sessions_are_bounded_and_secrets_stay_out_of_debug() {
        let mut sessions = Sessions::default();
        let first = sessions.open();
        for _ in 0..LIVE_SESSIONS {
            sessions.open();
        }
        assert_eq!(sessions.keys.len(), LIVE_SESSIONS);
        assert!(!sessions.knows(&first));
        assert!(!format!("{sessions:?}").contains(&sessions.keys[0]));
        assert!(!format!("{:?}", Credentials::default()).contains(crate::DEFAULT_PASSWORD));
    }
}
