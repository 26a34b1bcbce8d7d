//! Fields of the process and the thread: `proc.*`, `thread.*`.

use std::borrow::Cow;

use super::super::flags;
use super::super::snapshot::ThreadView;
use super::super::wire::{Number, Text, event, thread as flag};
use super::{Record, made, text};
use crate::field;
use crate::value::Value;

type Argument<'a> = Option<&'a field::Argument>;

/// The working directory, with a slash at its end.
pub(super) fn working_directory(thread: ThreadView<'_>) -> Option<Cow<'_, [u8]>> {
    let directory = thread.text(Text::WorkingDirectory)?;
    if directory.is_empty() || directory.ends_with(b"/") {
        return Some(directory.into());
    }
    Some([directory, b"/"].concat().into())
}

/// Fields that are a number of the thread with a sign.
macro_rules! signed_fields {
    ($($(#[$doc:meta])* $name:ident: $number:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
            record.thread()?.signed(Number::$number).map(Value::Signed)
        }
    )*};
}

/// Fields that are a number of the thread without a sign.
macro_rules! unsigned_fields {
    ($($(#[$doc:meta])* $name:ident: $number:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
            record.thread()?.number(Number::$number).map(Value::Unsigned)
        }
    )*};
}

/// Fields that are a number of what the process used when the event happened.
macro_rules! usage_fields {
    ($($(#[$doc:meta])* $name:ident: $flag:ident, $place:literal;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
            record.used(event::$flag, $place).map(Value::Unsigned)
        }
    )*};
}

/// Fields that are a text of the thread.
macro_rules! text_fields {
    ($($(#[$doc:meta])* $name:ident: $text:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
            text(record.thread()?.text(Text::$text)?)
        }
    )*};
}

/// Fields that are so of the program's file, or not.
macro_rules! file_fields {
    ($($(#[$doc:meta])* $name:ident: $flag:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
            Some(Value::Bool(record.thread()?.0.is(flag::$flag)))
        }
    )*};
}

signed_fields! {
    /// `thread.tid`.
    tid: Tid;
    /// `proc.pid`.
    pid: Pid;
    /// `proc.pgid`.
    group: Group;
    /// `proc.vpgid`.
    namespace_group: NamespaceGroup;
    /// `proc.sid`.
    session: Session;
    /// `proc.vpid`.
    vpid: Vpid;
    /// `thread.vtid`.
    vtid: Vtid;
}

unsigned_fields! {
    /// `proc.tty`.
    terminal: Terminal;
    /// `proc.nchilds`.
    children: Children;
    /// `proc.nthreads`.
    threads: Threads;
}

usage_fields! {
    /// `proc.fdopencount`.
    descriptors_open: HAS_DESCRIPTORS_OPEN, 0;
    /// `proc.vmsize`.
    memory_all: HAS_MEMORY, 0;
    /// `proc.vmrss`.
    memory_resident: HAS_MEMORY, 1;
    /// `proc.vmswap`.
    memory_swapped: HAS_MEMORY, 2;
    /// `thread.pfmajor`.
    faults_major: HAS_PAGE_FAULTS, 0;
    /// `thread.pfminor`.
    faults_minor: HAS_PAGE_FAULTS, 1;
}

text_fields! {
    /// `proc.exe`.
    exe: Exe;
    /// `proc.exepath`.
    exe_path: ExePath;
    /// `proc.stdin.name`.
    input_name: InputName;
    /// `proc.stdout.name`.
    output_name: OutputName;
    /// `proc.stderr.name`.
    error_name: ErrorName;
    /// `thread.cgroups`.
    control_groups: ControlGroups;
}

file_fields! {
    /// `proc.is_exe_writable`.
    is_exe_writable: IS_EXE_WRITABLE;
    /// `proc.is_exe_upper_layer`.
    is_exe_upper_layer: IS_EXE_UPPER_LAYER;
    /// `proc.is_exe_lower_layer`.
    is_exe_lower_layer: IS_EXE_LOWER_LAYER;
    /// `proc.is_exe_from_memfd`.
    is_exe_memfd: IS_EXE_MEMFD;
}

/// `proc.name`.
pub(super) fn name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    text(record.thread()?.name()?)
}

/// `proc.cmdline`.
pub(super) fn command_line<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    text(record.thread()?.command_line()?)
}

/// `proc.exeline`.
pub(super) fn exe_line<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let thread = record.thread()?;
    made([thread.text(Text::Exe)?, b" ", thread.arguments().unwrap_or_default()].concat())
}

/// `proc.args`: all, or one.
pub(super) fn arguments<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    let thread = record.thread()?;
    match asked {
        None => text(thread.arguments()?),
        Some(field::Argument::Index(place)) => {
            text(thread.each_argument()?.nth(usize::try_from(*place).ok()?).unwrap_or_default())
        }
        Some(field::Argument::Key(_)) => None,
    }
}

