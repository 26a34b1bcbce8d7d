//! The arguments of events: how they are called, in whatever event they stand, and the type of their values
//! (`driver/event_table.c`).

use super::Kind;

/// What an argument's value is as it is, and not as it is printed; `None` where it can be asked for, but not compared.
///
/// A name that stands for different types in different events has the type of the first, as in the reference.
pub(super) fn kind(name: &str) -> Option<Kind> {
    let place = PARAMETERS.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    PARAMETERS.get(place)?.1
}

/// The longest name with which a text begins.
pub(super) fn longest(text: &str) -> Option<&'static str> {
    let names = PARAMETERS.iter().map(|(name, _)| *name);
    names.filter(|name| text.starts_with(name)).max_by_key(|name| name.len())
}

#[rustfmt::skip]
const PARAMETERS: [(&str, Option<Kind>); 223] = [
    ("ID", None), ("action", Some(Kind::Uint32)), ("addr", None), ("arg", Some(Kind::Uint64)), ("arg2", None),
    ("arg2_int", Some(Kind::Int64)), ("arg2_str", Some(Kind::Text)), ("arg3", None), ("arg4", None),
    ("arg5", None), ("args", None), ("argument", Some(Kind::Uint64)), ("argv", None),
    ("aux", Some(Kind::Int32)), ("backlog", Some(Kind::Int32)), ("cap_effective", Some(Kind::Uint64)),
    ("cap_inheritable", Some(Kind::Uint64)), ("cap_permitted", Some(Kind::Uint64)), ("cgroups", None),
    ("clockid", Some(Kind::Uint32)), ("cmd", Some(Kind::Uint32)), ("comm", Some(Kind::Text)),
    ("container_id", Some(Kind::Text)), ("core", Some(Kind::Uint32)), ("cpu", Some(Kind::Uint32)),
    ("cpu_sys", Some(Kind::Uint64)), ("cpu_usr", Some(Kind::Uint64)), ("cq_entries", Some(Kind::Uint32)),
    ("creat_flags", Some(Kind::Uint32)), ("cur", Some(Kind::Int64)), ("cwd", Some(Kind::Text)),
    ("data", None), ("desc", Some(Kind::Text)), ("description", Some(Kind::Text)),
    ("dev", Some(Kind::Uint32)), ("dir", Some(Kind::Text)), ("dirfd", Some(Kind::Int64)),
    ("domain", Some(Kind::Uint32)), ("dpid", Some(Kind::Int64)), ("dqb_bhardlimit", Some(Kind::Uint64)),
    ("dqb_bsoftlimit", Some(Kind::Uint64)), ("dqb_btime", Some(Kind::RelativeTime)),
    ("dqb_curspace", Some(Kind::Uint64)), ("dqb_ihardlimit", Some(Kind::Uint64)),
    ("dqb_isoftlimit", Some(Kind::Uint64)), ("dqb_itime", Some(Kind::RelativeTime)),
    ("dqi_bgrace", Some(Kind::RelativeTime)), ("dqi_flags", Some(Kind::Uint32)),
    ("dqi_igrace", Some(Kind::RelativeTime)), ("egid", Some(Kind::Uint32)), ("entries", Some(Kind::Uint32)),
    ("env", None), ("error", Some(Kind::Uint32)), ("euid", Some(Kind::Uint32)),
    ("event_data", Some(Kind::Uint64)), ("event_type", Some(Kind::Uint32)), ("exe", Some(Kind::Text)),
    ("exe_ino", Some(Kind::Uint64)), ("exe_ino_ctime", Some(Kind::AbsoluteTime)),
    ("exe_ino_mtime", Some(Kind::AbsoluteTime)), ("exe_ino_num", Some(Kind::Uint64)),
    ("exepath", Some(Kind::Text)), ("fd", Some(Kind::Int64)), ("fd1", Some(Kind::Int64)),
    ("fd2", Some(Kind::Int64)), ("fd_in", Some(Kind::Int64)), ("fd_out", Some(Kind::Int64)),
    ("fd_type", Some(Kind::Uint32)), ("fdin", Some(Kind::Int64)), ("fdlimit", Some(Kind::Uint64)),
    ("fdout", Some(Kind::Int64)), ("fds", None), ("features", Some(Kind::Uint32)),
    ("filename", Some(Kind::Text)), ("first", Some(Kind::Uint32)), ("flags", Some(Kind::Uint32)),
    ("gid", Some(Kind::Uint32)), ("home", Some(Kind::Text)), ("how", Some(Kind::Uint32)),
    ("id", Some(Kind::Uint32)), ("image", Some(Kind::Text)), ("img", None), ("in_fd", Some(Kind::Int64)),
    ("initval", Some(Kind::Uint64)), ("ino", Some(Kind::Uint64)), ("ino_num", Some(Kind::Uint64)),
    ("interval", Some(Kind::RelativeTime)), ("ip", Some(Kind::Uint64)), ("json", Some(Kind::Text)),
    ("key", Some(Kind::Int32)), ("last", Some(Kind::Uint32)), ("len", Some(Kind::Uint64)),
    ("length", Some(Kind::Uint64)), ("level", Some(Kind::Uint32)), ("linkdirfd", Some(Kind::Int64)),
    ("linkpath", Some(Kind::Text)), ("local_ip", Some(Kind::Address)), ("local_port", Some(Kind::Port)),
    ("loginuid", Some(Kind::Uint32)), ("mask", Some(Kind::Uint32)), ("max", Some(Kind::Int64)),
    ("maxevents", Some(Kind::Int64)), ("min_complete", Some(Kind::Uint32)), ("mnt_id", Some(Kind::Uint32)),
    ("mode", Some(Kind::Uint32)), ("mountfd", Some(Kind::Int64)), ("msgcontrol", None),
    ("name", Some(Kind::Text)), ("nativeID", Some(Kind::Uint32)), ("newcur", Some(Kind::Int64)),
    ("newdir", Some(Kind::Int64)), ("newdirfd", Some(Kind::Int64)), ("newfd", Some(Kind::Int64)),
    ("newmax", Some(Kind::Int64)), ("newpath", Some(Kind::Text)), ("next", Some(Kind::Int64)),
    ("nr_args", Some(Kind::Uint32)), ("nsems", Some(Kind::Int32)), ("nsops", Some(Kind::Uint32)),
    ("nstype", Some(Kind::Uint32)), ("offin", Some(Kind::Uint64)), ("offout", Some(Kind::Uint64)),
    ("offset", Some(Kind::Uint64)), ("oldcur", Some(Kind::Int64)), ("olddir", Some(Kind::Int64)),
    ("olddirfd", Some(Kind::Int64)), ("oldfd", Some(Kind::Int64)), ("oldmax", Some(Kind::Int64)),
    ("oldpath", Some(Kind::Text)), ("op", Some(Kind::Uint32)), ("opcode", Some(Kind::Uint32)),
    ("operation", Some(Kind::Uint32)), ("option", Some(Kind::Uint32)), ("optlen", Some(Kind::Uint32)),
    ("optname", Some(Kind::Uint32)), ("out_fd", Some(Kind::Int64)), ("path", Some(Kind::Text)),
    ("pathname", Some(Kind::Text)), ("peer", Some(Kind::Uint64)), ("pgft_maj", Some(Kind::Uint64)),
    ("pgft_min", Some(Kind::Uint64)), ("pgid", Some(Kind::Int64)), ("pgoffset", Some(Kind::Uint64)),
    ("pid", Some(Kind::Int64)), ("pid_fd", Some(Kind::Int64)), ("pidns_init_start_ts", Some(Kind::Uint64)),
    ("plugin_id", Some(Kind::Uint32)), ("pos", Some(Kind::Uint64)), ("ppid", None),
    ("prot", Some(Kind::Uint32)), ("proto", Some(Kind::Uint32)), ("ptid", Some(Kind::Int64)),
    ("queuelen", Some(Kind::Uint32)), ("queuemax", Some(Kind::Uint32)), ("queuepct", Some(Kind::Uint32)),
    ("quota_fmt", Some(Kind::Uint32)), ("quota_fmt_out", Some(Kind::Uint32)),
    ("quotafilepath", Some(Kind::Text)), ("ratio", Some(Kind::Uint32)), ("reaper_tid", Some(Kind::Int64)),
    ("remote_ip", Some(Kind::Address)), ("remote_port", Some(Kind::Port)), ("request", Some(Kind::Uint64)),
    ("res", Some(Kind::Int64)), ("res_or_fd", None), ("resolve", Some(Kind::Uint32)),
    ("resource", Some(Kind::Uint32)), ("ret", Some(Kind::Int64)), ("rgid", Some(Kind::Uint32)),
    ("root", Some(Kind::Text)), ("ruid", Some(Kind::Uint32)), ("scope", Some(Kind::Text)),
    ("sem_flg_0", Some(Kind::Uint32)), ("sem_flg_1", Some(Kind::Uint32)), ("sem_num_0", Some(Kind::Uint32)),
    ("sem_num_1", Some(Kind::Uint32)), ("sem_op_0", Some(Kind::Int16)), ("sem_op_1", Some(Kind::Int16)),
    ("semflg", Some(Kind::Uint32)), ("semid", Some(Kind::Int32)), ("semnum", Some(Kind::Int32)),
    ("sgid", Some(Kind::Uint32)), ("shell", Some(Kind::Text)), ("sid", None), ("sig", None),
    ("sigmask", None), ("size", Some(Kind::Uint32)), ("sk_pointer", Some(Kind::Uint64)),
    ("sk_proto", Some(Kind::Uint32)), ("sk_type", Some(Kind::Uint32)), ("source", Some(Kind::Uint64)),
    ("special", Some(Kind::Text)), ("spid", Some(Kind::Int64)), ("sq_entries", Some(Kind::Uint32)),
    ("sq_thread_cpu", Some(Kind::Uint32)), ("sq_thread_idle", Some(Kind::Uint32)),
    ("start_time", Some(Kind::AbsoluteTime)), ("status", Some(Kind::Int64)), ("suid", Some(Kind::Uint32)),
    ("sun_path", Some(Kind::Text)), ("tags", None), ("target", Some(Kind::Text)),
    ("target_fd", Some(Kind::Int64)), ("tid", Some(Kind::Int64)), ("timeout", Some(Kind::Int64)),
    ("to_submit", Some(Kind::Uint32)), ("trusted_exepath", Some(Kind::Text)), ("tty", Some(Kind::Int32)),
    ("tuple", None), ("type", Some(Kind::Uint32)), ("uargs", Some(Kind::Text)), ("uid", Some(Kind::Uint32)),
    ("val", None), ("value_bytebuf", None), ("value_charbuf", Some(Kind::Text)),
    ("vm_rss", Some(Kind::Uint32)), ("vm_size", Some(Kind::Uint32)), ("vm_swap", Some(Kind::Uint32)),
    ("vpgid", Some(Kind::Int64)), ("vpid", Some(Kind::Int64)), ("vtgid", None), ("vtid", Some(Kind::Int64)),
    ("whence", Some(Kind::Uint32)),
];

#[cfg(test)]
mod tests {
    use super::super::{FIELDS, NAME_BYTES_MAX};
    use super::{PARAMETERS, longest};

    #[test]
    fn names_are_in_order() {
        assert!(PARAMETERS.is_sorted_by(|(left, _), (right, _)| left < right));
        let longest_of_all = PARAMETERS.iter().map(|(name, _)| "evt.rawarg.".len() + name.len());
        let fields = FIELDS.iter().map(|field| field.name.len());
        assert!(longest_of_all.chain(fields).all(|length| length <= NAME_BYTES_MAX));
        assert_eq!(longest("flagsx"), Some("flags"));
        assert_eq!(longest("nosuch"), None);
    }
}
