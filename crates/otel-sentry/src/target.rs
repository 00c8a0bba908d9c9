//! What every transaction says about the process that sends it.

use sentry::ClientOptions;

use crate::dsc::DscDefaults;

/// The name under which this crate sends.
pub(crate) const SDK_NAME: &str = "sentry.rust.otel";
/// The version under which this crate sends.
pub(crate) const SDK_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The Sentry project that transactions go to, and what they say of their origin.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) release: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) server_name: Option<String>,
    pub(crate) dsc: DscDefaults,
}

impl Target {
    /// Reads it from a client's options; `None` where these have no DSN.
    pub(crate) fn of(options: &ClientOptions) -> Option<Self> {
        let dsn = options.dsn.as_ref()?;
        let mut dsc = DscDefaults::new(dsn.public_key());
        if let Some(org) = organization(dsn.host()) {
            dsc = dsc.with_org_id(org);
        }
        if let Some(release) = &options.release {
            dsc = dsc.with_release(release.clone());
        }
        if let Some(environment) = &options.environment {
            dsc = dsc.with_environment(environment.clone());
        }
        let owned = |text: &Option<std::borrow::Cow<'static, str>>| {
            text.as_ref().map(|text| text.clone().into_owned())
        };
        Some(Self {
            release: owned(&options.release),
            environment: owned(&options.environment),
            server_name: owned(&options.server_name),
            dsc,
        })
    }
}

/// The organisation in a host such as `o1234.ingest.sentry.io`.
fn organization(host: &str) -> Option<&str> {
    let (first, _) = host.split_once('.')?;
    let id = first.strip_prefix('o')?;
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organizations() {
        for (host, org) in [
            ("o1234.ingest.sentry.io", Some("1234")),
            ("o1.ingest.us.sentry.io", Some("1")),
            ("ingest.sentry.io", None),
            ("o.sentry.io", None),
            ("office.example.com", None),
            ("127.0.0.1", None),
            ("o12", None),
        ] {
            assert_eq!(organization(host), org, "{host}");
        }
    }
}