/// `proc.cmdnargs`.
pub(super) fn argument_count<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.thread()?.each_argument().map(|words| Value::Unsigned(words.count() as u64))
}

/// `proc.cmdlenargs`.
pub(super) fn argument_bytes<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.thread()?.each_argument().map(|words| Value::Unsigned(words.bytes() as u64))
}

/// The value of a variable, without blanks around it; empty where there is none.
fn variable<'r>(thread: ThreadView<'r>, name: &str) -> Option<&'r [u8]> {
    let value = thread.each_variable()?.find_map(|variable| {
        let value = variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        (!value.is_empty()).then_some(value)
    });
    Some(value.map(blanks_stripped).unwrap_or_default())
}

fn blanks_stripped(mut value: &[u8]) -> &[u8] {
    while let Some(rest) = value.strip_prefix(b" ") {
        value = rest;
    }
    while let Some(rest) = value.strip_suffix(b" ") {
        value = rest;
    }
    value
}

/// `proc.env`: all, or one by its name.
pub(super) fn environment<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    let thread = record.thread()?;
    match asked {
        Some(field::Argument::Key(name)) => text(variable(thread, name)?),
        _ => text(thread.text(Text::Environment)?),
    }
}

/// `proc.aenv`: all of a parent by its number, or a variable of the nearest parent that has it.
pub(super) fn parents_environment<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    let whole = |thread: ThreadView<'r>| text(thread.text(Text::Environment)?);
    match asked {
        None => listed(record, whole),
        Some(field::Argument::Index(generation)) => whole(record.ancestor(*generation)?),
        Some(field::Argument::Key(name)) => {
            record.thread()?;
            let mut values = record.parents().filter_map(|parent| variable(parent, name));
            text(values.find(|value| !value.is_empty()).unwrap_or_default())
        }
    }
}

/// `proc.cwd`.
pub(super) fn directory<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    working_directory(record.thread()?).map(Value::Bytes)
}

/// `thread.ismain`.
pub(super) fn is_main<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let thread = record.thread()?;
    Some(Value::Bool(thread.number(Number::Tid) == thread.number(Number::Pid)))
}

/// `proc.ppid`.
pub(super) fn parent_pid<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let known = record.parents().next().and_then(|parent| parent.signed(Number::Pid));
    let said = || record.thread()?.signed(Number::ParentPid).filter(|pid| *pid > 0);
    known.or_else(said).map(Value::Signed)
}

/// `proc.pvpid`.
pub(super) fn parent_vpid<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let known = record.parents().next().and_then(|parent| parent.signed(Number::Vpid));
    record.thread()?.signed(Number::ParentVpid).or(known).map(Value::Signed)
}

/// `proc.pname`.
pub(super) fn parent_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    text(record.parents().next()?.name()?)
}

/// `proc.pcmdline`.
pub(super) fn parent_command_line<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    text(record.parents().next()?.command_line()?)
}

/// `proc.pexe`.
pub(super) fn parent_exe<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    text(record.parents().next()?.text(Text::Exe)?)
}

/// `proc.pexepath`.
pub(super) fn parent_exe_path<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    text(record.parents().next()?.text(Text::ExePath)?)
}

/// What all parents have; nothing where there are none.
fn listed<'r>(record: &Record<'r>, of: impl Fn(ThreadView<'r>) -> Option<Value<'r>>) -> Option<Value<'r>> {
    let all: Vec<Value<'r>> = record.parents().filter_map(of).collect();
    (!all.is_empty()).then_some(Value::List(all))
}

/// What a process has: the thread's for zero, a parent's for more; all parents' where none is asked for.
fn of_ancestor<'r>(
    record: &Record<'r>,
    asked: Argument<'_>,
    of: impl Fn(ThreadView<'r>) -> Option<Value<'r>>,
) -> Option<Value<'r>> {
    match asked {
        None => listed(record, of),
        Some(field::Argument::Index(generation)) => of(record.ancestor(*generation)?),
        Some(field::Argument::Key(_)) => None,
    }
}

/// `proc.aname`.
pub(super) fn ancestor_name<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    of_ancestor(record, asked, |thread| text(thread.process_name()?))
}

/// `proc.aexe`.
pub(super) fn ancestor_exe<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    of_ancestor(record, asked, |thread| text(thread.text(Text::Exe)?))
}

/// `proc.aexepath`.
pub(super) fn ancestor_exe_path<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    of_ancestor(record, asked, |thread| text(thread.text(Text::ExePath)?))
}

/// `proc.acmdline`.
pub(super) fn ancestor_command_line<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    of_ancestor(record, asked, |thread| text(thread.command_line()?))
}

