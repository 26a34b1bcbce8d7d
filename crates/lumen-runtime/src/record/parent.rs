//! The parent of a process.

use std::ops::Deref;
use std::sync::Arc;

use super::Thread;

/// The parent of a process, with its parents; none where nothing is known of it.
///
/// Chains of any length are let go of one by one: the stack does not grow with them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parent(Option<Arc<Thread>>);

impl From<Option<Arc<Thread>>> for Parent {
    fn from(parent: Option<Arc<Thread>>) -> Self {
        Self(parent)
    }
}

impl From<Arc<Thread>> for Parent {
    fn from(parent: Arc<Thread>) -> Self {
        Self(Some(parent))
    }
}

impl From<Thread> for Parent {
    fn from(parent: Thread) -> Self {
        Self(Some(Arc::new(parent)))
    }
}

impl Deref for Parent {
    type Target = Option<Arc<Thread>>;

    fn deref(&self) -> &Option<Arc<Thread>> {
        &self.0
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut thread) = next.and_then(Arc::into_inner) {
            next = thread.parent.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoded, Recorded};
    use super::*;

    #[test]
    fn a_chain_of_more_parents_than_the_stack_holds_is_let_go_of() {
        let mut thread = Arc::new(Thread::default());
        for pid in 0..100_000 {
            thread = Arc::new(Thread { pid, parent: thread.into(), ..Thread::default() });
        }
        let event = Recorded { thread: Some(thread), ..Recorded::default() };
        let mut encoded = Encoded::default();
        assert!(encoded.view(&event).is_some());
        drop((event, encoded));
    }
}
