//! The table of threads: who there is, whose child and of whose group each is, what each has open.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use foldhash::HashMap;

use super::files::{File, Files};
use crate::record::{Thread, Usage};

/// Most threads.
const THREADS: usize = 262_144;
/// Most descriptors of all processes, long names counting for several.
const DESCRIPTORS: usize = 1_048_576;
/// Most bytes of names, arguments and environments of all threads.
const BYTES: usize = 512 << 20;
/// Most children that find a new parent when theirs ends.
const ADOPTIONS: usize = 1_024;
/// Most threads of a process that are looked at for one that runs.
const MEMBERS: usize = 64;
/// Most parents that are looked at.
pub(super) const GENERATIONS: usize = 64;
/// Threads that ended lately and are remembered.
const ENDED: usize = 128;
/// How long they are, in nanoseconds.
const REMEMBERED_NS: u64 = 2_000_000_000;

/// A thread, and what is known of it besides.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// The thread, without the threads round it.
    pub(super) thread: Arc<Thread>,
    /// Memory and page faults. They change often, and nothing is made anew for them.
    pub(super) usage: Usage,
    /// What it has open, where that is not what its process has open.
    pub(super) files: Arc<Files>,
    /// What is open is what its process has open.
    pub(super) shares_files: bool,
    /// It told of its birth before its parent did.
    pub(super) is_inverted: bool,
    /// It ended, and stays for the other threads of its process.
    pub(super) is_dead: bool,
    /// When its birth was told of.
    pub(super) cloned_ns: u64,
    /// Changes with the thread.
    pub(super) version: u64,
    pub(super) weight: usize,
}

impl Slot {
    pub(super) fn new(thread: Thread) -> Self {
        Self { thread: Arc::new(thread), ..Self::default() }
    }

    /// Nothing is known of the thread but its number.
    pub(super) fn is_unknown(&self) -> bool {
        self.thread.pid < 0
    }

    /// The numbers that it has are not those by which it is known here.
    pub(super) fn is_in_namespace(&self) -> bool {
        self.thread.vtid.is_some_and(|vtid| vtid >= 0 && vtid != self.thread.tid)
    }

    pub(super) fn is_main(&self) -> bool {
        self.thread.pid == self.thread.tid
    }
}

#[derive(Debug, Default)]
struct Process {
    members: BTreeSet<i64>,
    alive: usize,
    /// It takes the children of those that end.
    is_reaper: bool,
}

/// The table of threads.
#[derive(Default)]
pub(super) struct Threads {
    slots: HashMap<i64, Slot>,
    children: HashMap<i64, BTreeSet<i64>>,
    processes: HashMap<i64, Process>,
    ended: VecDeque<(i64, i64, u64)>,
    version: u64,
    /// Changes with whatever may be seen of another thread: who there is, and what each is called.
    generation: u64,
    weight: usize,
    descriptors: usize,
}

/// About how many bytes the texts of a thread take.
pub(super) fn weight(thread: &Thread) -> usize {
    let texts = [&thread.name, &thread.exe, &thread.exe_path, &thread.cwd];
    let lists = [&thread.args, &thread.env];
    let words = lists.into_iter().flatten().flatten().chain(&thread.cgroups);
    texts.into_iter().flatten().map(Vec::len).sum::<usize>()
        + words.map(|word| word.len() + 24).sum::<usize>()
}

/// Takes what is long from a thread for which there is no room.
fn strip(thread: &mut Thread) {
    (thread.args, thread.env, thread.cgroups) = (None, None, Vec::new());
}

impl Threads {
    pub(super) fn get(&self, tid: i64) -> Option<&Slot> {
        self.slots.get(&tid)
    }

    /// Changes whenever what is round a thread may have: others than itself, users, containers.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Says that something round the threads changed.
    pub(super) fn touch(&mut self) {
        self.generation += 1;
    }

    pub(super) fn slot(&mut self, tid: i64) -> Option<&mut Slot> {
        self.touch();
        self.slots.get_mut(&tid)
    }

    /// The main thread of the process of a thread.
    pub(super) fn main(&self, tid: i64) -> Option<&Slot> {
        let slot = self.get(tid)?;
        if slot.is_main() { Some(slot) } else { self.get(slot.thread.pid) }
    }