/// `proc.aargs`: a text where no parent is asked for, with a blank before those of each parent but the first that has any.
pub(super) fn ancestor_arguments<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    if asked.is_some() {
        return of_ancestor(record, asked, |thread| text(thread.arguments()?));
    }
    let mut all = Vec::new();
    for parent in record.parents() {
        if !all.is_empty() {
            all.push(b' ');
        }
        all.extend_from_slice(parent.arguments().unwrap_or_default());
    }
    if all.is_empty() { None } else { made(all) }
}

/// `proc.apid`.
pub(super) fn ancestor_pid<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    of_ancestor(record, asked, |thread| thread.signed(Number::Pid).map(Value::Signed))
}

/// `proc.loginshellid`: the eldest process whose name ends with `sh`, where it is not told.
pub(super) fn login_shell<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let thread = record.thread()?;
    let is_shell = |thread: &ThreadView<'r>| thread.process_name().is_some_and(|name| name.ends_with(b"sh"));
    let eldest = || std::iter::once(thread).chain(record.parents()).filter(is_shell).last();
    let found = || eldest().and_then(|shell| shell.signed(Number::Pid));
    thread.signed(Number::LoginShell).or_else(found).map(Value::Signed)
}

/// What leads a session or a group: what is told of it, or the thread itself where it leads. Of a leader that is not known
/// it is empty, as the reference has it.
fn led<'r>(
    record: &Record<'r>,
    told: Text,
    number: Number,
    own: fn(&ThreadView<'r>) -> Option<&'r [u8]>,
) -> Option<Value<'r>> {
    let thread = record.thread()?;
    if thread.signed(number) == Some(-1) {
        return text(b"");
    }
    if let Some(told) = thread.text(told) {
        return text(told);
    }
    let leader = thread.number(number)?;
    let own_number = if is_in_namespace(number) { Number::Vpid } else { Number::Pid };
    let leads = thread.number(own_number) == Some(leader);
    text(own(&thread).filter(|_| leads).unwrap_or_default())
}

/// Whether a number is one of the namespace.
fn is_in_namespace(number: Number) -> bool {
    matches!(number, Number::Session | Number::NamespaceGroup)
}

/// `proc.sname`.
pub(super) fn session_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    led(record, Text::SessionName, Number::Session, ThreadView::process_name)
}

/// `proc.sid.exe`.
pub(super) fn session_exe<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    led(record, Text::SessionExe, Number::Session, |thread| thread.text(Text::Exe))
}

/// `proc.sid.exepath`.
pub(super) fn session_exe_path<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    led(record, Text::SessionExePath, Number::Session, |thread| thread.text(Text::ExePath))
}

/// `proc.pgid.name`.
pub(super) fn group_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    led(record, Text::GroupLeaderName, Number::Group, ThreadView::process_name)
}

/// `proc.pgid.exe`.
pub(super) fn group_exe<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    led(record, Text::GroupLeaderExe, Number::Group, |thread| thread.text(Text::Exe))
}

/// `proc.pgid.exepath`.
pub(super) fn group_exe_path<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    led(record, Text::GroupLeaderExePath, Number::Group, |thread| thread.text(Text::ExePath))
}

/// `proc.vpgid.name`.
pub(super) fn namespace_group_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    led(record, Text::GroupLeaderName, Number::NamespaceGroup, ThreadView::process_name)
}

/// `proc.vpgid.exe`.
pub(super) fn namespace_group_exe<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    led(record, Text::GroupLeaderExe, Number::NamespaceGroup, |thread| thread.text(Text::Exe))
}

/// `proc.vpgid.exepath`.
pub(super) fn namespace_group_exe_path<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    led(record, Text::GroupLeaderExePath, Number::NamespaceGroup, |thread| thread.text(Text::ExePath))
}

fn same<'v>(record: &Record<'_>, left: Number, right: Number) -> Option<Value<'v>> {
    let thread = record.thread()?;
    // A number that is not known is -1 to the reference, and the same as another that is not.
    Some(Value::Bool(thread.signed(left)? == thread.signed(right).unwrap_or(-1)))
}

/// `proc.is_sid_leader`.
pub(super) fn leads_session<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    same(record, Number::Session, Number::Vpid)
}

/// `proc.is_pgid_leader`.
pub(super) fn leads_group<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    same(record, Number::Group, Number::Pid)
}

/// `proc.is_vpgid_leader`.
pub(super) fn leads_namespace_group<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    same(record, Number::NamespaceGroup, Number::Vpid)
}

fn capabilities<'v>(record: &Record<'_>, number: Number) -> Option<Value<'v>> {
    let bits = record.thread()?.number(number)?;
    made(flags::capability_text(bits))
}

/// `thread.cap_permitted`.
pub(super) fn permitted<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    capabilities(record, Number::Permitted)
}

/// `thread.cap_effective`.
pub(super) fn effective<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    capabilities(record, Number::Effective)
}

