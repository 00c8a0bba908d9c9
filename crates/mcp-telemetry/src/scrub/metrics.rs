//! Sanitizing metrics, as the OTLP message that holds them.
//!
//! The SDK hands metrics to exporters to be read only, and no view can change the value of an
//! attribute. So they are cleaned in the message, on the exporter's own thread.

use std::mem;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, HistogramDataPoint, Metric, NumberDataPoint,
};
use telemetry_sanitizer::Sanitizer;

use super::{changed, name_changed};

/// Cleans everything of a message that can hold text: resource, scopes, names, descriptions,
/// units, attributes and exemplars.
///
/// Points of a sum, gauge or histogram whose attributes differed in secrets alone become one.
/// Those of an exponential histogram stay beside each other.
pub(crate) fn sanitize_metrics(sanitizer: &Sanitizer, message: &mut ExportMetricsServiceRequest) {
    for of_resource in &mut message.resource_metrics {
        text(sanitizer, &mut of_resource.schema_url);
        if let Some(resource) = &mut of_resource.resource {
            attributes(sanitizer, &mut resource.attributes);
        }
        for of_scope in &mut of_resource.scope_metrics {
            text(sanitizer, &mut of_scope.schema_url);
            if let Some(scope) = &mut of_scope.scope {
                text(sanitizer, &mut scope.name);
                text(sanitizer, &mut scope.version);
                attributes(sanitizer, &mut scope.attributes);
            }
            for metric in &mut of_scope.metrics {
                self::metric(sanitizer, metric);
            }
        }
    }
}

fn metric(sanitizer: &Sanitizer, metric: &mut Metric) {
    text(sanitizer, &mut metric.name);
    text(sanitizer, &mut metric.description);
    text(sanitizer, &mut metric.unit);
    attributes(sanitizer, &mut metric.metadata);
    match &mut metric.data {
        Some(Data::Gauge(gauge)) => points(sanitizer, &mut gauge.data_points, replace),
        Some(Data::Sum(sum)) => points(sanitizer, &mut sum.data_points, add),
        Some(Data::Histogram(histogram)) => {
            points(sanitizer, &mut histogram.data_points, add_histogram);
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            for point in &mut histogram.data_points {
                attributes(sanitizer, &mut point.attributes);
                exemplars(sanitizer, &mut point.exemplars);
            }
        }
        Some(Data::Summary(summary)) => {
            for point in &mut summary.data_points {
                attributes(sanitizer, &mut point.attributes);
            }
        }
        None => {}
    }
}

/// A point of a series.
trait Point {
    fn parts(&mut self) -> (&mut Vec<KeyValue>, &mut Vec<Exemplar>);
}

impl Point for NumberDataPoint {
    fn parts(&mut self) -> (&mut Vec<KeyValue>, &mut Vec<Exemplar>) {
        (&mut self.attributes, &mut self.exemplars)
    }
}

impl Point for HistogramDataPoint {
    fn parts(&mut self) -> (&mut Vec<KeyValue>, &mut Vec<Exemplar>) {
        (&mut self.attributes, &mut self.exemplars)
    }
}

/// Cleans points; those that are alike then become one, by `merge`, which gives back a point
/// that it cannot merge.
fn points<P: Point>(sanitizer: &Sanitizer, points: &mut Vec<P>, merge: fn(&mut P, P) -> Option<P>) {
    let mut any_changed = false;
    for point in points.iter_mut() {
        let (pairs, samples) = point.parts();
        any_changed |= attributes(sanitizer, pairs);
        exemplars(sanitizer, samples);
    }
    if !any_changed {
        return;
    }
    let mut merged: Vec<P> = Vec::with_capacity(points.len());
    for mut point in mem::take(points) {
        let pairs = point.parts().0.clone();
        let alike = merged.iter_mut().position(|it| *it.parts().0 == pairs);
        let left = match alike.and_then(|place| merged.get_mut(place)) {
            Some(alike) => merge(alike, point),
            None => Some(point),
        };
        merged.extend(left);
    }
    *points = merged;
}

