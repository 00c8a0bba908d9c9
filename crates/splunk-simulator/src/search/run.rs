//! Runs the stages of a search over the generated events.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::clock;
use crate::data::{Dataset, INDEXES, Row, text};
use crate::reply::Message;

use super::pattern::{matches_index, matches_pattern};
use super::predicate::Filter;
use super::stage::{SortKey, Stage};
use super::stats::Aggregation;
use super::{MOST_ROWS, Outcome, Request};

/// The index that is searched when a search names none.
const DEFAULT_INDEX: &str = "main";

/// The rows between two stages.
#[derive(Debug, Default)]
struct Table {
    rows: Vec<Row>,
    /// The columns in order, once a command has set them; before that, whatever the rows have.
    columns: Option<Vec<String>>,
}

pub(super) fn run(
    data: &Dataset,
    stages: &[Stage],
    request: Request<'_>,
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let mut table = Table::default();
    for (position, stage) in stages.iter().enumerate() {
        match stage {
            Stage::Search(filter) if position == 0 => {
                table.rows = events(data, filter, request, &mut outcome)?;
            }
            stage => table = table.apply(stage, data.now),
        }
    }
    // A bad time range is an error even when no stage reads events.
    if !matches!(stages.first(), Some(Stage::Search(_))) {
        range(data.now, request.earliest, request.latest)?;
    }
    table.rows.truncate(MOST_ROWS);
    outcome.fields = table.columns();
    outcome.rows = table.rows;
    outcome.rows.iter_mut().for_each(print_time);
    Ok(outcome)
}

/// Turns the epoch seconds of `_time` into the text that results show.
fn print_time(row: &mut Row) {
    if let Some(Value::String(time)) = row.get_mut("_time")
        && let Ok(epoch) = time.parse::<f64>()
    {
        *time = clock::iso(epoch);
    }
}

/// The time range of a search in epoch seconds; the end is exclusive.
fn range(now: i64, earliest: Option<&str>, latest: Option<&str>) -> Result<(f64, f64), String> {
    let read = |name: &str, text: Option<&str>, default: f64| match text.map(str::trim) {
        None | Some("") => Ok(default),
        Some(text) => clock::parse(text, now).ok_or_else(|| format!("Invalid {name}.")),
    };
    let earliest = read("earliest_time", earliest, f64::MIN)?;
    let latest = read("latest_time", latest, f64::MAX)?;
    if latest <= earliest {
        return Err("Invalid latest_time: latest_time must be after earliest_time.".to_owned());
    }
    Ok((earliest, latest))
}

/// The events that a search starts from.
fn events(
    data: &Dataset,
    filter: &Filter,
    request: Request<'_>,
    outcome: &mut Outcome,
) -> Result<Vec<Row>, String> {
    let (earliest, latest) = range(
        data.now,
        filter.earliest.as_deref().or(request.earliest),
        filter.latest.as_deref().or(request.latest),
    )?;
    let named = filter.predicate.indexes();
    for pattern in &named {
        if !INDEXES
            .iter()
            .any(|index| matches_index(pattern, index.name))
        {
            outcome.messages.push(Message::new(
                "WARN",
                format!("No index matches 'index={pattern}'."),
            ));
        }
    }
    let in_scope: Vec<&Row> = data
        .events
        .iter()
        .filter(|row| !named.is_empty() || text(row, "index") == DEFAULT_INDEX)
        .filter(|row| {
            let time = text(row, "_time").parse().unwrap_or(0.0);
            earliest <= time && time < latest
        })
        .collect();
    outcome.scanned = in_scope.len();
    let found: Vec<Row> = in_scope
        .into_iter()
        .filter(|row| filter.predicate.matches(row))
        .cloned()
        .collect();
    outcome.matched = found.len();
    Ok(found)
}

impl Table {
    fn columns(&self) -> Vec<String> {
        match &self.columns {
            Some(columns) => columns.clone(),
            None => {
                let names: BTreeSet<&String> = self.rows.iter().flat_map(Row::keys).collect();
                names.into_iter().cloned().collect()
            }
        }
    }

