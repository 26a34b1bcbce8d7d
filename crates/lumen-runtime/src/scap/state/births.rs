//! Births of threads and processes, new programs in them, their ends.

use std::sync::Arc;

use super::super::bytes::zero_separated;
use super::super::event::Event;
use super::super::lists::{control_groups, login, program_path};
use super::super::parameters::Room;
use super::threads::Slot;
use super::{Ended, IS_THREAD, Scene, State, path};
use crate::record::{ExeFile, ExeTraits, Group, Thread, User};

/// Bits of how a thread was begun (`PPM_CL_*`).
const NEW_PROCESS_SPACE: u32 = 1 << 6;
const SAME_PARENT: u32 = 1 << 8;
const WAITS_FOR_CHILD: u32 = 1 << 27;
const IN_PROCESS_SPACE: u32 = 1 << 29;

/// How long ago a birth may have been told of by the other side, in nanoseconds.
const BIRTH_NS: u64 = 2_000_000_000;

/// The path is empty: the program is what the descriptor stands for.
const EMPTY_PATH: u64 = 1;

/// The words of a command line, or of an environment.
fn words(event: &Event<'_>, name: &str) -> Vec<Vec<u8>> {
    zero_separated(event.bytes(name).unwrap_or_default())
}

fn program(event: &Event<'_>, thread: &mut Thread) {
    thread.exe = Some(event.text("exe").unwrap_or_default().to_vec());
    thread.args = Some(words(event, "args"));
    // Old sensors did not tell the name.
    thread.name = event.text("comm").map(<[u8]>::to_vec).or_else(|| thread.exe.clone());
}

/// How much memory a process has: all, resident, swapped out.
pub(super) fn memory(event: &Event<'_>) -> Option<[u64; 3]> {
    // Where one is known, all are.
    Some([event.unsigned("vm_size")?, event.unsigned("vm_rss")?, event.unsigned("vm_swap")?])
}

/// How often a thread wanted memory that was not there.
pub(super) fn page_faults(event: &Event<'_>) -> [u64; 2] {
    ["pgft_maj", "pgft_min"].map(|name| event.unsigned(name).unwrap_or_default())
}

/// What both births and new programs tell.
fn surroundings(event: &Event<'_>, thread: &mut Thread) {
    thread.descriptors_max = event.signed("fdlimit").filter(|most| *most >= 0).map(i64::cast_unsigned);
    if let Some(groups) = event.bytes("cgroups").and_then(|_| control_groups(words(event, "cgroups"))) {
        thread.cgroups = groups;
    }
}

impl State {
    /// The end of a call that begins a thread: it is told of by the one that calls, and by the new one.
    pub(super) fn birth(&mut self, scene: &mut Scene<'_>) {
        match scene.outcome {
            Some(0) => self.birth_of_self(scene),
            Some(child) if child > 0 => self.birth_of_child(scene, child),
            _ => {}
        }
    }

    fn birth_of_child(&mut self, scene: &mut Scene<'_>, tid: i64) {
        let event = scene.event;
        if !self.threads.make_unknown(event.tid) {
            scene.tid = None;
            return;
        }
        scene.tid = Some(event.tid);
        let is_known = self.threads.get(event.tid).is_some_and(|slot| !slot.is_unknown());
        if !is_known {
            self.threads.change(event.tid, |thread| {
                thread.pid = event.signed("pid").unwrap_or(thread.tid);
                thread.ppid = event.signed("ptid").unwrap_or(-1);
                let inner = event.signed("vtid").zip(event.signed("vpid"));
                thread.vtid = Some(inner.map_or(thread.tid, |(vtid, _)| vtid));
                thread.vpid = inner.map(|(_, vpid)| vpid);
            });
        }
        let Some(caller) = self.threads.get(event.tid).cloned() else { return };
        let flags = event.u32("flags").unwrap_or_default();
        // The child of one in a container tells of itself: its number here is another one.
        let is_inside = flags & (IN_PROCESS_SPACE | NEW_PROCESS_SPACE | SAME_PARENT) != 0
            || caller.thread.vtid.is_some_and(|vtid| vtid != event.tid);
        let is_told_by_child = flags & WAITS_FOR_CHILD != 0 || event.row.name == "vfork";
        if is_inside || is_told_by_child || self.threads.has_ended(tid, event.tid, event.time_ns) {
            return;
        }
        if let Some(there) = self.threads.get(tid) {
            if there.is_inverted {
                return;
            }
            self.threads.remove(tid, None);
        }
        let is_thread = flags & IS_THREAD != 0;
        let mut child = if is_known { self.inherit(&caller, is_thread) } else { Slot::default() };
        let thread = Arc::make_mut(&mut child.thread);
        thread.tid = tid;
        thread.pid = if is_thread { caller.thread.pid } else { tid };
        thread.ppid = if is_thread { caller.thread.ppid } else { event.tid };
        (thread.vtid, thread.vpid) = (Some(thread.tid), Some(thread.pid));
        child.shares_files = is_thread;
        self.tell_birth(event, &mut child);
        if !is_known {
            let copy = child.thread.clone();
            self.threads.change(event.tid, |thread| {
                (thread.name, thread.exe, thread.args) =
                    (copy.name.clone(), copy.exe.clone(), copy.args.clone());
            });
        }
        self.threads.insert(child);
    }

