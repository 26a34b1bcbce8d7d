//! The process of an event, its parents, and its user.

use std::sync::Arc;

use super::container;
use super::said::Said;
use crate::record::{Bytes, ExeFile, ExeTraits, Group, Thread, User};

/// The fields of one process among several: itself, or a parent.
struct Names {
    name: String,
    exe: String,
    exe_path: String,
    command_line: String,
    pid: String,
}

/// The fields of parents that have a number in brackets.
const PARENTS: [&str; 6] =
    ["proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid", "proc.aargs"];

/// Most parents that are made.
const PARENTS_MAX: u32 = 64;

/// The number of the process of which a test does not say it; parents count down from it.
const PID: i64 = 1000;

/// How long the process has lived, in nanoseconds, where that is not said.
const AGE_NS: u64 = 1_000_000_000;

/// Most bytes of a name that the kernel keeps.
const NAME_BYTES_MAX: usize = 15;

/// The process of an event that happened at a time.
pub(super) fn of(said: &Said<'_>, time_ns: u64) -> Thread {
    let container = container::of(said).map(Arc::new);
    let is_on_host = container.is_none() && !said.is_null("container.id");
    let mut parent: Option<Arc<Thread>> = None;
    for generation in (1..=generations(said)).rev() {
        let mut thread = process(said, &Names::of(said, generation), &Default::of(said, generation), time_ns);
        thread.user = user(said);
        thread.container.clone_from(&container);
        thread.is_on_host = is_on_host;
        thread.ppid = parent.as_ref().map_or(0, |parent| parent.pid);
        if generation == 1 {
            thread.vpid = said.signed("proc.pvpid").or(thread.vpid);
        }
        thread.parent = parent.take().into();
        parent = Some(Arc::new(thread));
    }
    let mut thread = process(said, &Names::of(said, 0), &Default::of(said, 0), time_ns);
    thread.ppid = parent.as_ref().map_or(0, |parent| parent.pid);
    own(said, &mut thread, time_ns);
    thread.session_leader =
        leader(said, "proc.sname", "proc.sid.exe", "proc.sid.exepath").or_else(|| parent.clone());
    thread.group_leader = leader(said, "proc.pgid.name", "proc.pgid.exe", "proc.pgid.exepath");
    thread.parent = parent.into();
    thread.container = container;
    thread.is_on_host = is_on_host;
    thread
}

/// How many parents there are: up to the last that is named, and `systemd` above; up to one that is said not to be.
fn generations(said: &Said<'_>) -> u32 {
    let named = said.largest_index(&PARENTS).min(PARENTS_MAX);
    let all = named.max(1) + 1;
    let is_missing = |generation: &u32| said.is_null(&Names::of(said, *generation).name);
    (1..=all)
        .find(|generation| is_missing(generation) && *generation >= named)
        .map_or(all, |missing| missing - 1)
}

impl Names {
    /// The fields of a process: itself for zero, its parent for one, which has fields of its own beside those of all parents.
    fn of(said: &Said<'_>, generation: u32) -> Self {
        let of = |own: &str, parents: &str, others: &str| {
            let counted = format!("{others}[{generation}]");
            match generation {
                0 => own.to_owned(),
                1 if !said.names(&counted) => parents.to_owned(),
                _ => counted,
            }
        };
        Self {
            name: of("proc.name", "proc.pname", "proc.aname"),
            exe: of("proc.exe", "proc.pexe", "proc.aexe"),
            exe_path: of("proc.exepath", "proc.pexepath", "proc.aexepath"),
            command_line: of("proc.cmdline", "proc.pcmdline", "proc.acmdline"),
            pid: of("proc.pid", "proc.ppid", "proc.apid"),
        }
    }
}

/// What a process is where nothing is said of it.
struct Default {
    name: &'static [u8],
    exe_path: &'static [u8],
    pid: i64,
}

impl Default {
    fn of(said: &Said<'_>, generation: u32) -> Self {
        let pid = said.signed("proc.pid").unwrap_or(PID);
        match generation {
            0 => Self { name: b"test", exe_path: b"/usr/bin/test", pid },
            last if last == generations(said) && last > 1 => {
                Self { name: b"systemd", exe_path: b"/usr/lib/systemd/systemd", pid: 1 }
            }
            parent => Self { name: b"sh", exe_path: b"/usr/bin/sh", pid: PID - i64::from(parent) },
        }
    }
}

fn process(said: &Said<'_>, names: &Names, default: &Default, time_ns: u64) -> Thread {
    let command_line = said.text(&names.command_line);
    let mut words = command_line.as_deref().map(words);
    let first = words.as_mut().filter(|words| !words.is_empty()).map(|words| words.remove(0));
    let said_exe = said.text(&names.exe);
    let said_path = said.text(&names.exe_path);
    let named_by = said_path.as_ref().or(said_exe.as_ref()).or(first.as_ref());
    let name = said.text_or(&names.name, || {
        Some(named_by.map_or_else(|| default.name.to_vec(), |path| short_name(path)))
    });
    let exe = said.text_or(&names.exe, || first.clone().or_else(|| name.clone()));
    let exe_path = said.text_or(&names.exe_path, || {
        let path = said_exe.as_ref().or(first.as_ref()).filter(|exe| exe.starts_with(b"/"));
        match (path, &name) {
            (Some(path), _) => Some(path.clone()),
            (None, Some(name)) if name != default.name => Some([b"/usr/bin/".as_slice(), name].concat()),
            (None, _) => Some(default.exe_path.to_vec()),
        }
    });
    let pid = said.signed(&names.pid).unwrap_or(default.pid);
    Thread {
        tid: pid,
        pid,
        vtid: Some(pid),
        vpid: Some(pid),
        pgid: Some(pid),
        vpgid: Some(pid),
        sid: Some(pid),
        name,
        exe,
        exe_path,
        args: Some(words.unwrap_or_default()),
        env: Some(Vec::new()),
        cwd: Some(b"/".to_vec()),
        tty: Some(0),
        login: Some((-1, None)),
        exe_file: Some(ExeFile::default()),
        started_ns: Some(time_ns.saturating_sub(AGE_NS)),
        ..Thread::default()
    }
}