fn add(sum: &mut NumberDataPoint, point: NumberDataPoint) -> Option<NumberDataPoint> {
    let value = match (sum.value, point.value) {
        (Some(Number::AsInt(a)), Some(Number::AsInt(b))) => Number::AsInt(a.saturating_add(b)),
        (Some(Number::AsDouble(a)), Some(Number::AsDouble(b))) => Number::AsDouble(a + b),
        _ => return Some(point),
    };
    sum.value = Some(value);
    sum.start_time_unix_nano = sum.start_time_unix_nano.min(point.start_time_unix_nano);
    sum.time_unix_nano = sum.time_unix_nano.max(point.time_unix_nano);
    sum.exemplars.extend(point.exemplars);
    None
}

/// Of a gauge any of the values is as good.
fn replace(gauge: &mut NumberDataPoint, point: NumberDataPoint) -> Option<NumberDataPoint> {
    if point.time_unix_nano >= gauge.time_unix_nano {
        *gauge = point;
    }
    None
}

fn add_histogram(
    sum: &mut HistogramDataPoint,
    point: HistogramDataPoint,
) -> Option<HistogramDataPoint> {
    let counts = (sum.bucket_counts.len(), point.bucket_counts.len());
    if sum.explicit_bounds != point.explicit_bounds || counts.0 != counts.1 {
        return Some(point);
    }
    sum.count = sum.count.saturating_add(point.count);
    for (count, more) in sum.bucket_counts.iter_mut().zip(point.bucket_counts) {
        *count = count.saturating_add(more);
    }
    let both = |a: Option<f64>, b: Option<f64>, join: fn(f64, f64) -> f64| Some(join(a?, b?));
    sum.sum = both(sum.sum, point.sum, |a, b| a + b);
    sum.min = both(sum.min, point.min, f64::min);
    sum.max = both(sum.max, point.max, f64::max);
    sum.start_time_unix_nano = sum.start_time_unix_nano.min(point.start_time_unix_nano);
    sum.time_unix_nano = sum.time_unix_nano.max(point.time_unix_nano);
    sum.exemplars.extend(point.exemplars);
    None
}

fn exemplars(sanitizer: &Sanitizer, exemplars: &mut [Exemplar]) {
    for exemplar in exemplars {
        attributes(sanitizer, &mut exemplar.filtered_attributes);
    }
}

/// Cleans attributes; true where one was not clean.
fn attributes(sanitizer: &Sanitizer, attributes: &mut [KeyValue]) -> bool {
    let mut any_changed = false;
    for KeyValue { key, value, .. } in attributes {
        if let Some(AnyValue { value: Some(value) }) = value {
            any_changed |= self::value(sanitizer, key, value);
        }
        if let Some(clean) = name_changed(sanitizer, key) {
            *key = clean;
            any_changed = true;
        }
    }
    any_changed
}

fn value(sanitizer: &Sanitizer, key: &str, value: &mut Value) -> bool {
    match value {
        Value::StringValue(old) => match changed(sanitizer.value(key, old), old) {
            Some(clean) => {
                *old = clean;
                true
            }
            None => false,
        },
        Value::ArrayValue(array) => {
            let values = array.values.iter_mut().filter_map(|it| it.value.as_mut());
            // Not `any`: each is to be cleaned.
            values.fold(false, |any, it| self::value(sanitizer, key, it) | any)
        }
        Value::KvlistValue(list) => attributes(sanitizer, &mut list.values),
        other if sanitizer.is_sensitive_key(key) => {
            *other = Value::StringValue(sanitizer.value(key, "0").into_owned());
            true
        }
        _ => false,
    }
}