    /// Makes sure that there is a slot; false where there is no room.
    pub(super) fn make_unknown(&mut self, tid: i64) -> bool {
        if self.slots.contains_key(&tid) {
            return true;
        }
        // What the reference prints of a thread that it knows nothing of.
        let text = || Some(b"<NA>".to_vec());
        let thread = Thread { tid, pid: -1, ppid: -1, name: text(), exe: text(), ..Thread::default() };
        self.insert(Slot::new(thread))
    }

    /// Puts a thread into the table, in place of one with its number; false where there is no room.
    pub(super) fn insert(&mut self, mut slot: Slot) -> bool {
        let tid = slot.thread.tid;
        self.erase(tid);
        if self.slots.len() >= THREADS {
            return false;
        }
        if self.descriptors + slot.files.cost() > DESCRIPTORS {
            slot.files = Arc::default();
        }
        slot.weight = weight(&slot.thread);
        if self.weight + slot.weight > BYTES {
            strip(Arc::make_mut(&mut slot.thread));
            slot.weight = weight(&slot.thread);
        }
        self.weight += slot.weight;
        self.descriptors += slot.files.cost();
        self.touch();
        self.version += 1;
        slot.version = self.version;
        self.link(&slot);
        self.slots.insert(tid, slot);
        true
    }

    fn link(&mut self, slot: &Slot) {
        let (tid, pid, ppid) = (slot.thread.tid, slot.thread.pid, slot.thread.ppid);
        if pid >= 0 {
            self.children.entry(ppid).or_default().insert(tid);
            let process = self.processes.entry(pid).or_default();
            if process.members.insert(tid) && !slot.is_dead {
                process.alive += 1;
            }
            // The first process of a namespace takes orphans.
            process.is_reaper |= tid == 1 || slot.thread.vpid == Some(1);
        }
    }

    fn unlink(&mut self, tid: i64, pid: i64, ppid: i64, is_dead: bool) {
        if let Some(children) = self.children.get_mut(&ppid) {
            children.remove(&tid);
            if children.is_empty() {
                self.children.remove(&ppid);
            }
        }
        if let Some(process) = self.processes.get_mut(&pid) {
            if process.members.remove(&tid) && !is_dead {
                process.alive = process.alive.saturating_sub(1);
            }
            if process.members.is_empty() {
                self.processes.remove(&pid);
            }
        }
    }

    fn erase(&mut self, tid: i64) {
        if let Some(slot) = self.slots.remove(&tid) {
            self.touch();
            self.weight = self.weight.saturating_sub(slot.weight);
            self.descriptors = self.descriptors.saturating_sub(slot.files.cost());
            self.unlink(tid, slot.thread.pid, slot.thread.ppid, slot.is_dead);
        }
    }

    /// Changes a thread.
    pub(super) fn change(&mut self, tid: i64, change: impl FnOnce(&mut Thread)) {
        let Some(slot) = self.slots.get_mut(&tid) else { return };
        let (pid, ppid) = (slot.thread.pid, slot.thread.ppid);
        let thread = Arc::make_mut(&mut slot.thread);
        change(thread);
        thread.tid = tid;
        self.generation += 1;
        self.version += 1;
        slot.version = self.version;
        let others = self.weight.saturating_sub(slot.weight);
        slot.weight = weight(&slot.thread);
        if others + slot.weight > BYTES {
            strip(Arc::make_mut(&mut slot.thread));
            slot.weight = weight(&slot.thread);
        }
        self.weight = others + slot.weight;
        if (slot.thread.pid, slot.thread.ppid) != (pid, ppid) {
            let copy = Slot { thread: slot.thread.clone(), is_dead: slot.is_dead, ..Slot::default() };
            self.unlink(tid, pid, ppid, copy.is_dead);
            self.link(&copy);
        }
    }

    /// Sets how much memory a thread has and how often it wanted some that was not there.
    pub(super) fn set_usage(&mut self, tid: i64, memory_kb: Option<[u64; 3]>, page_faults: Option<[u64; 2]>) {
        let Some(Slot { usage, .. }) = self.slots.get_mut(&tid) else { return };
        (usage.memory_kb, usage.page_faults) =
            (memory_kb.or(usage.memory_kb), page_faults.or(usage.page_faults));
    }