    fn birth_of_self(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        if let Some(slot) = self.threads.get(event.tid).filter(|slot| slot.cloned_ns != 0) {
            if event.time_ns.saturating_sub(slot.cloned_ns) < BIRTH_NS {
                return;
            }
            self.threads.remove(event.tid, None);
        }
        let flags = event.u32("flags").unwrap_or_default();
        let is_thread = flags & IS_THREAD != 0;
        let (pid, ppid) = (event.signed("pid").unwrap_or(event.tid), event.signed("ptid").unwrap_or(-1));
        let from = if is_thread { pid } else { ppid };
        let inner = event.signed("vtid").zip(event.signed("vpid"));
        if !self.threads.make_unknown(from) {
            scene.tid = None;
            return;
        }
        if is_thread && from != event.tid && self.threads.get(from).is_some_and(Slot::is_unknown) {
            let event_vpid = inner.map(|(_, vpid)| vpid);
            self.threads.change(from, |thread| {
                (thread.pid, thread.ppid) = (pid, ppid);
                (thread.vpid, thread.vtid) = (event_vpid, event_vpid);
                program(event, thread);
            });
        }
        let source = self.threads.get(from).filter(|slot| !slot.is_unknown()).cloned();
        let mut child = source.map_or_else(Slot::default, |source| self.inherit(&source, is_thread));
        let thread = Arc::make_mut(&mut child.thread);
        (thread.tid, thread.pid, thread.ppid) = (event.tid, pid, ppid);
        thread.vtid = Some(inner.map_or(event.tid, |(vtid, _)| vtid));
        thread.vpid = inner.map(|(_, vpid)| vpid);
        child.shares_files = is_thread;
        child.is_inverted = true;
        self.tell_birth(event, &mut child);
        let is_inside =
            flags & (IN_PROCESS_SPACE | NEW_PROCESS_SPACE) != 0 || child.thread.vtid != Some(event.tid);
        if is_inside {
            let started =
                event.unsigned("pidns_init_start_ts").map(|start| start.saturating_add(self.boot_ns));
            Arc::make_mut(&mut child.thread).namespace_started_ns = started;
        }
        scene.tid = self.threads.insert(child).then_some(event.tid);
    }

    /// What a child has of its parent; a thread uses the descriptors, the folder and the environment of its process.
    fn inherit(&self, parent: &Slot, is_thread: bool) -> Slot {
        let mut thread = Thread::clone(&parent.thread);
        let mut files = Arc::default();
        if is_thread {
            (thread.cwd, thread.env) = (None, None);
        } else {
            let main = self.threads.main(parent.thread.tid).unwrap_or(parent);
            (thread.cwd, thread.env) = (main.thread.cwd.clone(), main.thread.env.clone());
            files = self.threads.files(parent.thread.tid).cloned().unwrap_or_default();
        }
        Slot { thread: Arc::new(thread), files, ..Slot::default() }
    }

    fn tell_birth(&mut self, event: &Event<'_>, child: &mut Slot) {
        child.cloned_ns = event.time_ns;
        if let Some(memory) = memory(event) {
            (child.usage.memory_kb, child.usage.page_faults) = (Some(memory), Some(page_faults(event)));
        }
        let boot_ns = self.boot_ns;
        let thread = Arc::make_mut(&mut child.thread);
        program(event, thread);
        surroundings(event, thread);
        thread.user = Some(User { uid: event.u32("uid").unwrap_or(u32::MAX), ..User::default() });
        thread.group = Some(Group { gid: event.u32("gid").unwrap_or(u32::MAX), ..Group::default() });
        thread.started_ns = Some(event.time_ns);
        thread.namespace_started_ns = Some(boot_ns).filter(|boot| *boot != 0);
        self.name_container(thread);
    }

