//! A bounded memory of verdicts.

use std::collections::{HashMap, VecDeque};

use opentelemetry::trace::SpanId;

/// Forgets the oldest verdict when it is full.
#[derive(Debug)]
pub(super) struct Recent<V> {
    verdicts: HashMap<SpanId, V>,
    order: VecDeque<SpanId>,
    capacity: usize,
}

impl<V: Copy> Recent<V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            verdicts: HashMap::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    pub(super) fn insert(&mut self, span: SpanId, verdict: V) {
        if self.verdicts.insert(span, verdict).is_some() {
            return;
        }
        self.order.push_back(span);
        if self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.verdicts.remove(&oldest);
        }
    }

    pub(super) fn get(&self, span: SpanId) -> Option<V> {
        self.verdicts.get(&span).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::new(2);
        for (id, verdict) in [(1, 'a'), (2, 'b'), (1, 'c'), (3, 'd')] {
            recent.insert(SpanId::from(id), verdict);
        }
        let found = [1, 2, 3].map(|id| recent.get(SpanId::from(id)));
        assert_eq!(found, [None, Some('b'), Some('d')]);
    }
}
