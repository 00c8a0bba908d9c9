//! The OTel resource: who sends.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use telemetry_sanitizer::Sanitizer;

use crate::config::Config;

/// The resource of `config`, clean: what `OTEL_RESOURCE_ATTRIBUTES` says wins over what is
/// derived from other settings.
pub(super) fn resource(config: &Config, sanitizer: &Sanitizer) -> Resource {
    let derived = [
        ("service.version", &config.resource.service_version),
        ("deployment.environment.name", &config.sentry.environment),
    ];
    let given = config.resource.attributes.iter();
    let given = given.map(|(key, value)| (sanitizer.text(key), sanitizer.value(key, value)));
    let name = sanitizer.text(&config.resource.service_name).into_owned();
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(derived.map(|(key, value)| {
            let value = sanitizer.value(key, value).into_owned();
            KeyValue::new(key, value)
        }))
        .with_attributes(
            given.map(|(key, value)| KeyValue::new(key.into_owned(), value.into_owned())),
        )
        .with_service_name(name)
        .build()
}

#[cfg(test)]
mod tests {
    use opentelemetry::Key;

    use super::*;
    use crate::config::AppInfo;

    #[test]
    fn given_attributes_win_over_derived_ones() {
        let config = Config::from_lookup(AppInfo::new("app", "1.2"), |key| match key {
            "OTEL_RESOURCE_ATTRIBUTES" => Some("host.name=h,deployment.environment.name=eu".into()),
            "SENTRY_ENVIRONMENT" => Some("production".into()),
            _ => None,
        });
        let resource = resource(&config.unwrap(), &Sanitizer::default());
        let value = |key: &'static str| resource.get(&Key::new(key)).map(|v| v.to_string());
        assert_eq!(value("service.name").as_deref(), Some("app"));
        assert_eq!(value("service.version").as_deref(), Some("1.2"));
        assert_eq!(value("host.name").as_deref(), Some("h"));
        assert_eq!(value("deployment.environment.name").as_deref(), Some("eu"));
        assert_eq!(value("telemetry.sdk.language").as_deref(), Some("rust"));
    }
}