    /// The end of a call that begins a program.
    pub(super) fn program(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let Some(tid) = scene.tid.filter(|_| scene.success().is_some()) else { return };
        self.threads.revive(tid);
        let path = self.program_path(scene, tid);
        let is_unknown = self.threads.get(tid).is_some_and(Slot::is_unknown);
        self.threads.change(tid, |thread| {
            program(event, thread);
            surroundings(event, thread);
            thread.pid = event.signed("pid").unwrap_or(tid);
            if is_unknown {
                thread.ppid = event.signed("ptid").unwrap_or(-1);
                (thread.vtid, thread.vpid) = (Some(tid), Some(thread.pid));
            }
            thread.exe_path = path.as_deref().map(program_path).or_else(|| thread.exe_path.take());
            identity(event, thread);
        });
        if let Some(memory) = memory(event) {
            self.threads.set_usage(tid, Some(memory), Some(page_faults(event)));
        }
        let mut named = self.threads.get(tid).map(|slot| Thread::clone(&slot.thread)).unwrap_or_default();
        self.name_container(&mut named);
        self.threads.change(tid, |thread| *thread = named);
        self.threads.keep_files(tid, |_, file| !file.is_close_on_exec());
        if let Some(slot) = self.threads.slot(tid) {
            slot.shares_files = false;
        }
        // A new program ends all other threads of the process.
        for other in self.threads.others(tid) {
            self.threads.remove(other, None);
        }
    }

    /// The path of the program: as the kernel tells it, or put together of what the call was given.
    fn program_path(&self, scene: &mut Scene<'_>, tid: i64) -> Option<Vec<u8>> {
        if let Some(path) = scene.event.text("trusted_exepath") {
            return Some(path.to_vec());
        }
        let beginning = scene.beginning.take()?;
        let mut room = Room::default();
        let beginning = beginning.event(&mut room);
        let unknown = || Some(b"<NA>".to_vec());
        if beginning.row.name == "execve" {
            let name = beginning.text("filename")?;
            return if name == b"<NA>" { unknown() } else { Some(self.path(tid, None, name)) };
        }
        let name = beginning.text("pathname").unwrap_or_default();
        let folder = beginning.signed("dirfd");
        let flags = beginning.unsigned("flags").unwrap_or_default();
        let base = if name.starts_with(b"/") { None } else { Some(self.folder(tid, folder)) };
        if base.as_ref().is_some_and(Option::is_some) && folder.is_some_and(|folder| folder >= 0) {
            scene.number = folder;
            scene.name_before =
                folder.and_then(|folder| self.threads.file(tid, folder)).map(|file| file.name.clone());
        }
        match base {
            Some(None) => unknown(),
            Some(Some(folder)) if flags & EMPTY_PATH != 0 => Some(path::join(b"", &folder)),
            _ if name == b"<NA>" => unknown(),
            _ => Some(self.path(tid, folder, name)),
        }
    }

    /// A thread ends; it is taken away when the next event comes.
    pub(super) fn end(&mut self, scene: &Scene<'_>) {
        let Some(tid) = scene.tid else { return };
        self.threads.end(tid);
        self.ended = Some(Ended::Thread(tid, scene.event.signed("reaper_tid").filter(|reaper| *reaper > 0)));
    }
}

/// Who runs a new program, and from which file: what newer sensors tell.
fn identity(event: &Event<'_>, thread: &mut Thread) {
    if event.bytes("env").is_some() {
        thread.env = Some(words(event, "env"));
    }
    if let Some(tty) = event.u32("tty") {
        thread.tty = Some(tty);
    }
    if let Some(vpgid) = event.signed("vpgid") {
        thread.vpgid = Some(vpgid);
    }
    if let Some(number) = event.u32("loginuid") {
        thread.login = Some((login(number), None));
    }
    if event.bytes("cap_effective").is_some() {
        let set = |name| event.unsigned(name).unwrap_or_default();
        thread.capabilities = Some([set("cap_permitted"), set("cap_effective"), set("cap_inheritable")]);
    }
    let mut file = ExeFile::default();
    if let Some(flags) = event.u32("flags") {
        let has = |bit: u32| flags & 1 << bit != 0;
        file.traits = ExeTraits {
            is_writable: has(0),
            is_upper_layer: has(1),
            is_memfd: has(2),
            is_lower_layer: has(3),
        };
    } else if let Some(before) = thread.exe_file {
        file.traits = before.traits;
    }
    if event.bytes("exe_ino_mtime").is_some() {
        let number = |name| event.unsigned(name).unwrap_or_default();
        (file.inode, file.ctime_ns, file.mtime_ns) =
            (number("exe_ino"), number("exe_ino_ctime"), number("exe_ino_mtime"));
    }
    thread.exe_file = Some(file);
    if let Some(uid) = event.u32("uid") {
        thread.user = Some(User { uid, ..User::default() });
    }
    if let Some(gid) = event.u32("gid") {
        thread.group = Some(Group { gid, ..Group::default() });
    }
    thread.pgid = event.signed("pgid").filter(|pgid| *pgid != -1);
}
