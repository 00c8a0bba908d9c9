//! What a search consists of, once it is read.

use super::expression::Expression;
use super::predicate::Filter;
use super::stats::Aggregation;

/// One step of a search.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    Search(Filter),
    MakeResults {
        count: usize,
    },
    Head(usize),
    Tail(usize),
    Reverse,
    Sort {
        limit: usize,
        keys: Vec<SortKey>,
    },
    Dedup(Vec<String>),
    Fields {
        keep: bool,
        names: Vec<String>,
    },
    Table(Vec<String>),
    /// Pairs of the old and the new name.
    Rename(Vec<(String, String)>),
    Eval(Vec<(String, Expression)>),
    Where(Expression),
    Stats {
        aggregations: Vec<Aggregation>,
        by: Vec<String>,
    },
    Top {
        field: String,
        limit: usize,
        rarest: bool,
    },
}

/// A field to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SortKey {
    pub(super) field: String,
    pub(super) descending: bool,
}