    /// What a thread and its process use, as the reference shows it.
    pub(super) fn usage(&self, tid: i64) -> Usage {
        let Some(slot) = self.get(tid) else { return Usage::default() };
        let open = self.files_of(slot).map_or(0, |files| files.len());
        // Of a thread whose first thread is not known it has no table of descriptors.
        let is_known = slot.is_main() || self.get(slot.thread.pid).is_some();
        Usage {
            descriptors_open: Some(if is_known { u64::try_from(open).unwrap_or(u64::MAX) } else { 0 }),
            memory_kb: Some(slot.usage.memory_kb.unwrap_or_default()),
            page_faults: Some(slot.usage.page_faults.unwrap_or_default()),
        }
    }

    /// Marks the process of a thread as one that takes orphans.
    pub(super) fn set_reaper(&mut self, tid: i64, is_reaper: bool) {
        let pid = self.get(tid).map(|slot| slot.thread.pid);
        if let Some(process) = pid.and_then(|pid| self.processes.get_mut(&pid)) {
            process.is_reaper = is_reaper;
        }
    }

    /// The other threads of the process of a thread, but for its main one.
    pub(super) fn others(&self, tid: i64) -> Vec<i64> {
        let process = self.get(tid).and_then(|slot| self.processes.get(&slot.thread.pid));
        let members = process.into_iter().flat_map(|process| process.members.iter().copied());
        members
            .filter(|member| *member != tid && self.get(*member).is_some_and(|slot| !slot.is_main()))
            .collect()
    }

    /// How many threads a process has that run, and how many of them are not the first.
    pub(super) fn counts(&self, tid: i64) -> (u64, u64) {
        let threads = self
            .get(tid)
            .and_then(|slot| self.processes.get(&slot.thread.pid))
            .map_or(0, |process| u64::try_from(process.alive).unwrap_or(u64::MAX));
        let has_first = self.main(tid).is_some_and(|main| !main.is_dead);
        (threads, threads.saturating_sub(u64::from(has_first)))
    }

    /// Lets a thread end that ends now: it stays until [`remove`](Self::remove).
    pub(super) fn end(&mut self, tid: i64) {
        let Some(slot) = self.slots.get_mut(&tid) else { return };
        if !slot.is_dead {
            slot.is_dead = true;
            self.generation += 1;
            if let Some(process) = self.processes.get_mut(&slot.thread.pid) {
                process.alive = process.alive.saturating_sub(1);
            }
        }
    }

    /// A thread that ended runs on: a new program was begun in it.
    pub(super) fn revive(&mut self, tid: i64) {
        let Some(slot) = self.slots.get_mut(&tid) else { return };
        if slot.is_dead {
            slot.is_dead = false;
            self.generation += 1;
            if let Some(process) = self.processes.get_mut(&slot.thread.pid) {
                process.alive += 1;
            }
        }
    }

    /// Takes a thread out of the table; its children get another parent.
    pub(super) fn remove(&mut self, tid: i64, reaper: Option<i64>) {
        let Some(slot) = self.get(tid) else { return };
        if slot.is_unknown() {
            return self.erase(tid);
        }
        let (pid, is_main) = (slot.thread.pid, slot.is_main());
        self.end(tid);
        let orphans: Vec<i64> = self
            .children
            .get(&tid)
            .map(|children| children.iter().copied().take(ADOPTIONS).collect())
            .unwrap_or_default();
        if !orphans.is_empty() {
            let reaper = reaper.filter(|reaper| self.get(*reaper).is_some_and(|slot| !slot.is_unknown()));
            let reaper = reaper.or_else(|| self.find_reaper(tid)).unwrap_or(0);
            for orphan in orphans.into_iter().filter(|orphan| *orphan != reaper) {
                self.change(orphan, |thread| thread.ppid = reaper);
            }
        }
        if self.processes.get(&pid).is_none_or(|process| process.alive == 0) {
            self.erase(pid);
        }
        if !is_main {
            self.erase(tid);
        }
    }

    /// Who takes the children of a thread: another thread of its process, or the next parent that takes orphans.
    fn find_reaper(&self, tid: i64) -> Option<i64> {
        let slot = self.get(tid)?;
        let alive = |pid: i64| {
            let members = self.processes.get(&pid)?.members.iter().take(MEMBERS);
            members
                .copied()
                .find(|member| *member != tid && self.get(*member).is_some_and(|slot| !slot.is_dead))
        };
        let is_inside = |slot: &Slot| slot.thread.vpid.is_some_and(|vpid| vpid != slot.thread.pid);
        alive(slot.thread.pid).or_else(|| {
            let parents = self.parents(tid);
            let parents = parents.iter().filter_map(|parent| self.get(*parent));
            let parents = parents.take_while(|parent| is_inside(parent) == is_inside(slot));
            let mut reapers = parents.filter(|parent| {
                self.processes.get(&parent.thread.pid).is_some_and(|process| process.is_reaper)
            });
            reapers.find_map(|parent| alive(parent.thread.pid))
        })
    }

