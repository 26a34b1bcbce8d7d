//! What the ends of calls change.

use std::sync::Arc;

use super::super::event::Event;
use super::super::parameters::Room;
use super::births::{memory, page_faults};
use super::files::{CLOSE_ON_EXEC, CREATED, DIRECTORY, File, LOWER_LAYER, UPPER_LAYER};
use super::{Ended, Scene, State, path, sockets};
use crate::record::{DescriptorType, Group, User};

/// `O_CLOEXEC`, as the kernel writes it.
const KERNEL_CLOSE_ON_EXEC: u32 = 0o2_000_000;

impl State {
    /// The end of a call that opens a file.
    pub(super) fn open_file(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let Some((tid, number)) = scene.tid.zip(scene.success()) else { return };
        let is_handle = event.row.name == "open_by_handle_at";
        let mut name = event.text(if is_handle { "path" } else { "name" }).unwrap_or(b"<NA>");
        let mut flags = event.u32("flags").unwrap_or_default();
        let mut folder = event.signed("dirfd");
        if event.row.name == "creat" {
            let layers = event.u32("creat_flags").unwrap_or_default();
            flags = if layers & 1 != 0 { UPPER_LAYER } else { LOWER_LAYER * (layers >> 1 & 1) };
        }
        // Memory may have changed since the beginning of the call: that knows better.
        let beginning = scene.beginning.take();
        let mut room = Room::default();
        let begun = beginning.as_ref().map(|beginning| beginning.event(&mut room));
        if let Some((beginning, asked)) =
            begun.as_ref().and_then(|event| event.text("name").map(|name| (event, name)))
            && asked != b"<NA>"
        {
            name = asked;
            let added = flags & !(CREATED - 1);
            flags = beginning.u32("flags").unwrap_or_default() | added;
            folder = beginning.signed("dirfd").or(folder);
        }
        let kind = if flags & DIRECTORY != 0 { DescriptorType::Directory } else { DescriptorType::File };
        let full = if is_handle { path::join(b"", name) } else { self.path(tid, folder, name) };
        let file = File {
            kind,
            name: full,
            raw_name: Some(name.to_vec()),
            device: event.u32("dev"),
            inode: event.unsigned("ino"),
            flags,
            ..File::default()
        };
        self.open(scene, tid, number, file);
        scene.beginning = beginning;
    }

    pub(super) fn pipe(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let Some(tid) = scene.tid.filter(|_| scene.success().is_some()) else { return };
        let flags = event.u32("flags").unwrap_or_default();
        let file = File { inode: event.unsigned("ino"), flags, ..File::new(DescriptorType::Pipe) };
        for end in ["fd1", "fd2"] {
            if let Some(number) = event.signed(end) {
                self.open(scene, tid, number, file.clone());
            }
        }
    }

    pub(super) fn close(&mut self, scene: &Scene<'_>) {
        if let Some((tid, number)) = scene.tid.zip(scene.number).filter(|_| scene.success().is_some()) {
            self.ended = Some(Ended::Descriptor(tid, number));
        }
    }

    pub(super) fn close_range(&mut self, scene: &Scene<'_>) {
        const MARKS: u64 = 1 << 2;
        let event = scene.event;
        let Some(tid) = scene.tid.filter(|_| scene.success().is_some()) else { return };
        let bound = |name| event.u32(name).map_or(0, i64::from);
        let range = bound("first")..=bound("last");
        if event.unsigned("flags").unwrap_or_default() & MARKS == 0 {
            self.threads.keep_files(tid, |number, _| !range.contains(&number));
            return;
        }
        let files = self.threads.files(tid).cloned().unwrap_or_default();
        let is_unmarked =
            |(number, file): &(i64, &File)| range.contains(number) && file.flags & CLOSE_ON_EXEC == 0;
        for (number, _) in files.iter().filter(is_unmarked) {
            self.threads.change_file(tid, number, |file| file.flags |= CLOSE_ON_EXEC);
        }
    }

    pub(super) fn duplicate(&mut self, scene: &mut Scene<'_>) {
        let Some((tid, number)) = scene.tid.zip(scene.success()) else { return };
        let Some(file) = scene.number.and_then(|number| self.threads.file(tid, number)) else { return };
        let mut file = file.duplicate();
        if scene.event.row.name == "dup3" {
            file.flags |= scene.event.u32("flags").unwrap_or_default() & CLOSE_ON_EXEC;
        }
        self.open_copy(scene, tid, number, file);
    }

    /// A descriptor that has the name of another did not get a new one.
    fn open_copy(&mut self, scene: &mut Scene<'_>, tid: i64, number: i64, file: File) {
        scene.number = Some(number);
        scene.name_before = Some(file.name.clone());
        self.threads.open(tid, number, file);
    }