/// `thread.cap_inheritable`.
pub(super) fn inheritable<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    capabilities(record, Number::Inheritable)
}

/// A number of which zero says that it is not known.
fn known(thread: ThreadView<'_>, number: Number) -> Option<u64> {
    thread.number(number).filter(|number| *number != 0)
}

/// `proc.exe_ino`.
pub(super) fn exe_inode<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    known(record.thread()?, Number::ExeInode).map(Value::Unsigned)
}

/// `proc.exe_ino.ctime`.
pub(super) fn exe_changed<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    known(record.thread()?, Number::ExeChanged).map(Value::Unsigned)
}

/// `proc.exe_ino.mtime`.
pub(super) fn exe_written<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    known(record.thread()?, Number::ExeWritten).map(Value::Unsigned)
}

/// From the change of the program's file to a time of the thread.
fn since_exe_changed<'v>(record: &Record<'_>, until: Number) -> Option<Value<'v>> {
    let thread = record.thread()?;
    let since = known(thread, until)?.checked_sub(known(thread, Number::ExeChanged)?)?;
    Some(Value::Unsigned(since))
}

/// `proc.exe_ino.ctime_duration_proc_start`.
pub(super) fn exe_changed_before_start<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    since_exe_changed(record, Number::Started)
}

/// `proc.exe_ino.ctime_duration_pidns_start`.
pub(super) fn exe_changed_before_namespace<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    since_exe_changed(record, Number::NamespaceStarted)
}

/// `proc.pid.ts`.
pub(super) fn started<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    known(record.thread()?, Number::Started).map(Value::Unsigned)
}

/// `proc.ppid.ts`: zero of a parent of which it is not known.
pub(super) fn parent_started<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let parent = record.parents().next()?;
    Some(Value::Unsigned(parent.number(Number::Started).unwrap_or(0)))
}

/// `proc.pidns_init_start_ts`.
pub(super) fn namespace_started<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    known(record.thread()?, Number::NamespaceStarted).map(Value::Unsigned)
}

fn lives<'v>(record: &Record<'_>, thread: ThreadView<'_>) -> Option<Value<'v>> {
    record.event.time_ns.checked_sub(known(thread, Number::Started)?).map(Value::Unsigned)
}

/// `proc.duration`.
pub(super) fn duration<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    lives(record, record.thread()?)
}

/// `proc.ppid.duration`.
pub(super) fn parent_duration<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    lives(record, record.parents().next()?)
}

/// `proc.fdlimit`.
pub(super) fn descriptors_max<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.thread()?.number(Number::DescriptorsMax).map(Value::Unsigned)
}

/// `proc.fdusage`: in percent.
#[expect(clippy::cast_precision_loss, reason = "there are less than 2^52 descriptors")]
pub(super) fn descriptors_used<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let open = record.used(event::HAS_DESCRIPTORS_OPEN, 0)?;
    let percent = match record.thread()?.number(Number::DescriptorsMax)? {
        0 => 0.0,
        most if open > most => 100.0,
        most => open as f64 * 100.0 / most as f64,
    };
    Some(Value::Double(percent))
}

fn memory_of_main<'v>(record: &Record<'_>, place: usize) -> Option<Value<'v>> {
    let thread = record.thread()?;
    let is_main = thread.number(Number::Tid) == thread.number(Number::Pid);
    let kilobytes = record.used(event::HAS_MEMORY, place)?;
    Some(Value::Unsigned(if is_main { kilobytes } else { 0 }))
}

/// `thread.vmsize`: of the main thread alone.
pub(super) fn main_memory_all<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    memory_of_main(record, 0)
}

/// `thread.vmrss`: of the main thread alone.
pub(super) fn main_memory_resident<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    memory_of_main(record, 1)
}

/// `thread.exectime`, `thread.totexectime`: the reference counts switches of the scheduler, which it does not ask for.
pub(super) fn execution_time<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.has_thread().then_some(Value::Unsigned(0))
}

/// `thread.cgroup`: the path in a subsystem.
pub(super) fn control_group<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    let field::Argument::Key(subsystem) = asked? else { return None };
    let mut groups = record.thread()?.each_control_group()?;
    text(groups.find_map(|group| group.strip_prefix(subsystem.as_bytes())?.strip_prefix(b"="))?)
}

fn standard_type<'v>(record: &Record<'_>, place: usize) -> Option<Value<'v>> {
    record.thread()?.standard_type(place).map(|kind| Value::text(kind.name()))
}

/// `proc.stdin.type`.
pub(super) fn input_type<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    standard_type(record, 0)
}

/// `proc.stdout.type`.
pub(super) fn output_type<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    standard_type(record, 1)
}

/// `proc.stderr.type`.
pub(super) fn error_type<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    standard_type(record, 2)
}
