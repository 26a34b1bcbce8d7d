//! What a capture says before its events: processes, their descriptors, the machine's addresses, its users.
//!
//! Each list has several versions. The newest say how long each entry is, so that what comes behind the known is passed
//! over.

mod processes;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{Cursor, Order};
use super::socket::{mapped, v4};
use crate::record::{DescriptorType, Group, User};

pub(super) use processes::{Process, Version, control_groups, login, processes, program_path};

/// What is wrong with a list.
pub(super) type Broken = &'static str;

/// An entry ends before it is whole.
const SHORT: Broken = "an entry of the list ends too early";

/// A descriptor that was open when the capture began.
pub(super) struct Open {
    pub(super) number: i64,
    pub(super) inode: u64,
    pub(super) what: What,
    /// Its path, or name.
    pub(super) name: Vec<u8>,
}

/// What an open descriptor stands for.
pub(super) enum What {
    /// Anything with a name.
    Named(DescriptorType),
    /// A file: bits of how it was opened, and its device.
    File(u32, Option<u32>),
    /// A socket with both ends.
    Connection([(IpAddr, u16); 2], u8),
    /// A socket that waits.
    Listening((IpAddr, u16), u8),
    /// A socket on the same machine.
    Unix,
}

/// An address of the machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Interface {
    V4 { address: Ipv4Addr, mask: u32 },
    V6(Ipv6Addr),
}

/// An entry of the list of users.
pub(super) enum Account {
    User(User),
    Group(Group),
}

/// Reads entries until less than four bytes are left. Those before a broken one are used all the same.
///
/// `own_length` says whether entries tell their lengths, and how much of that the length itself is.
fn entries(
    mut list: Cursor<'_>,
    order: Order,
    own_length: Option<usize>,
    mut read: impl FnMut(&mut Cursor<'_>) -> Result<(), Broken>,
) -> Result<(), Broken> {
    while list.len() >= 4 {
        if let Some(own) = own_length {
            let length =
                list.u32().and_then(|length| usize::try_from(length).ok()?.checked_sub(own)).ok_or(SHORT)?;
            let entry = list.take(length).ok_or("an entry of the list is longer than the list")?;
            read(&mut Cursor::new(entry, order))?;
        } else {
            let before = list.len();
            read(&mut list)?;
            if list.len() == before {
                return Err(SHORT);
            }
        }
    }
    Ok(())
}

/// When the machine was started, in nanoseconds since 1970; zero where that is not told.
pub(super) fn boot_time(block: &[u8], order: Order) -> u64 {
    let mut cursor = Cursor::new(block, order);
    // Processors, memory, greatest process, name of the host.
    cursor.take(4 + 8 + 8 + 128).and_then(|_| cursor.u64()).unwrap_or_default()
}

/// Reads the list of descriptors of a thread.
pub(super) fn descriptors(
    block: &[u8],
    order: Order,
    has_lengths: bool,
    mut take: impl FnMut(i64, Open),
) -> Result<(), Broken> {
    let mut list = Cursor::new(block, order);
    let tid = list.i64().ok_or(SHORT)?;
    entries(list, order, has_lengths.then_some(4), |entry| {
        take(tid, descriptor(entry, has_lengths).ok_or(SHORT)?);
        Ok(())
    })
}

fn descriptor(list: &mut Cursor<'_>, has_length: bool) -> Option<Open> {
    let (number, inode, kind) = (list.i64()?, list.u64()?, list.u8()?);
    let mut name: &[u8] = &[];
    let what = match kind {
        3 | 4 => {
            let [source, destination] =
                if kind == 3 { [v4(list)?, v4(list)?] } else { [v6(list)?, v6(list)?] };
            let (source_port, destination_port, protocol) = (list.u16()?, list.u16()?, list.u8()?);
            let ends = mapped([(source, source_port), (destination, destination_port)]);
            What::Connection(ends, protocol)
        }
        5 | 6 => {
            let address = if kind == 5 { v4(list)? } else { v6(list)? };
            What::Listening((address, list.u16()?), list.u8()?)
        }
        8 => {
            list.take(16)?;
            name = list.text()?;
            What::Unix
        }
        16 => {
            let flags = list.u32()?;
            name = list.text()?;
            let has_device = has_length && list.len() >= 4;
            What::File(flags, if has_device { list.u32() } else { None })
        }
        _ => {
            let known = match kind {
                1 => Some(DescriptorType::File),
                2 => Some(DescriptorType::Directory),
                7 => Some(DescriptorType::Pipe),
                9 => Some(DescriptorType::Event),
                10 => Some(DescriptorType::Unknown),
                11 => Some(DescriptorType::Signal),
                12 => Some(DescriptorType::Eventpoll),
                13 => Some(DescriptorType::Inotify),
                14 => Some(DescriptorType::Timer),
                15 => Some(DescriptorType::Netlink),
                17 => Some(DescriptorType::Bpf),
                18 => Some(DescriptorType::Userfault),
                19 => Some(DescriptorType::IoUring),
                20 => Some(DescriptorType::Memfd),
                21 => Some(DescriptorType::Pidfd),
                _ => None,
            };
            if known.is_some() {
                name = list.text()?;
            }
            What::Named(known.unwrap_or_default())
        }
    };
    Some(Open { number, inode, what, name: name.to_vec() })
}

fn v6(list: &mut Cursor<'_>) -> Option<IpAddr> {
    let bytes: [u8; 16] = list.take(16)?.try_into().ok()?;
    Some(IpAddr::V6(Ipv6Addr::from(bytes)))
}

/// Reads the list of addresses.
pub(super) fn interfaces(
    block: &[u8],
    order: Order,
    has_lengths: bool,
    mut take: impl FnMut(Interface),
) -> Result<(), Broken> {
    entries(Cursor::new(block, order), order, has_lengths.then_some(0), |entry| {
        take(interface(entry).ok_or(SHORT)?);
        Ok(())
    })
}

fn interface(entry: &mut Cursor<'_>) -> Option<Interface> {
    let (kind, name_length) = (entry.u16()?, entry.u16()?);
    let interface = match kind {
        1 | 3 => {
            let IpAddr::V4(address) = v4(entry)? else { return None };
            let mask = u32::from_be_bytes(entry.take(4)?.try_into().ok()?);
            entry.take(4)?;
            Interface::V4 { address, mask }
        }
        2 | 4 => {
            let IpAddr::V6(address) = v6(entry)? else { return None };
            entry.take(32)?;
            Interface::V6(address)
        }
        _ => return None,
    };
    // The speed of the link, which old lists do not tell.
    let speed = if kind <= 2 { 8 } else { 0 };
    entry.take(speed + usize::from(name_length))?;
    Some(interface)
}

/// Reads the list of users and groups.
pub(super) fn accounts(
    block: &[u8],
    order: Order,
    has_lengths: bool,
    mut take: impl FnMut(Account),
) -> Result<(), Broken> {
    entries(Cursor::new(block, order), order, has_lengths.then_some(4), |entry| {
        take(account(entry).ok_or(SHORT)?);
        Ok(())
    })
}

fn account(entry: &mut Cursor<'_>) -> Option<Account> {
    let known = |text: &[u8]| Some(text.to_vec());
    if entry.u8()? != 0 {
        let gid = entry.u32()?;
        return Some(Account::Group(Group { gid, name: known(entry.text()?) }));
    }
    let (uid, _gid) = (entry.u32()?, entry.u32()?);
    let (name, home, shell) = (entry.text()?, entry.text()?, entry.text()?);
    Some(Account::User(User { uid, name: known(name), home: known(home), shell: known(shell) }))
}
