//! A thread with the threads round it, as they are when an event happens.

use std::sync::Arc;

use foldhash::HashMap;

use super::State;
use super::defaults::fill;
use super::files::File;
use super::threads::{Slot, Threads, weight};
use crate::record::{Container, DescriptorType, Thread};

/// Most bytes of threads that are made and kept. It may be much, where parents change between the events of their
/// children: each child keeps its parents as they were.
const KEPT_BYTES: usize = 64 << 20;
/// About what a thread takes besides its texts.
const THREAD_BYTES: usize = 1_024;

/// Threads with what is round them, for as long as neither changes.
#[derive(Default)]
pub(super) struct Cache {
    linked: HashMap<i64, Linked>,
    /// The bytes of all that were made since it was empty.
    bytes: usize,
}

struct Linked {
    thread: Arc<Thread>,
    as_of: AsOf,
    made_of: MadeOf,
}

/// When a thread was linked, by numbers that change with what it was made of: all that is round it, itself, what is shown of
/// what it has open.
#[derive(Clone, Copy, PartialEq, Eq)]
struct AsOf {
    generation: u64,
    version: u64,
    files: u64,
}

/// What a linked thread was made of.
struct MadeOf {
    /// Of the thread, of its main thread, of the leaders of its session and its group.
    versions: [u64; 4],
    /// A bit for each type that something open is of.
    kinds: u32,
    /// What standard input, output and error are.
    standard: [Option<Arc<File>>; 3],
    parent: Option<Arc<Thread>>,
    container: Option<Arc<Container>>,
    counts: (u64, u64),
}

/// Whether both are one and the same, or none.
fn is_same<T>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

impl PartialEq for MadeOf {
    fn eq(&self, other: &Self) -> bool {
        let is_same_file =
            |(one, other): (&Option<Arc<File>>, &Option<Arc<File>>)| is_same(one.as_ref(), other.as_ref());
        (self.versions, self.kinds, self.counts) == (other.versions, other.kinds, other.counts)
            && is_same(self.parent.as_ref(), other.parent.as_ref())
            && is_same(self.container.as_ref(), other.container.as_ref())
            && self.standard.iter().zip(&other.standard).all(is_same_file)
    }
}

impl State {
    /// A thread, with its parents, its leaders, its users and its container.
    pub(super) fn link(&mut self, tid: i64) -> Option<Arc<Thread>> {
        let slot = self.threads.get(tid)?;
        let as_of = self.as_of(slot);
        if let Some(linked) = self.linked.linked.get(&tid).filter(|linked| linked.as_of == as_of) {
            return Some(linked.thread.clone());
        }
        if self.linked.bytes > KEPT_BYTES {
            self.linked = Cache::default();
        }
        let mut chain = self.threads.parents(tid);
        chain.insert(0, tid);
        let mut parent = None;
        for (place, tid) in chain.iter().enumerate().rev() {
            let above = chain.get(place + 1..).unwrap_or_default();
            parent = self.link_one(*tid, above, parent);
        }
        parent
    }

    fn as_of(&self, slot: &Slot) -> AsOf {
        let files = self.threads.files_of(slot);
        AsOf {
            generation: self.threads.generation(),
            version: slot.version,
            files: files.map_or(0, |files| files.shape()),
        }
    }

    fn link_one(&mut self, tid: i64, above: &[i64], parent: Option<Arc<Thread>>) -> Option<Arc<Thread>> {
        let slot = self.threads.get(tid)?;
        let leaders = leaders(&self.threads, slot, above);
        let version = |slot: Option<&Slot>| slot.map_or(0, |slot| slot.version);
        let main = if slot.is_main() { None } else { self.threads.main(tid) };
        let files = self.threads.files(tid);
        let standard = [0, 1, 2].map(|number| files.and_then(|files| files.get(number)).cloned());
        let made_of = MadeOf {
            versions: [slot.version, version(main), version(leaders[0]), version(leaders[1])],
            kinds: files.map_or(0, |files| files.kinds()),
            standard,
            parent,
            container: self.container_of(&slot.thread),
            counts: self.threads.counts(tid),
        };
        let as_of = self.as_of(slot);
        if let Some(linked) = self.linked.linked.get_mut(&tid).filter(|linked| linked.made_of == made_of) {
            linked.as_of = as_of;
            return Some(linked.thread.clone());
        }
        let thread = Arc::new(self.make(slot, main, leaders, &made_of));
        self.linked.bytes += weight(&thread) + THREAD_BYTES;
        self.linked.linked.insert(tid, Linked { thread: thread.clone(), as_of, made_of });
        Some(thread)
    }

    fn make(
        &self,
        slot: &Slot,
        main: Option<&Slot>,
        leaders: [Option<&Slot>; 2],
        made_of: &MadeOf,
    ) -> Thread {
        let mut thread = Thread::clone(&slot.thread);
        if let Some(main) = main {
            (thread.cwd, thread.env) = (main.thread.cwd.clone(), main.thread.env.clone());
            thread.main_name.clone_from(&main.thread.name);
        }
        let tid = thread.tid;
        if let Some(user) = &mut thread.user {
            *user = self.user(user.uid).cloned().unwrap_or_else(|| user.clone());
        }
        if let Some(group) = &mut thread.group {
            *group = self.group(group.gid).cloned().unwrap_or_else(|| group.clone());
        }
        if let Some((uid, name)) = &mut thread.login {
            *name =
                u32::try_from(*uid).ok().and_then(|uid| self.user(uid)).and_then(|user| user.name.clone());
        }
        let [session_leader, group_leader] = leaders.map(|leader| leader.map(|slot| slot.thread.clone()));
        (thread.session_leader, thread.group_leader) = (session_leader, group_leader);
        thread.pvpid = made_of.parent.as_ref().and_then(|parent| parent.vpid);
        thread.parent = made_of.parent.clone().into();
        thread.container.clone_from(&made_of.container);
        thread.is_on_host = made_of.container.is_none();
        thread.descriptor_types =
            DescriptorType::all().filter(|kind| made_of.kinds >> *kind as u32 & 1 == 1).collect();
        // What a process may have open is told of its main thread.
        if !slot.is_main() {
            thread.descriptors_max = main.map_or(Some(0), |main| main.thread.descriptors_max);
        }
        let (threads, others) = made_of.counts;
        (thread.threads, thread.children) = (Some(threads), Some(others));
        thread.standard = [0, 1, 2].map(|number| {
            let file = self.threads.file(tid, number)?;
            Some((file.kind, file.name.clone()))
        });
        fill(&mut thread);
        thread
    }
}

/// The leaders of the session and of the group: `get_oldest_matching_ancestor`.
fn leaders<'a>(threads: &'a Threads, slot: &'a Slot, above: &[i64]) -> [Option<&'a Slot>; 2] {
    let leader = |of: fn(&Thread) -> Option<i64>, is_of_namespace: bool| {
        let number = of(&slot.thread)?;
        // The numbers of another namespace are not those of the table.
        let is_here = !is_of_namespace || !slot.is_in_namespace();
        if let Some(leader) = threads.get(number).filter(|_| is_here) {
            return Some(leader);
        }
        let parents = above.iter().filter_map(|tid| threads.get(*tid));
        parents.take_while(|parent| of(&parent.thread) == Some(number)).last()
    };
    let group = leader(|thread| thread.pgid, false).or_else(|| leader(|thread| thread.vpgid, true));
    [leader(|thread| thread.sid, true), group]
}