/// What is said of the process itself alone.
fn own(said: &Said<'_>, thread: &mut Thread, time_ns: u64) {
    let pid = thread.pid;
    thread.tid = said.signed("thread.tid").unwrap_or(pid);
    thread.vpid = said.signed_or("proc.vpid", pid);
    thread.vtid = said.signed_or("thread.vtid", thread.vpid.unwrap_or(pid));
    thread.pvpid = said.signed_or("proc.pvpid", thread.ppid);
    thread.pgid = said.signed_or("proc.pgid", pid);
    thread.vpgid = said.signed_or("proc.vpgid", thread.pgid.unwrap_or(pid));
    thread.sid = said.signed_or("proc.sid", thread.ppid);
    thread.login_shell = said.signed("proc.loginshellid");
    if let Some(text) = said.text("proc.args") {
        thread.args = Some(words(&text));
    } else if said.is_null("proc.args") {
        thread.args = None;
    }
    thread.env = if said.is_null("proc.env") { None } else { Some(environment(said)) };
    thread.cwd = said.text_or("proc.cwd", || Some(b"/".to_vec()));
    thread.tty = said.signed_or("proc.tty", 0).and_then(|tty| u32::try_from(tty).ok());
    thread.user = user(said);
    thread.group = group(said, thread.user.as_ref());
    thread.login = said.signed_or("user.loginuid", -1).map(|uid| {
        let name = said.text_or("user.loginname", || (uid == 0).then(|| b"root".to_vec()));
        (uid, name)
    });
    thread.exe_file = Some(ExeFile {
        inode: said.unsigned("proc.exe_ino").unwrap_or(1),
        ctime_ns: said.unsigned("proc.exe_ino.ctime").unwrap_or(0),
        mtime_ns: said.unsigned("proc.exe_ino.mtime").unwrap_or(0),
        traits: ExeTraits {
            is_writable: said.is("proc.is_exe_writable"),
            is_upper_layer: said.is("proc.is_exe_upper_layer"),
            is_lower_layer: said.is("proc.is_exe_lower_layer"),
            is_memfd: said.is("proc.is_exe_from_memfd"),
        },
    });
    let age = said.unsigned("proc.duration").unwrap_or(AGE_NS);
    thread.started_ns = Some(said.unsigned("proc.pid.ts").unwrap_or(time_ns.saturating_sub(age)));
    thread.namespace_started_ns = said.unsigned("proc.pidns_init_start_ts");
    thread.descriptors_max = said.unsigned("proc.fdlimit");
    thread.children = said.unsigned("proc.nchilds");
    thread.threads = said.unsigned("proc.nthreads");
}

/// The leader of the session or of the group, where anything is said of it.
fn leader(said: &Said<'_>, name: &str, exe: &str, exe_path: &str) -> Option<Arc<Thread>> {
    let named = [name, exe, exe_path].map(|field| said.text(field));
    let [name, exe, exe_path] = match named {
        [None, None, None] => return None,
        named => named,
    };
    let name = name.or_else(|| exe_path.as_ref().or(exe.as_ref()).map(|path| short_name(path)));
    Some(Arc::new(Thread { name, exe, exe_path, ..Thread::default() }))
}

/// The environment: the words of `proc.env`, and what is said by name.
fn environment(said: &Said<'_>) -> Vec<Bytes> {
    let mut all = said.text("proc.env").map(|text| words(&text)).unwrap_or_default();
    for (name, value) in said.keyed("proc.env") {
        all.push([name.as_bytes(), b"=", value.as_bytes().unwrap_or_default()].concat());
    }
    all
}

/// The user: root, where nothing is said.
fn user(said: &Said<'_>) -> Option<User> {
    if said.is_null("user.uid") {
        return None;
    }
    let said_name = said.text("user.name");
    let default_uid = if said_name.as_deref().is_none_or(|name| name == b"root") { 0 } else { 1000 };
    let uid = said.unsigned("user.uid").and_then(|uid| u32::try_from(uid).ok()).unwrap_or(default_uid);
    let name = said.text_or("user.name", || (uid == 0).then(|| b"root".to_vec()));
    let home = said.text_or("user.homedir", || match (uid, &name) {
        (0, _) => Some(b"/root".to_vec()),
        (_, Some(name)) => Some([b"/home/".as_slice(), name].concat()),
        (_, None) => None,
    });
    let shell = said.text_or("user.shell", || Some(b"/bin/sh".to_vec()));
    Some(User { uid, name, home, shell })
}

/// The group: that of the user's number, where nothing is said.
fn group(said: &Said<'_>, user: Option<&User>) -> Option<Group> {
    if said.is_null("group.gid") {
        return None;
    }
    let gid = said.unsigned("group.gid").and_then(|gid| u32::try_from(gid).ok());
    let gid = gid.unwrap_or_else(|| user.map_or(0, |user| user.uid));
    let name =
        said.text_or("group.name", || if gid == 0 { Some(b"root".to_vec()) } else { user?.name.clone() });
    Some(Group { gid, name })
}

/// The last part of a path, as short as the kernel makes it.
fn short_name(path: &[u8]) -> Bytes {
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    last.iter().copied().take(NAME_BYTES_MAX).collect()
}

fn words(text: &[u8]) -> Vec<Bytes> {
    text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
}