    pub(super) fn control(&mut self, scene: &mut Scene<'_>) {
        const DUPLICATE: u64 = 1;
        const SET: u64 = 3;
        const DUPLICATE_CLOSE_ON_EXEC: u64 = 26;
        let Some((tid, result)) = scene.tid.zip(scene.success()) else { return };
        let Some((number, file)) =
            scene.number.and_then(|number| Some((number, self.threads.file(tid, number)?)))
        else {
            return;
        };
        let argument = scene.event.unsigned("arg").unwrap_or_default();
        let mut copy = file.duplicate();
        match scene.event.unsigned("cmd") {
            Some(DUPLICATE) => self.open_copy(scene, tid, result, copy),
            Some(DUPLICATE_CLOSE_ON_EXEC) => {
                copy.flags |= CLOSE_ON_EXEC;
                self.open_copy(scene, tid, result, copy);
            }
            Some(SET) => {
                copy.flags |= if argument & 1 != 0 { CLOSE_ON_EXEC } else { 0 };
                self.threads.change_file(tid, number, |file| *file = copy);
            }
            _ => {}
        }
    }

    pub(super) fn take_descriptor(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let Some((tid, number)) = scene.tid.zip(scene.success()) else { return };
        let (Some(process), Some(target)) = (event.signed("pid_fd"), event.signed("target_fd")) else {
            return;
        };
        let process = self.threads.file(tid, process).and_then(|file| file.process);
        let Some(file) = process.and_then(|process| self.threads.file(process, target)) else { return };
        let mut file = file.duplicate();
        file.flags |= CLOSE_ON_EXEC;
        self.open_copy(scene, tid, number, file);
    }

    /// Descriptors that stand for no file.
    pub(super) fn open_anonymous(&mut self, scene: &mut Scene<'_>, kind: DescriptorType) {
        let event = scene.event;
        let Some((tid, number)) = scene.tid.zip(scene.success()) else { return };
        let mut file = File::new(kind);
        match event.row.name {
            "epoll_create1" => file.flags = sockets::close_on_exec(event),
            "eventfd2" | "signalfd4" | "inotify_init1" | "timerfd_create" | "memfd_create" | "pidfd_open" => {
                let flags = event.u32("flags").unwrap_or_default();
                file.flags = if flags & KERNEL_CLOSE_ON_EXEC != 0 { flags | CLOSE_ON_EXEC } else { flags };
            }
            _ => {}
        }
        match event.row.name {
            "memfd_create" => {
                file.flags |= sockets::close_on_exec(event);
                file.name = event.text("name").unwrap_or_default().to_vec();
            }
            "pidfd_open" => {
                file.process = event.signed("pid");
                file.name = format!("/proc/{}", file.process.unwrap_or_default()).into_bytes();
            }
            _ => {}
        }
        self.open(scene, tid, number, file);
    }

    /// What a thread changes of itself.
    pub(super) fn change_thread(&mut self, scene: &Scene<'_>) {
        let event = scene.event;
        let (Some(tid), Some(result)) = (scene.tid, scene.success()) else { return };
        match event.row.name {
            "chdir" | "getcwd" => self.set_folder(tid, event.text("path").unwrap_or_default()),
            "fchdir" => {
                if let Some(file) = scene.number.and_then(|number| self.threads.file(tid, number)).cloned() {
                    self.set_folder(tid, &file.name);
                }
            }
            "brk" | "mmap" | "mmap2" | "munmap" => {
                if let Some(memory) = memory(event) {
                    self.threads.set_usage(tid, Some(memory), None);
                }
            }
            "setsid" => self.threads.change(tid, |thread| {
                (thread.sid, thread.pgid) = (Some(result), thread.pgid.map(|_| thread.pid));
            }),
            "setpgid" => self.set_group(event, tid),
            "setresuid" | "setreuid" | "setuid" => self.set_user(event, tid),
            "setresgid" | "setregid" | "setgid" => self.set_group_of_users(event, tid),
            "capset" => {
                let set = |name| event.unsigned(name).unwrap_or_default();
                let sets = [set("cap_permitted"), set("cap_effective"), set("cap_inheritable")];
                self.threads.change(tid, |thread| thread.capabilities = Some(sets));
            }
            "unshare" | "setns" => self.enter(event, tid),
            "prctl" => self.set_process_option(event, tid),
            "getrlimit" | "setrlimit" | "prlimit" => self.set_limit(event, tid),
            _ => {}
        }
    }