    fn apply(mut self, stage: &Stage, now: i64) -> Self {
        match stage {
            Stage::Search(filter) => self.rows.retain(|row| filter.predicate.matches(row)),
            Stage::Where(condition) => self
                .rows
                .retain(|row| condition.evaluate(row, now).is_true()),
            Stage::MakeResults { count } => {
                let mut row = Row::new();
                row.insert("_time".to_owned(), now.to_string().into());
                self.rows = vec![row; *count];
            }
            Stage::Head(count) => self.rows.truncate(*count),
            Stage::Tail(count) => {
                self.rows.reverse();
                self.rows.truncate(*count);
            }
            Stage::Reverse => self.rows.reverse(),
            Stage::Sort { limit, keys } => {
                self.rows.sort_by(|left, right| order(keys, left, right));
                self.rows.truncate(*limit);
            }
            Stage::Dedup(fields) => {
                let mut seen = BTreeSet::new();
                self.rows.retain(|row| match group(fields, row) {
                    Some(key) => seen.insert(key),
                    None => false,
                });
            }
            Stage::Fields { keep, names } => self.fields(*keep, names),
            Stage::Table(names) => {
                let columns = expand(names, &self.columns());
                for row in &mut self.rows {
                    row.retain(|name, _| columns.contains(name));
                }
                self.columns = Some(columns);
            }
            Stage::Rename(pairs) => self.rename(pairs),
            Stage::Eval(assignments) => {
                for (name, expression) in assignments {
                    for row in &mut self.rows {
                        match expression.evaluate(row, now).into_text() {
                            Some(value) => row.insert(name.clone(), value.into()),
                            None => row.remove(name),
                        };
                    }
                    if let Some(columns) = &mut self.columns
                        && !columns.contains(name)
                    {
                        columns.push(name.clone());
                    }
                }
            }
            Stage::Stats { aggregations, by } => return stats(&self.rows, aggregations, by),
            Stage::Top {
                field,
                limit,
                rarest,
            } => return top(&self.rows, field, *limit, *rarest),
        }
        self
    }

    /// Keeps or drops fields. Fields that start with `_` stay unless they are named.
    fn fields(&mut self, keep: bool, names: &[String]) {
        let stays = |field: &str| {
            let named = names.iter().any(|name| matches_pattern(name, field));
            if keep {
                named || field.starts_with('_')
            } else {
                !named
            }
        };
        for row in &mut self.rows {
            row.retain(|name, _| stays(name));
        }
        if let Some(columns) = &mut self.columns {
            columns.retain(|name| stays(name));
        }
    }

    fn rename(&mut self, pairs: &[(String, String)]) {
        for (from, to) in pairs {
            for row in &mut self.rows {
                if let Some(value) = row.remove(from) {
                    row.insert(to.clone(), value);
                }
            }
            for column in self.columns.iter_mut().flatten() {
                if column == from {
                    column.clone_from(to);
                }
            }
        }
    }
}

/// The columns that the names mean, with `*` for those that are there.
fn expand(names: &[String], present: &[String]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for name in names {
        let matching: Vec<&String> = if name.contains('*') {
            present
                .iter()
                .filter(|field| matches_pattern(name, field) && !field.starts_with('_'))
                .collect()
        } else {
            vec![name]
        };
        for column in matching {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
    }
    columns
}

/// The values of the fields; nothing when the row lacks one of them.
fn group(fields: &[String], row: &Row) -> Option<Vec<String>> {
    fields
        .iter()
        .map(|field| row.contains_key(field).then(|| text(row, field).to_owned()))
        .collect()
}

fn order(keys: &[SortKey], left: &Row, right: &Row) -> Ordering {
    keys.iter()
        .map(|key| {
            let (left, right) = (text(left, &key.field), text(right, &key.field));
            let order = match (left.parse::<f64>(), right.parse::<f64>()) {
                (Ok(left), Ok(right)) => left.total_cmp(&right),
                // Numbers before texts, so that the order is a total one.
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => left.cmp(right),
            };
            if key.descending {
                order.reverse()
            } else {
                order
            }
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn stats(rows: &[Row], aggregations: &[Aggregation], by: &[String]) -> Table {
    let mut groups: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(key) = group(by, row) {
            groups.entry(key).or_default().push(row);
        }
    }
    // Without `by` there is always one row, even over nothing.
    if by.is_empty() {
        groups.entry(Vec::new()).or_default();
    }
    let rows = groups
        .into_iter()
        .map(|(key, members)| {
            let mut row: Row = by
                .iter()
                .cloned()
                .zip(key.into_iter().map(Value::from))
                .collect();
            for aggregation in aggregations {
                if let Some(value) = aggregation.over(&members) {
                    row.insert(aggregation.column.clone(), value);
                }
            }
            row
        })
        .collect();
    let mut columns = by.to_vec();
    for aggregation in aggregations {
        if !columns.contains(&aggregation.column) {
            columns.push(aggregation.column.clone());
        }
    }
    Table {
        rows,
        columns: Some(columns),
    }
}

fn top(rows: &[Row], field: &str, limit: usize, rarest: bool) -> Table {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.contains_key(field)) {
        *counts.entry(text(row, field)).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    // The sort is stable: values of the same count stay in alphabetical order.
    counts.sort_by(|(_, left), (_, right)| {
        if rarest {
            left.cmp(right)
        } else {
            right.cmp(left)
        }
    });
    if limit > 0 {
        counts.truncate(limit);
    }
    let rows = counts
        .into_iter()
        .map(|(value, count)| {
            let percent = count as f64 * 100.0 / total as f64;
            let mut row = Row::new();
            row.insert(field.to_owned(), value.into());
            row.insert("count".to_owned(), count.to_string().into());
            row.insert("percent".to_owned(), format!("{percent:.6}").into());
            row
        })
        .collect();
    Table {
        rows,
        columns: Some(vec![
            field.to_owned(),
            "count".to_owned(),
            "percent".to_owned(),
        ]),
    }
}
