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
        let mut dsc = DscDefaults::new(dsn.public_key()).with_host(dsn.host());
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
