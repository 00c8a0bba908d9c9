//! The resource: what the telemetry is about.

use std::collections::BTreeMap;

use super::AppInfo;
use super::pairs;
use super::reader::Reader;
use super::variables::names;

/// The resource of all telemetry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceConfig {
    /// `service.name`: from `OTEL_SERVICE_NAME`, or else `OTEL_RESOURCE_ATTRIBUTES`, or else the app's name.
    pub service_name: String,
    /// `service.version`: from `OTEL_RESOURCE_ATTRIBUTES`, or else the app's version.
    pub service_version: String,
    /// The other attributes of `OTEL_RESOURCE_ATTRIBUTES`, without `service.name` and `service.version`.
    pub attributes: BTreeMap<String, String>,
}

impl ResourceConfig {
    pub(super) fn read(reader: &mut Reader<'_>, app: &AppInfo) -> Self {
        let named = reader.text(&names::OTEL_SERVICE_NAME);
        let mut attributes = read_attributes(reader);
        let mut take = |key: &str| attributes.remove(key).filter(|value| !value.is_empty());
        let in_attributes = take("service.name");
        Self {
            service_name: named.or(in_attributes).unwrap_or_else(|| app.name.clone()),
            service_version: take("service.version").unwrap_or_else(|| app.version.clone()),
            attributes,
        }
    }
}

/// One malformed pair discards all of them (resource SDK specification: "the entire environment variable value SHOULD be
/// discarded"), but each is reported. Of two pairs with one key the later holds.
fn read_attributes(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let variable = &names::OTEL_RESOURCE_ATTRIBUTES;
    let Some(text) = reader.text(variable) else {
        return BTreeMap::new();
    };
    let mut attributes = BTreeMap::new();
    let mut well_formed = true;
    for (_, pair) in pairs::parse(&text) {
        match pair {
            Ok((key, value)) => {
                attributes.insert(key, value);
            }
            Err(problem) => {
                well_formed = false;
                reader.report(
                    variable,
                    problem.to_string(),
                    "none of its attributes is used",
                );
            }
        }
    }
    if well_formed {
        attributes
    } else {
        BTreeMap::new()
    }
}
