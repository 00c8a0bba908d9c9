//! Loads for the tests of the parts.

use crate::protocol::{Answer, Load, NotSent, Post, Priority, Protocol, Verdict};

/// A load of which only priority and size matter.
#[derive(Debug)]
pub(crate) struct Size(pub(crate) Priority, pub(crate) usize);

impl Load for Size {
    fn priority(&self) -> Priority {
        self.0
    }

    fn bytes(&self) -> usize {
        self.1
    }
}

/// Rules that send nothing.
#[derive(Debug)]
pub(crate) struct Sizes;

impl Protocol for Sizes {
    type Load = Size;

    fn post(&self, _: &mut Size) -> Result<Post, NotSent> {
        Err(NotSent::RateLimited)
    }

    fn judge(&self, _: &Size, _: &Answer) -> Verdict {
        Verdict::Delivered
    }
}
