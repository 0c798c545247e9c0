//! The queue of things to follow up.

use std::collections::{BTreeSet, VecDeque};
use std::sync::PoisonError;

use crate::server::Server;
use crate::store::Place;

/// Something to follow up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Task {
    /// The owner of this uid is gone: look at its dependents.
    OwnerGone(String),
    /// Look at whether the owners of this object are there.
    Owners(Place),
    /// This object waits for its dependents to go.
    Foreground(Place),
    /// This object is to lose its dependents.
    Orphan(Place),
    /// This namespace is to have what every namespace has.
    NamespaceContents(String),
    /// This namespace is going away.
    Namespace(String),
    /// The quotas of this namespace are to be reckoned anew.
    Quotas(String),
    /// This definition was written or removed, or one of its objects is gone.
    Definition(String),
}

/// Tasks in the order in which they came; one that is there already does not come again.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    order: VecDeque<Task>,
    waiting: BTreeSet<Task>,
}

impl Server {
    /// Puts a task into the queue.
    pub(crate) fn enqueue(&self, task: Task) {
        let mut queue = self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.waiting.insert(task.clone()) {
            queue.order.push_back(task);
        }
    }

    /// Works the queue off.
    pub(crate) fn settle(&self) {
        while let Some(task) = self.next_task() {
            match task {
                Task::OwnerGone(uid) => self.look_at_dependents(&uid),
                Task::Owners(place) => self.look_at_owners(&place),
                Task::Foreground(place) => self.delete_in_foreground(&place),
                Task::Orphan(place) => self.orphan_dependents(&place),
                Task::NamespaceContents(name) => self.fill_namespace(&name),
                Task::Namespace(name) => self.empty_namespace(&name),
                Task::Quotas(namespace) => self.reckon_quotas(&namespace),
                Task::Definition(name) => crate::definitions::follow_up(self, &name),
            }
        }
    }

    fn next_task(&self) -> Option<Task> {
        let mut queue = self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let task = queue.order.pop_front()?;
        queue.waiting.remove(&task);
        Some(task)
    }
}
