//! OTLP metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric,
    NumberDataPoint, SummaryDataPoint, exemplar::Value as ExemplarValue,
    exponential_histogram_data_point::Buckets, metric::Data, number_data_point::Value as Number,
};
use serde_json::Value;

use super::common::{Resource, Scope, attributes, id};
use super::span::unknown_enum;
use crate::problem::ParseError;

/// A metric as it came by OTLP.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OtlpMetric {
    /// Name, for example `mcp.server.operation.duration`.
    pub name: String,
    /// Description; empty when there is none.
    pub description: String,
    /// Unit, for example `s`; empty when there is none.
    pub unit: String,
    /// Kind.
    pub kind: MetricKind,
    /// Points.
    pub points: Vec<OtlpPoint>,
    /// Instrumentation scope.
    pub scope: Arc<Scope>,
    /// Attributes of the resource.
    pub resource: Arc<Resource>,
}

/// Kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A sum.
    Sum {
        /// Whether it only goes up.
        monotonic: bool,
        /// What the points count from.
        temporality: Temporality,
    },
    /// A histogram with explicit bounds.
    Histogram {
        /// What the points count from.
        temporality: Temporality,
    },
    /// A histogram with exponential buckets.
    ExponentialHistogram {
        /// What the points count from.
        temporality: Temporality,
    },
    /// Quantiles.
    Summary,
}

/// What the points of a metric count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    /// Not said.
    Unspecified,
    /// Since the last point.
    Delta,
    /// Since the start.
    Cumulative,
}

/// One point of a metric. Times are nanoseconds since 1970.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OtlpPoint {
    /// Attributes.
    pub attributes: BTreeMap<String, Value>,
    /// Start of what the point counts; 0 when not said.
    pub start_nanos: u64,
    /// Time of the point.
    pub time_nanos: u64,
    /// The value.
    pub value: MetricValue,
    /// Exemplars.
    pub exemplars: Vec<OtlpExemplar>,
}

impl OtlpPoint {
    /// An attribute.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }

    /// The value, if it is a histogram.
    #[must_use]
    pub fn histogram(&self) -> Option<&Histogram> {
        match &self.value {
            MetricValue::Histogram(histogram) => Some(histogram),
            _ => None,
        }
    }

    /// The value, if it is a number.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self.value {
            MetricValue::Int(number) => Some(number as f64),
            MetricValue::Double(number) => Some(number),
            _ => None,
        }
    }
}

/// The value of a point.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricValue {
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// A histogram with explicit bounds.
    Histogram(Histogram),
    /// A histogram with exponential buckets.
    ExponentialHistogram(ExponentialHistogram),
    /// Quantiles.
    Summary {
        /// How many values.
        count: u64,
        /// Their sum.
        sum: f64,
        /// Pairs of quantile (0 to 1) and value.
        quantiles: Vec<(f64, f64)>,
    },
    /// The point says that there was no value.
    NoValue,
}

/// A histogram with explicit bounds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Upper bounds of all buckets but the last, ascending.
    pub bounds: Vec<f64>,
    /// How many values in each bucket: one more than bounds, or none at all.
    pub bucket_counts: Vec<u64>,
}

/// A histogram with exponential buckets.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ExponentialHistogram {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
    /// Scale: the base is `2^(2^-scale)`.
    pub scale: i32,
    /// How many zeros.
    pub zero_count: u64,
    /// Offset and counts of the positive buckets.
    pub positive: (i32, Vec<u64>),
    /// Offset and counts of the negative buckets.
    pub negative: (i32, Vec<u64>),
}

/// An example value with the span it came from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OtlpExemplar {
    /// The value.
    pub value: Option<f64>,
    /// 32 hex digits.
    pub trace_id: Option<String>,
    /// 16 hex digits.
    pub span_id: Option<String>,
}

impl OtlpMetric {
    pub(super) fn read(
        place: &str,
        metric: Metric,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
    ) -> Result<Self, ParseError> {
        let wrong = |field: &str, expected| ParseError::Field {
            place: place.to_owned(),
            field: field.to_owned(),
            expected,
            found: "nothing".to_owned(),
        };
        if metric.name.is_empty() {
            return Err(wrong("name", "a name"));
        }
        let (kind, points) = match metric
            .data
            .ok_or_else(|| wrong("data", "one of the five kinds of metric"))?
        {
            Data::Gauge(gauge) => (MetricKind::Gauge, each(place, gauge.data_points, number)?),
            Data::Sum(sum) => (
                MetricKind::Sum {
                    monotonic: sum.is_monotonic,
                    temporality: Temporality::read(place, sum.aggregation_temporality)?,
                },
                each(place, sum.data_points, number)?,
            ),
            Data::Histogram(histogram) => (
                MetricKind::Histogram {
                    temporality: Temporality::read(place, histogram.aggregation_temporality)?,
                },
                each(place, histogram.data_points, explicit)?,
            ),
            Data::ExponentialHistogram(histogram) => (
                MetricKind::ExponentialHistogram {
                    temporality: Temporality::read(place, histogram.aggregation_temporality)?,
                },
                each(place, histogram.data_points, exponential)?,
            ),
            Data::Summary(summary) => (
                MetricKind::Summary,
                each(place, summary.data_points, quantiles)?,
            ),
        };
        Ok(Self {
            name: metric.name,
            description: metric.description,
            unit: metric.unit,
            kind,
            points,
            scope: Arc::clone(scope),
            resource: Arc::clone(resource),
        })
    }
}

