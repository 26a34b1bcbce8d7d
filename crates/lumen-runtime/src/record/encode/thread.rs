//! Threads as bytes.

use super::super::Thread;
use super::super::bytes::cut;
use super::super::wire::{self, NUMBER_COUNT, Number, TEXT_BYTES_MAX, TEXT_COUNT, Text, WORDS_MAX};
use super::{Draft, Words, bits};

/// Writes a thread, whose parent and container were written before.
pub(in super::super) fn thread(thread: &Thread, parent: u32, container: u32, out: &mut Vec<u8>) {
    let name = cut(thread.name.as_deref().unwrap_or_default(), TEXT_BYTES_MAX);
    let mut line = Words { text: name.to_vec(), ends: Vec::new() };
    line.add(thread.args.as_deref().unwrap_or_default(), false);
    let environment = Words::of(thread.env.as_deref().unwrap_or_default());
    let groups = Words::of(&thread.cgroups);
    let standard: Vec<u8> =
        thread.standard.iter().map(|one| one.as_ref().map_or(u8::MAX, |(kind, _)| *kind as u8)).collect();
    let open: Vec<u8> = thread.descriptor_types.iter().take(WORDS_MAX).map(|kind| *kind as u8).collect();

    let mut draft: Draft<'_, TEXT_COUNT> = Draft::new(NUMBER_COUNT);
    numbers(thread, &mut draft);
    draft.number(Number::NameBytes as usize, thread.name.is_some().then_some(name.len() as u64));
    flags(thread, &mut draft);
    let has_line = thread.name.is_some() || thread.args.is_some();
    for (at, is_there, text) in [
        (Text::CommandLine, has_line, &line.text),
        (Text::ArgumentEnds, thread.args.is_some(), &line.ends),
        (Text::Environment, thread.env.is_some(), &environment.text),
        (Text::EnvironmentEnds, thread.env.is_some(), &environment.ends),
        (Text::ControlGroups, !thread.cgroups.is_empty(), &groups.text),
        (Text::ControlGroupEnds, !thread.cgroups.is_empty(), &groups.ends),
        (Text::StandardTypes, true, &standard),
        (Text::DescriptorTypes, !open.is_empty(), &open),
    ] {
        draft.text(at as usize, is_there.then_some(text.as_slice()), usize::MAX);
    }
    texts(thread, &mut draft);
    draft.write(parent, container, out);
}

fn numbers(thread: &Thread, draft: &mut Draft<'_, TEXT_COUNT>) {
    for (at, number) in [
        (Number::Tid, Some(thread.tid)),
        (Number::Pid, Some(thread.pid)),
        (Number::ParentPid, Some(thread.ppid)),
        (Number::Vtid, thread.vtid),
        (Number::Vpid, thread.vpid),
        (Number::ParentVpid, thread.pvpid),
        (Number::Group, thread.pgid),
        (Number::NamespaceGroup, thread.vpgid),
        (Number::Session, thread.sid),
        (Number::LoginShell, thread.login_shell),
        (Number::LoginUser, thread.login.as_ref().map(|(number, _)| *number)),
    ] {
        draft.number(at as usize, number.map(bits));
    }
    let file = thread.exe_file;
    let [permitted, effective, inheritable] =
        thread.capabilities.map_or([None; 3], |capabilities| capabilities.map(Some));
    for (at, number) in [
        (Number::Terminal, thread.tty.map(u64::from)),
        (Number::User, thread.user.as_ref().map(|user| u64::from(user.uid))),
        (Number::UserGroup, thread.group.as_ref().map(|group| u64::from(group.gid))),
        (Number::Permitted, permitted),
        (Number::Effective, effective),
        (Number::Inheritable, inheritable),
        (Number::ExeInode, file.map(|file| file.inode)),
        (Number::ExeChanged, file.map(|file| file.ctime_ns)),
        (Number::ExeWritten, file.map(|file| file.mtime_ns)),
        (Number::Started, thread.started_ns),
        (Number::NamespaceStarted, thread.namespace_started_ns),
        (Number::DescriptorsMax, thread.descriptors_max),
        (Number::Children, thread.children),
        (Number::Threads, thread.threads),
    ] {
        draft.number(at as usize, number);
    }
}

fn flags(thread: &Thread, draft: &mut Draft<'_, TEXT_COUNT>) {
    let traits = thread.exe_file.map(|file| file.traits).unwrap_or_default();
    draft.flag(wire::thread::IS_ON_HOST, thread.is_on_host);
    draft.flag(wire::thread::HAS_EXE_FILE, thread.exe_file.is_some());
    draft.flag(wire::thread::IS_EXE_WRITABLE, traits.is_writable);
    draft.flag(wire::thread::IS_EXE_UPPER_LAYER, traits.is_upper_layer);
    draft.flag(wire::thread::IS_EXE_LOWER_LAYER, traits.is_lower_layer);
    draft.flag(wire::thread::IS_EXE_MEMFD, traits.is_memfd);
}

fn texts<'t>(thread: &'t Thread, draft: &mut Draft<'t, TEXT_COUNT>) {
    let user = thread.user.as_ref();
    let [input, output, error] = &thread.standard;
    let session = thread.session_leader.as_deref();
    let group = thread.group_leader.as_deref();
    let main_name = thread.main_name.as_ref().filter(|name| thread.name.as_ref() != Some(name));
    for (at, text) in [
        (Text::MainName, main_name),
        (Text::Exe, thread.exe.as_ref()),
        (Text::ExePath, thread.exe_path.as_ref()),
        (Text::WorkingDirectory, thread.cwd.as_ref()),
        (Text::UserName, user.and_then(|user| user.name.as_ref())),
        (Text::UserHome, user.and_then(|user| user.home.as_ref())),
        (Text::UserShell, user.and_then(|user| user.shell.as_ref())),
        (Text::GroupName, thread.group.as_ref().and_then(|group| group.name.as_ref())),
        (Text::LoginName, thread.login.as_ref().and_then(|(_, name)| name.as_ref())),
        (Text::InputName, input.as_ref().map(|(_, name)| name)),
        (Text::OutputName, output.as_ref().map(|(_, name)| name)),
        (Text::ErrorName, error.as_ref().map(|(_, name)| name)),
        (Text::SessionName, session.and_then(|leader| leader.name.as_ref())),
        (Text::SessionExe, session.and_then(|leader| leader.exe.as_ref())),
        (Text::SessionExePath, session.and_then(|leader| leader.exe_path.as_ref())),
        (Text::GroupLeaderName, group.and_then(|leader| leader.name.as_ref())),
        (Text::GroupLeaderExe, group.and_then(|leader| leader.exe.as_ref())),
        (Text::GroupLeaderExePath, group.and_then(|leader| leader.exe_path.as_ref())),
    ] {
        draft.text(at as usize, text.map(Vec::as_slice), TEXT_BYTES_MAX);
    }
}
