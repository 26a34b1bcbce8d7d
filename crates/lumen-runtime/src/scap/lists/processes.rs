//! The list of processes, of nine versions.

use super::super::bytes::{Cursor, Order, zero_separated};
use super::{Broken, SHORT, entries};
use crate::record::{ExeFile, ExeTraits, Group, Thread, Usage, User};

/// The version of a list of processes: each has more than the one before.
pub(in super::super) type Version = u8;

/// A process or thread that was there when the capture began.
pub(in super::super) struct Process {
    pub(in super::super) thread: Thread,
    /// Memory and page faults.
    pub(in super::super) usage: Usage,
    /// Bits of how it was begun (`PPM_CL_*`).
    pub(in super::super) flags: u32,
}

/// Reads the list of processes.
pub(in super::super) fn processes(
    block: &[u8],
    order: Order,
    version: Version,
    mut take: impl FnMut(Process),
) -> Result<(), Broken> {
    let has_lengths = version >= 9;
    entries(Cursor::new(block, order), order, has_lengths.then_some(4), |entry| {
        let mut process = process(entry, version).ok_or(SHORT)?;
        if has_lengths {
            tail(entry, &mut process.thread);
        }
        take(process);
        Ok(())
    })
}

/// A number that is not known is -1.
fn known(number: i64) -> Option<i64> {
    (number != -1).then_some(number)
}

fn process(entry: &mut Cursor<'_>, version: Version) -> Option<Process> {
    let mut thread = Thread { tid: entry.i64()?, pid: entry.i64()?, ppid: entry.i64()?, ..Thread::default() };
    let mut usage = Usage::default();
    if version >= 6 {
        thread.sid = known(entry.i64()?);
    }
    if version >= 8 {
        thread.vpgid = known(entry.i64()?);
    }
    thread.name = Some(entry.text()?.to_vec());
    thread.exe = Some(entry.text()?.to_vec());
    if version >= 7 {
        thread.exe_path = Some(program_path(entry.text()?));
    }
    thread.args = Some(zero_separated(entry.text()?));
    thread.cwd = Some(entry.text()?.to_vec());
    thread.descriptors_max = known(entry.i64()?).map(i64::cast_unsigned);
    let flags = entry.u32()?;
    thread.user = Some(User { uid: entry.u32()?, ..User::default() });
    thread.group = Some(Group { gid: entry.u32()?, ..Group::default() });
    if version >= 2 {
        let mut kilobytes = || entry.u32().map(u64::from);
        usage.memory_kb = Some([kilobytes()?, kilobytes()?, kilobytes()?]);
        usage.page_faults = Some([entry.u64()?, entry.u64()?]);
    }
    if version >= 3 {
        thread.env = Some(zero_separated(entry.text()?));
    }
    if version >= 4 {
        thread.vtid = known(entry.i64()?);
        thread.vpid = known(entry.i64()?);
        thread.cgroups = control_groups(zero_separated(entry.text()?)).unwrap_or_default();
        if version >= 5 {
            // Where its files begin, as seen from the node.
            entry.text()?;
        }
    }
    (thread.login, thread.tty) = (Some((-1, None)), Some(0));
    Some(Process { thread, usage, flags })
}

/// What came to the entries of the last version, one after the other; it may end anywhere.
fn tail(entry: &mut Cursor<'_>, thread: &mut Thread) -> Option<()> {
    // Two numbers were put before the others once: they are there where more is left than the others need.
    const OTHERS: usize = 29;
    if entry.len() > OTHERS {
        thread.namespace_started_ns = Some(entry.u64()?).filter(|start| *start != 0);
        thread.tty = Some(entry.u32()?);
    }
    thread.login = Some((login(entry.u32()?), None));
    let mut file = ExeFile {
        traits: ExeTraits { is_writable: entry.u8()? != 0, ..ExeTraits::default() },
        ..ExeFile::default()
    };
    let [inheritable, permitted, effective] = [entry.u64()?, entry.u64()?, entry.u64()?];
    thread.capabilities = Some([permitted, effective, inheritable]);
    let read = more(entry, &mut file);
    thread.exe_file = Some(file);
    read?;
    thread.pgid = known(entry.i64()?);
    Some(())
}

fn more(entry: &mut Cursor<'_>, file: &mut ExeFile) -> Option<()> {
    file.traits.is_upper_layer = entry.u8()? != 0;
    file.inode = entry.u64()?;
    file.ctime_ns = entry.u64()?;
    file.mtime_ns = entry.u64()?;
    file.traits.is_memfd = entry.u8()? != 0;
    file.traits.is_lower_layer = entry.u8()? != 0;
    Some(())
}

/// The path of a program, without what the kernel says of one that was deleted since.
pub(in super::super) fn program_path(path: &[u8]) -> Vec<u8> {
    path.strip_suffix(b" (deleted)").filter(|path| !path.is_empty()).unwrap_or(path).to_vec()
}

/// Control groups with the names that the reference gives to their subsystems; none where one of them has no path.
pub(in super::super) fn control_groups(groups: Vec<Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    let named = |group: Vec<u8>| {
        let place = group.iter().position(|byte| *byte == b'=')?;
        let (subsystem, path) = group.split_at_checked(place)?;
        let subsystem: &[u8] = match subsystem.strip_suffix(b"_cgroup").unwrap_or(subsystem) {
            b"perf" => b"perf_event",
            b"mem" => b"memory",
            b"io" => b"blkio",
            other => other,
        };
        Some([subsystem, path].concat())
    };
    groups.into_iter().map(named).collect()
}

/// The greatest number of four bytes stands for nobody.
pub(in super::super) fn login(number: u32) -> i64 {
    if number == u32::MAX { -1 } else { i64::from(number) }
}
