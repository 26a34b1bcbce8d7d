//! What the reference shows of a thread where a capture says nothing (`sinsp_threadinfo::init`).
//!
//! Rules see these values, and so do alerts: a thread of an old capture has `proc.tty` 0, not none.

use crate::record::{Group, Thread, User};

/// A session, or a group of processes, that is not told.
const NO_GROUP: i64 = -1;
/// A user, or a group of users, that is not told.
const NOBODY: u32 = u32::MAX;
/// Who logged in is not told.
const NO_LOGIN: i64 = -1;
/// It has no terminal.
const NO_TERMINAL: u32 = 0;

/// Gives a thread a value of all that a capture may tell of it and did not.
pub(super) fn fill(thread: &mut Thread) {
    for group in [&mut thread.sid, &mut thread.pgid, &mut thread.vpgid] {
        group.get_or_insert(NO_GROUP);
    }
    thread.exe_path.get_or_insert_default();
    // Where a thread is that is not known at all is not empty.
    thread.cwd.get_or_insert_with(|| if thread.pid < 0 { b"./".to_vec() } else { Vec::new() });
    for words in [&mut thread.args, &mut thread.env] {
        words.get_or_insert_default();
    }
    thread.tty.get_or_insert(NO_TERMINAL);
    thread.login.get_or_insert((NO_LOGIN, None));
    thread.user.get_or_insert(User { uid: NOBODY, ..User::default() });
    thread.group.get_or_insert(Group { gid: NOBODY, ..Group::default() });
    thread.capabilities.get_or_insert_default();
}