impl Temporality {
    fn read(place: &str, temporality: i32) -> Result<Self, ParseError> {
        match AggregationTemporality::try_from(temporality) {
            Ok(AggregationTemporality::Unspecified) => Ok(Self::Unspecified),
            Ok(AggregationTemporality::Delta) => Ok(Self::Delta),
            Ok(AggregationTemporality::Cumulative) => Ok(Self::Cumulative),
            Err(_) => Err(unknown_enum(
                place,
                "aggregation_temporality",
                "0 to 2",
                temporality,
            )),
        }
    }
}

fn each<P>(
    place: &str,
    points: Vec<P>,
    read: impl Fn(&str, P) -> Result<OtlpPoint, ParseError>,
) -> Result<Vec<OtlpPoint>, ParseError> {
    points
        .into_iter()
        .enumerate()
        .map(|(index, point)| read(&format!("{place}, point {index}"), point))
        .collect()
}

fn number(place: &str, point: NumberDataPoint) -> Result<OtlpPoint, ParseError> {
    Ok(OtlpPoint {
        attributes: attributes(point.attributes),
        start_nanos: point.start_time_unix_nano,
        time_nanos: point.time_unix_nano,
        value: match point.value {
            Some(Number::AsInt(number)) => MetricValue::Int(number),
            Some(Number::AsDouble(number)) => MetricValue::Double(number),
            None => MetricValue::NoValue,
        },
        exemplars: exemplars(place, point.exemplars)?,
    })
}

fn explicit(place: &str, point: HistogramDataPoint) -> Result<OtlpPoint, ParseError> {
    let (bounds, counts) = (point.explicit_bounds, point.bucket_counts);
    let sound = counts.len() == bounds.len() + 1 || (counts.is_empty() && bounds.is_empty());
    if !sound {
        return Err(ParseError::Field {
            place: place.to_owned(),
            field: "bucket_counts".to_owned(),
            expected: "one more than explicit_bounds",
            found: format!("{} for {} bounds", counts.len(), bounds.len()),
        });
    }
    Ok(OtlpPoint {
        attributes: attributes(point.attributes),
        start_nanos: point.start_time_unix_nano,
        time_nanos: point.time_unix_nano,
        value: MetricValue::Histogram(Histogram {
            count: point.count,
            sum: point.sum,
            min: point.min,
            max: point.max,
            bounds,
            bucket_counts: counts,
        }),
        exemplars: exemplars(place, point.exemplars)?,
    })
}

fn exponential(place: &str, point: ExponentialHistogramDataPoint) -> Result<OtlpPoint, ParseError> {
    let buckets =
        |buckets: Option<Buckets>| buckets.map_or((0, Vec::new()), |b| (b.offset, b.bucket_counts));
    Ok(OtlpPoint {
        attributes: attributes(point.attributes),
        start_nanos: point.start_time_unix_nano,
        time_nanos: point.time_unix_nano,
        value: MetricValue::ExponentialHistogram(ExponentialHistogram {
            count: point.count,
            sum: point.sum,
            min: point.min,
            max: point.max,
            scale: point.scale,
            zero_count: point.zero_count,
            positive: buckets(point.positive),
            negative: buckets(point.negative),
        }),
        exemplars: exemplars(place, point.exemplars)?,
    })
}

fn quantiles(_place: &str, point: SummaryDataPoint) -> Result<OtlpPoint, ParseError> {
    Ok(OtlpPoint {
        attributes: attributes(point.attributes),
        start_nanos: point.start_time_unix_nano,
        time_nanos: point.time_unix_nano,
        value: MetricValue::Summary {
            count: point.count,
            sum: point.sum,
            quantiles: point
                .quantile_values
                .into_iter()
                .map(|pair| (pair.quantile, pair.value))
                .collect(),
        },
        exemplars: Vec::new(),
    })
}

fn exemplars(place: &str, exemplars: Vec<Exemplar>) -> Result<Vec<OtlpExemplar>, ParseError> {
    exemplars
        .into_iter()
        .map(|exemplar| {
            Ok(OtlpExemplar {
                value: exemplar.value.map(|value| match value {
                    ExemplarValue::AsDouble(number) => number,
                    ExemplarValue::AsInt(number) => number as f64,
                }),
                trace_id: id(place, "exemplar.trace_id", &exemplar.trace_id, 16)?,
                span_id: id(place, "exemplar.span_id", &exemplar.span_id, 8)?,
            })
        })
        .collect()
}