    /// The numbers of the parents of a thread, the nearest first, each once.
    pub(super) fn parents(&self, tid: i64) -> Vec<i64> {
        let mut parents = Vec::new();
        // One of which nothing is known has none, even if there are others of which nothing is known.
        let mut next = self.get(tid).filter(|slot| !slot.is_unknown()).map(|slot| slot.thread.ppid);
        while let Some(parent) = next {
            let slot = self
                .get(parent)
                .filter(|_| parent != tid && parents.len() < GENERATIONS && !parents.contains(&parent));
            let Some(slot) = slot else { break };
            parents.push(parent);
            next = Some(slot.thread.ppid);
        }
        parents
    }

    /// Remembers that a thread ended.
    pub(super) fn remember(&mut self, tid: i64, time_ns: u64) {
        let parent = self.get(tid).map_or(-1, |slot| slot.thread.ppid);
        if self.ended.len() >= ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back((tid, parent, time_ns));
    }

    /// Whether a child of a thread ended lately.
    pub(super) fn has_ended(&self, tid: i64, parent: i64, time_ns: u64) -> bool {
        let is_it = |(ended, of, when): &(i64, i64, u64)| {
            (*ended, *of) == (tid, parent)
                && time_ns.checked_sub(*when).is_some_and(|age| age < REMEMBERED_NS)
        };
        self.ended.iter().any(is_it)
    }

    /// What a thread has open.
    pub(super) fn files_of<'a>(&'a self, slot: &'a Slot) -> Option<&'a Arc<Files>> {
        if slot.shares_files && !slot.is_main() {
            self.get(slot.thread.pid).map(|main| &main.files)
        } else {
            Some(&slot.files)
        }
    }

    /// The thread whose table of descriptors a thread uses.
    fn owner_of_files(&self, tid: i64) -> Option<i64> {
        let slot = self.get(tid)?;
        Some(if slot.shares_files && !slot.is_main() { slot.thread.pid } else { tid })
    }

    /// The same, by the number of the thread.
    pub(super) fn files(&self, tid: i64) -> Option<&Arc<Files>> {
        self.files_of(self.get(tid)?)
    }

    pub(super) fn file(&self, tid: i64, number: i64) -> Option<&Arc<File>> {
        self.files(tid)?.get(number)
    }

    /// Changes what a thread has open.
    fn change_files(&mut self, tid: i64, change: impl FnOnce(&mut Files)) {
        let Some(slot) = self.owner_of_files(tid).and_then(|tid| self.slots.get_mut(&tid)) else { return };
        let before = slot.files.cost();
        change(Arc::make_mut(&mut slot.files));
        self.descriptors = (self.descriptors + slot.files.cost()).saturating_sub(before);
    }

    /// Opens a descriptor; nothing where there is no room.
    pub(super) fn open(&mut self, tid: i64, number: i64, file: File) {
        if self.descriptors + file.cost() <= DESCRIPTORS {
            self.change_files(tid, |files| files.insert(number, file));
        }
    }

    /// Changes an open descriptor.
    pub(super) fn change_file(&mut self, tid: i64, number: i64, change: impl FnOnce(&mut File)) {
        if self.file(tid, number).is_some() {
            self.change_files(tid, |files| files.change(number, change));
        }
    }

    /// Closes the descriptors that are not to stay.
    pub(super) fn keep_files(&mut self, tid: i64, keep: impl Fn(i64, &File) -> bool) {
        if self.files(tid).is_some_and(|files| !files.iter().all(|(number, file)| keep(number, file))) {
            self.change_files(tid, |files| files.retain(keep));
        }
    }

    pub(super) fn close(&mut self, tid: i64, number: i64) {
        if self.file(tid, number).is_some() {
            self.change_files(tid, |files| files.remove(number));
        }
    }

    /// The numbers of all threads, in order.
    pub(super) fn numbers(&self) -> Vec<i64> {
        let mut numbers: Vec<i64> = self.slots.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }
}
