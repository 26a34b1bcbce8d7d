//! Fields of the user and the group: `user.*`, `group.*`.
//!
//! A user that has no entry has names nevertheless: `root` is known without one, and all others are `<NA>`.

use super::super::wire::{Number, Text};
use super::{Record, text};
use crate::field;
use crate::value::Value;

type Argument<'a> = Option<&'a field::Argument>;

/// What is said of a user or a group, or what stands for it where nothing is.
fn said<'r>(record: &Record<'r>, who: Number, what: Text, of_root: &'static str) -> Option<Value<'r>> {
    let thread = record.thread()?;
    let number = thread.number(who)?;
    let known = thread.text(what).filter(|text| !text.is_empty());
    match known {
        Some(known) => text(known),
        None if number == 0 => Some(Value::text(of_root)),
        None => Some(Value::text("<NA>")),
    }
}

/// `user.uid`.
pub(super) fn uid<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.thread()?.number(Number::User).map(Value::Unsigned)
}

/// `user.name`.
pub(super) fn name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    said(record, Number::User, Text::UserName, "root")
}

/// `user.homedir`.
pub(super) fn home<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    said(record, Number::User, Text::UserHome, "/root")
}

/// `user.shell`.
pub(super) fn shell<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    said(record, Number::User, Text::UserShell, "<NA>")
}

/// `user.loginuid`.
pub(super) fn login_uid<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.thread()?.signed(Number::LoginUser).map(Value::Signed)
}

/// `user.loginname`.
pub(super) fn login_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    said(record, Number::LoginUser, Text::LoginName, "root")
}

/// `group.gid`.
pub(super) fn gid<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.thread()?.number(Number::UserGroup).map(Value::Unsigned)
}

/// `group.name`.
pub(super) fn group_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    said(record, Number::UserGroup, Text::GroupName, "root")
}