fn text(sanitizer: &Sanitizer, text: &mut String) {
    if let Some(clean) = changed(sanitizer.text(text), text) {
        *text = clean;
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::{
        Gauge, Histogram, ResourceMetrics, ScopeMetrics, Sum,
    };
    use telemetry_sanitizer::MARKER;

    use super::*;

    fn pair(key: &str, value: Value) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    }

    fn string(key: &str, value: &str) -> KeyValue {
        pair(key, Value::StringValue(value.to_owned()))
    }

    fn number(value: i64, time: u64, attributes: Vec<KeyValue>) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: 1,
            time_unix_nano: time,
            value: Some(Number::AsInt(value)),
            ..NumberDataPoint::default()
        }
    }

    fn histogram(count: u64, sum: f64, attributes: Vec<KeyValue>) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes,
            count,
            sum: Some(sum),
            min: Some(sum),
            max: Some(sum),
            bucket_counts: vec![count, 0],
            explicit_bounds: vec![1.0],
            ..HistogramDataPoint::default()
        }
    }

    /// The metric's data, cleaned in a whole message.
    fn cleaned(data: Data) -> Data {
        let metric = Metric {
            name: "app.steps".to_owned(),
            data: Some(data),
            ..Metric::default()
        };
        let mut message = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                scope_metrics: vec![ScopeMetrics {
                    metrics: vec![metric],
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        };
        sanitize_metrics(&Sanitizer::default(), &mut message);
        let mut metrics = message
            .resource_metrics
            .remove(0)
            .scope_metrics
            .remove(0)
            .metrics;
        metrics.remove(0).data.unwrap()
    }

    #[test]
    fn series_that_differ_in_secrets_alone_become_one() {
        let series = |token: &str, host: &str| vec![string("token", token), string("host", host)];
        let (a, b) = (series("1", "a"), series("2", "a"));
        let other = series("3", "b");
        let clean = |host| series(MARKER, host);

        let points = vec![
            number(1, 5, a.clone()),
            number(2, 7, b.clone()),
            number(4, 6, other),
        ];
        let sum = Sum {
            data_points: points.clone(),
            ..Sum::default()
        };
        let expected = [number(3, 7, clean("a")), number(4, 6, clean("b"))];
        let Data::Sum(sum) = cleaned(Data::Sum(sum)) else {
            panic!()
        };
        assert_eq!(sum.data_points, expected);

        let expected = [number(2, 7, clean("a")), number(4, 6, clean("b"))];
        let Data::Gauge(gauge) = cleaned(Data::Gauge(Gauge {
            data_points: points,
        })) else {
            panic!()
        };
        assert_eq!(gauge.data_points, expected);

        let points = vec![histogram(1, 0.25, a), histogram(2, 0.5, b)];
        let data = Histogram {
            data_points: points,
            ..Histogram::default()
        };
        let Data::Histogram(merged) = cleaned(Data::Histogram(data)) else {
            panic!()
        };
        let mut expected = histogram(3, 0.75, clean("a"));
        (expected.min, expected.max) = (Some(0.25), Some(0.5));
        assert_eq!(merged.data_points, [expected]);
    }

    #[test]
    fn what_cannot_be_added_stays() {
        let mut odd = histogram(1, 0.5, vec![string("token", "2")]);
        odd.explicit_bounds = vec![2.0];
        let points = vec![histogram(1, 0.5, vec![string("token", "1")]), odd];
        let data = Histogram {
            data_points: points,
            ..Histogram::default()
        };
        let Data::Histogram(left) = cleaned(Data::Histogram(data)) else {
            panic!()
        };
        assert_eq!(left.data_points.len(), 2);
    }

    #[test]
    fn clean_points_are_not_touched() {
        // Two of the same attributes: not ours to judge.
        let points = vec![number(1, 5, vec![string("a", "b")]); 2];
        let sum = Sum {
            data_points: points.clone(),
            ..Sum::default()
        };
        let Data::Sum(sum) = cleaned(Data::Sum(sum)) else {
            panic!()
        };
        assert_eq!(sum.data_points, points);
    }

    #[test]
    fn values_of_every_type_are_cleaned() {
        let sanitizer = Sanitizer::default();
        let list = |text: &str| {
            let value = AnyValue {
                value: Some(Value::StringValue(text.to_owned())),
            };
            Value::ArrayValue(opentelemetry_proto::tonic::common::v1::ArrayValue {
                values: vec![value],
            })
        };
        let mut pairs = [
            pair("notes", list("token=abc")),
            pair("pin.password", Value::IntValue(1234)),
            pair("size", Value::IntValue(1234)),
            string("password=abc", "x"),
        ];
        assert!(attributes(&sanitizer, &mut pairs));
        let expected = [
            pair("notes", list("token=***REDACTED***")),
            string("pin.password", MARKER),
            pair("size", Value::IntValue(1234)),
            string("password=***REDACTED***", MARKER),
        ];
        assert_eq!(pairs, expected);
        assert!(!attributes(&sanitizer, &mut pairs));
    }
}