    /// A processor goes from one thread to another: what the one that it leaves used until now.
    pub(super) fn switch(&mut self, scene: &Scene<'_>) {
        let event = scene.event;
        let (Some(tid), Some(memory)) = (scene.tid, memory(event)) else { return };
        self.threads.set_usage(tid, None, Some(page_faults(event)));
        if let Some(main) = self.threads.main(tid).map(|slot| slot.thread.tid) {
            self.threads.set_usage(main, Some(memory), None);
        }
    }

    fn set_folder(&mut self, tid: i64, to: &[u8]) {
        let Some(main) = self.threads.main(tid).map(|slot| Arc::clone(&slot.thread)) else { return };
        let folder = path::folder(main.cwd.as_deref().unwrap_or_default(), to);
        self.threads.change(main.tid, |thread| thread.cwd = Some(folder));
    }

    fn set_group(&mut self, event: &Event<'_>, tid: i64) {
        let of = event.signed("pid").filter(|pid| *pid != 0).unwrap_or(tid);
        let group = event.signed("pgid").filter(|pgid| *pgid != 0).unwrap_or(of);
        // Numbers of a namespace are not those of the node.
        let is_inside =
            self.threads.get(tid).is_some_and(|slot| slot.thread.vtid.is_some_and(|vtid| vtid != tid));
        if !is_inside && self.threads.get(of).is_some() {
            self.threads.change(of, |thread| (thread.pgid, thread.vpgid) = (Some(group), Some(group)));
        }
    }

    fn set_user(&mut self, event: &Event<'_>, tid: i64) {
        let uid = event.u32("euid").or_else(|| event.u32("uid")).filter(|uid| *uid != u32::MAX);
        if let Some(uid) = uid {
            self.threads.change(tid, |thread| thread.user = Some(User { uid, ..User::default() }));
        }
    }

    fn set_group_of_users(&mut self, event: &Event<'_>, tid: i64) {
        let gid = event.u32("egid").or_else(|| event.u32("gid")).filter(|gid| *gid != u32::MAX);
        if let Some(gid) = gid {
            self.threads.change(tid, |thread| thread.group = Some(Group { gid, ..Group::default() }));
        }
    }

    /// Who enters a namespace of users may do all in it.
    fn enter(&mut self, event: &Event<'_>, tid: i64) {
        const USERS: u64 = 1 << 20;
        const ALL: u64 = (1 << 41) - 1;
        let flags = event.unsigned("flags").or_else(|| event.unsigned("nstype")).unwrap_or_default();
        if flags & USERS != 0 {
            self.threads.change(tid, |thread| thread.capabilities = Some([ALL; 3]));
        }
    }

    fn set_process_option(&mut self, event: &Event<'_>, tid: i64) {
        const NAME: u64 = 15;
        const TAKES_ORPHANS: u64 = 36;
        match event.unsigned("option") {
            Some(NAME) => {
                if let Some(name) = event.text("arg2_str").filter(|name| !name.is_empty() && *name != b"<NA>")
                {
                    self.threads.change(tid, |thread| thread.name = Some(name.to_vec()));
                }
            }
            Some(TAKES_ORPHANS) => {
                self.threads.set_reaper(tid, event.signed("arg2_int").unwrap_or_default() != 0);
            }
            _ => {}
        }
    }

    fn set_limit(&mut self, event: &Event<'_>, tid: i64) {
        const DESCRIPTORS: u64 = 7;
        if event.unsigned("resource") != Some(DESCRIPTORS) {
            return;
        }
        let most =
            event.signed("cur").or_else(|| event.signed("newcur")).and_then(|most| u64::try_from(most).ok());
        let of = event.signed("pid").filter(|pid| *pid != 0).unwrap_or(tid);
        if let Some((most, main)) = most.zip(self.threads.main(of).map(|slot| slot.thread.tid)) {
            self.threads.change(main, |thread| thread.descriptors_max = Some(most));
        }
    }

    pub(super) fn account(&mut self, event: &Event<'_>) {
        // Those of containers are not those of the node.
        if event.text("container_id").is_some_and(|container| !container.is_empty()) {
            return;
        }
        let text = |name| Some(event.text(name).unwrap_or_default().to_vec());
        let (uid, gid) = (event.u32("uid"), event.u32("gid"));
        match (event.row.name, uid, gid) {
            ("useradded", Some(uid), _) => {
                self.add_account(super::Account::User(User {
                    uid,
                    name: text("name"),
                    home: text("home"),
                    shell: text("shell"),
                }));
            }
            ("userdeleted", Some(uid), _) => drop(self.users.remove(&uid)),
            ("groupadded", _, Some(gid)) => {
                self.add_account(super::Account::Group(Group { gid, name: text("name") }));
            }
            ("groupdeleted", _, Some(gid)) => drop(self.groups.remove(&gid)),
            _ => {}
        }
    }
}
