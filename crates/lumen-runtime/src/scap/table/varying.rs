//! Arguments whose kind depends on the call: their first byte says which of these it is (`driver/dynamic_params_table.c`).

use super::Kind::{self, Buffer, Descriptor, Duration, Hexadecimal, Outcome, Signal, Signed, Text, Unsigned};

pub(super) const SOCKET_OPTION: &[Kind] = &[Buffer, Outcome, Unsigned(4), Unsigned(8), Duration];
pub(super) const TRACE: &[Kind] = &[Hexadecimal(8), Signal];
pub(super) const PROGRAM: &[Kind] = &[Descriptor(8), Outcome];
pub(super) const KEY: &[Kind] = &[Signed(8), Text];
