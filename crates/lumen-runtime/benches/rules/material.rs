//! What the rules are measured with: the official files where `LUMEN_FALCO_RULES_DIR` says where they are, else made ones
//! of the same shape; and events that answer without any work, so that rules alone are measured.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    reason = "shared by a benchmark and an example"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use lumen_runtime::Event;
use lumen_runtime::condition::{Expression, FieldName, Macro, Operand, Right};
use lumen_runtime::event_types;
use lumen_runtime::field::{self, FieldUse, Kind};
use lumen_runtime::load::{File, Rule, load};
use lumen_runtime::record::{
    ArgumentValue, Container, Descriptor, DescriptorType, NamedArgument, Recorded, Socket, Thread, User,
};
use lumen_runtime::value::Value;

/// An event that holds its values by the places of their fields.
pub struct Flat {
    pub name: String,
    event_type: Option<usize>,
    plain: Vec<Option<Value<'static>>>,
    /// Those of fields with something in brackets.
    more: Vec<(FieldUse, Value<'static>)>,
}

impl Flat {
    pub fn new(name: &str, fields: &BTreeMap<String, String>) -> Self {
        let mut flat = Self {
            name: name.to_owned(),
            event_type: fields.get("evt.type").and_then(|name| event_types::find(name.as_bytes())),
            plain: vec![None; field::all().count()],
            more: Vec::new(),
        };
        for (name, text) in fields {
            let (name, argument) = match name.split_once('[') {
                Some((name, argument)) => (name.to_owned(), Some(argument.trim_end_matches(']').to_owned())),
                None => (name.clone(), None),
            };
            let used = field::resolve(&FieldName { name, argument, at: 0 }).expect("a field");
            let value = value(used.id.field().kind, used.id.field().is_list(), text);
            match used.argument {
                None => flat.plain[used.id.place()] = Some(value),
                Some(_) => flat.more.push((used, value)),
            }
        }
        flat
    }
}

fn value(kind: Kind, is_list: bool, text: &str) -> Value<'static> {
    if is_list || text.contains('\u{1f}') {
        return Value::List(text.split('\u{1f}').map(|part| value(kind, false, part)).collect());
    }
    match kind {
        Kind::Text | Kind::Bytes => Value::Bytes(text.as_bytes().to_vec().into()),
        Kind::Bool => Value::Bool(text == "true"),
        Kind::Address | Kind::Network => Value::Address(text.parse().expect("an address")),
        Kind::Double => Value::Double(text.parse().expect("a number")),
        Kind::Int16 | Kind::Int32 | Kind::Int64 => Value::Signed(text.parse().expect("a number")),
        _ => Value::Unsigned(text.parse().expect("a number")),
    }
}

fn lent<'e>(value: &'e Value<'static>) -> Value<'e> {
    match value {
        Value::Bytes(bytes) => Value::Bytes(bytes.as_ref().into()),
        Value::Signed(number) => Value::Signed(*number),
        Value::Unsigned(number) => Value::Unsigned(*number),
        Value::Double(number) => Value::Double(*number),
        Value::Bool(is_so) => Value::Bool(*is_so),
        Value::Address(address) => Value::Address(*address),
        Value::List(items) => Value::List(items.iter().map(lent).collect()),
    }
}

impl Event for Flat {
    fn value(&self, used: &FieldUse) -> Option<Value<'_>> {
        match &used.argument {
            None => self.plain.get(used.id.place())?.as_ref().map(lent),
            Some(_) => self.more.iter().find(|(known, _)| known == used).map(|(_, value)| lent(value)),
        }
    }

    fn event_type(&self) -> Option<usize> {
        self.event_type
    }
}

/// What every event of a harmless process on the node says.
const PROCESS: &str = "evt.num=4711 evt.source=syscall evt.dir=< evt.res=SUCCESS evt.rawres=3 evt.failed=false evt.hostname=node-1
    proc.name=nginx proc.exe=/usr/sbin/nginx proc.exepath=/usr/sbin/nginx proc.args=-g~daemon~off; proc.cmdline=nginx~-g~daemon~off;
    proc.pid=4321 proc.ppid=1 proc.vpid=4321 proc.pname=systemd proc.pexe=/usr/lib/systemd/systemd proc.pcmdline=systemd proc.cwd=/ proc.tty=0 proc.sname=nginx
    proc.duration=90000000000 proc.ppid.duration=900000000000 proc.aname=nginx|systemd proc.aname[1]=systemd
    proc.is_exe_upper_layer=false proc.is_exe_from_memfd=false proc.is_exe_writable=false proc.is_vpgid_leader=true
    thread.cap_effective=CAP_NET_BIND_SERVICE thread.cap_permitted=CAP_NET_BIND_SERVICE
    user.name=www-data user.uid=33 user.loginuid=-1 group.gid=33 group.name=www-data container.id=host";

/// What is so in a container.
const CONTAINER: &str = "container.id=3ad7b26ded6d container.name=web container.image.repository=registry.local/shop/web
    container.image.tag=1 container.privileged=false k8s.ns.name=shop k8s.pod.name=web-5d9c container.image=registry.local/shop/web:1";

const FILE_READ: &str = "evt.type=openat evt.is_open_read=true evt.is_open_write=false evt.is_open_exec=false evt.arg.flags=O_RDONLY|O_CLOEXEC
    fd.num=3 fd.typechar=f fd.type=file fd.name_changed=true";
const FILE_WRITE: &str = "evt.type=openat evt.is_open_read=false evt.is_open_write=true evt.is_open_exec=false evt.arg.flags=O_TRUNC|O_CREAT|O_WRONLY
    fd.num=3 fd.typechar=f fd.type=file fd.name_changed=true";
const EXECVE: &str = "evt.type=execve evt.rawres=0 evt.arg.flags=EXE_WRITABLE";
const SOCKET: &str = "evt.type=connect evt.rawres=0 fd.num=5 fd.typechar=4 fd.type=ipv4 fd.l4proto=tcp fd.connected=true fd.name_changed=true
    fd.cip=10.0.0.2 fd.cport=40000";
const UNLINK: &str = "evt.type=unlinkat evt.rawres=0";

/// The events: their names, and what they say.
fn recipes() -> Vec<(&'static str, Vec<&'static str>)> {
    let library = "fd.name=/usr/lib/x86_64-linux-gnu/libcrypto.so.3 fd.nameraw=/usr/lib/x86_64-linux-gnu/libcrypto.so.3 fd.directory=/usr/lib/x86_64-linux-gnu fd.filename=libcrypto.so.3";
    let data = "fd.name=/var/www/shop/index.html fd.nameraw=/var/www/shop/index.html fd.directory=/var/www/shop fd.filename=index.html";
    let hosts = "fd.name=/etc/hosts fd.nameraw=/etc/hosts fd.directory=/etc fd.filename=hosts";
    let temporary =
        "fd.name=/tmp/upload-1234 fd.nameraw=/tmp/upload-1234 fd.directory=/tmp fd.filename=upload-1234";
    let shadow = "fd.name=/etc/shadow fd.nameraw=/etc/shadow fd.directory=/etc fd.filename=shadow";
    let by_cat = "proc.name=cat proc.exe=cat proc.exepath=/usr/bin/cat proc.cmdline=cat~/etc/shadow proc.args=/etc/shadow proc.pname=bash proc.tty=34816 proc.aname=cat|bash|sshd";
    let ls = "proc.name=ls proc.exe=ls proc.exepath=/usr/bin/ls proc.cmdline=ls~-l~/srv proc.args=-l~/srv proc.pname=bash proc.aname=ls|bash|sshd user.name=ann user.uid=1000 user.loginuid=1000";
    let shell = "proc.name=bash proc.exe=bash proc.exepath=/usr/bin/bash proc.cmdline=bash proc.args= proc.pname=runc proc.tty=34816 proc.aname=bash|runc proc.vpid=1";
    let database = "fd.name=10.0.0.2:40000->10.0.0.9:5432 fd.ip=10.0.0.2|10.0.0.9 fd.net=10.0.0.2|10.0.0.9 fd.sip=10.0.0.9 fd.snet=10.0.0.9 fd.rnet=10.0.0.9 fd.rip=10.0.0.9 fd.sport=5432 fd.rport=5432 fd.port=40000|5432";
    let api = "fd.name=10.0.0.2:40000->10.43.0.1:443 fd.ip=10.0.0.2|10.43.0.1 fd.net=10.0.0.2|10.43.0.1 fd.sip=10.43.0.1 fd.snet=10.43.0.1 fd.rnet=10.43.0.1 fd.rip=10.43.0.1 fd.sport=443 fd.rport=443 fd.port=40000|443 fd.sip.name=kubernetes.default.svc.cluster.local";
    vec![
        ("read of a library", vec![FILE_READ, library]),
        ("read of a library, in a container", vec![CONTAINER, FILE_READ, library]),
        ("read of data, in a container", vec![CONTAINER, FILE_READ, data]),
        ("read of /etc/hosts, in a container", vec![CONTAINER, FILE_READ, hosts]),
        ("write below /tmp, in a container", vec![CONTAINER, FILE_WRITE, temporary]),
        ("run of ls", vec![EXECVE, ls]),
        ("run of ls, in a container", vec![CONTAINER, EXECVE, ls]),
        ("connection to a database, in a container", vec![CONTAINER, SOCKET, database]),
        (
            "removal of a file, in a container",
            vec![
                CONTAINER,
                UNLINK,
                "fs.path.name=/tmp/upload-1234 evt.arg.name=/tmp/upload-1234 evt.arg.path=/tmp/upload-1234",
            ],
        ),
        ("close", vec!["evt.type=close evt.rawres=0 fd.num=3 fd.typechar=f", data]),
        ("read of /etc/shadow by cat", vec![FILE_READ, shadow, by_cat]),
        ("write of /etc/shadow, in a container", vec![CONTAINER, FILE_WRITE, shadow]),
        ("shell in a container", vec![CONTAINER, EXECVE, shell]),
        ("connection to the API server, in a container", vec![CONTAINER, SOCKET, api]),
    ]
}

/// The events.
pub fn events() -> Vec<Flat> {
    recipes()
        .into_iter()
        .map(|(name, parts)| {
            let mut fields = BTreeMap::new();
            for word in std::iter::once(PROCESS).chain(parts).flat_map(str::split_whitespace) {
                let (name, text) = word.split_once('=').expect("a field and its value");
                let separated = ["proc.aname", "fd.ip", "fd.net", "fd.port"].contains(&name);
                let text = if separated { text.replace('|', "\u{1f}") } else { text.to_owned() };
                fields.insert(name.to_owned(), text.replace('~', " "));
            }
            Flat::new(name, &fields)
        })
        .collect()
}

/// Events as a sensor makes them.
pub fn records() -> Vec<(&'static str, Recorded)> {
    let words = |text: &str| text.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    let parent = |name: &str, parent: Option<Arc<Thread>>| {
        Some(Arc::new(Thread {
            tid: 2,
            pid: 2,
            name: Some(name.into()),
            exe: Some(name.into()),
            args: Some(Vec::new()),
            parent: parent.into(),
            ..Thread::default()
        }))
    };
    let process = |name: &str, args: &str, by: &str, is_contained: bool| {
        Some(Arc::new(Thread {
            tid: 4321,
            pid: 4321,
            ppid: 2,
            vpid: Some(12),
            name: Some(name.into()),
            exe: Some(name.into()),
            exe_path: Some(format!("/usr/bin/{name}").into_bytes()),
            args: Some(words(args)),
            cwd: Some(b"/".to_vec()),
            tty: Some(0),
            user: Some(User { uid: 33, name: Some(b"www-data".to_vec()), ..User::default() }),
            capabilities: Some([0; 3]),
            parent: parent(by, parent("systemd", None)).into(),
            container: is_contained.then(|| {
                Arc::new(Container {
                    id: "3ad7b26ded6d3ad7b26ded6d3ad7b26ded6d".to_owned(),
                    repository: Some("registry.local/shop/web".to_owned()),
                    is_privileged: Some(false),
                    ..Container::default()
                })
            }),
            is_on_host: !is_contained,
            ..Thread::default()
        }))
    };
    let open = |path: &str, flags: u32, by: Option<Arc<Thread>>| Recorded {
        number: 7,
        event_type: event_types::find(b"openat").expect("a type"),
        result: Some(3),
        thread: by,
        arguments: vec![NamedArgument {
            name: "flags".into(),
            value: ArgumentValue::Named { bits: u64::from(flags), text: b"O_RDONLY|O_CLOEXEC".to_vec() },
        }],
        descriptor: Some(Descriptor {
            number: Some(3),
            kind: DescriptorType::File,
            name: Some(path.into()),
            raw_name: Some(path.into()),
            open_flags: Some(flags),
            ..Descriptor::default()
        }),
        ..Recorded::default()
    };
    let run = |by: Option<Arc<Thread>>| Recorded {
        number: 7,
        event_type: event_types::find(b"execve").expect("a type"),
        result: Some(0),
        thread: by,
        ..Recorded::default()
    };
    let end = |address: [u8; 4], port: u16| Some((IpAddr::from(address), port));
    let connect = |port: u16, by: Option<Arc<Thread>>| Recorded {
        number: 7,
        event_type: event_types::find(b"connect").expect("a type"),
        result: Some(0),
        thread: by,
        descriptor: Some(Descriptor {
            number: Some(5),
            kind: DescriptorType::Ipv4,
            name: Some(format!("10.0.0.2:40000->10.0.0.9:{port}").into()),
            raw_name: Some(format!("10.0.0.2:40000->10.0.0.9:{port}").into()),
            socket: Some(Socket {
                client: end([10, 0, 0, 2], 40000),
                server: end([10, 0, 0, 9], port),
                ..Socket::default()
            }),
            ..Descriptor::default()
        }),
        ..Recorded::default()
    };
    let close = |by: Option<Arc<Thread>>| Recorded {
        event_type: event_types::find(b"close").expect("a type"),
        result: Some(0),
        ..open("/var/www/shop/index.html", 1, by)
    };
    let nginx = |is_contained| process("nginx", "-g daemon off;", "systemd", is_contained);
    vec![
        ("read of a library", open("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", 1, nginx(false))),
        ("read of data, in a container", open("/var/www/shop/index.html", 1, nginx(true))),
        ("write below /tmp, in a container", open("/tmp/upload-1234", 2, nginx(true))),
        ("connection to a database, in a container", connect(5432, nginx(true))),
        ("close", close(nginx(true))),
        ("run of ls, in a container", run(process("ls", "-l /srv", "bash", true))),
        ("read of /etc/shadow by cat", open("/etc/shadow", 1, process("cat", "/etc/shadow", "bash", false))),
    ]
}

/// The texts of the rules files.
pub fn files() -> Vec<String> {
    match std::env::var_os("LUMEN_FALCO_RULES_DIR") {
        Some(folder) => {
            let mut files: Vec<_> = std::fs::read_dir(folder)
                .expect("a folder")
                .map(|entry| entry.expect("an entry").path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
                .collect();
            files.sort();
            files.iter().map(|path| std::fs::read_to_string(path).expect("a file")).collect()
        }
        None => (0..4).map(|file| made(file, 25)).collect(),
    }
}

/// A rules file of the shape of the official ones.
pub fn made(file: usize, rules: usize) -> String {
    let mut text = String::from(
        "- macro: open_read\n  condition: (evt.type in (open, openat, openat2) and evt.is_open_read=true and fd.typechar='f' and fd.num>=0)\n\
         - macro: open_write\n  condition: (evt.type in (open, openat, openat2) and evt.is_open_write=true and fd.typechar='f' and fd.num>=0)\n\
         - macro: spawned_process\n  condition: (evt.type in (execve, execveat))\n\
         - macro: container\n  condition: (container.id != host)\n\
         - macro: never_true\n  condition: (evt.num=0)\n\
         - macro: outbound\n  condition: (evt.type in (connect, sendto, sendmsg) and fd.typechar in (4, 6) and fd.ip != \"0.0.0.0\" and fd.net != \"127.0.0.0/8\" and evt.rawres >= 0)\n\
         - list: shell_binaries\n  items: [ash, bash, csh, ksh, sh, tcsh, zsh, dash]\n\
         - list: package_binaries\n  items: [dpkg, apt, apt-get, rpm, yum, dnf, pip, npm, gem, apk]\n",
    );
    for rule in 0..rules {
        let n = file * rules + rule;
        let conditions = [
            format!(
                "open_read and (fd.name startswith /srv/{n}/ or fd.name in (/etc/secret-{n}, /etc/key-{n})) and not proc.name in (shell_binaries, reader-{n}) and not (proc.pname=agent-{n} and proc.cmdline startswith \"agent {n}\")"
            ),
            format!(
                "open_write and container and (fd.directory = /etc/conf-{n} or fd.name endswith .key{n}) and not proc.name in (package_binaries) and not proc.pcmdline contains \"updater-{n}\" and not never_true"
            ),
            format!(
                "spawned_process and container and proc.name in (tool-{n}, other-{n}) and (proc.args contains \"--exec {n}\" or proc.cmdline contains \"{n} -e\")"
            ),
            format!(
                "spawned_process and proc.pname in (server-{n}, daemon-{n}) and not proc.name in (shell_binaries) and proc.tty = 0"
            ),
            format!(
                "outbound and container and fd.sport in ({n}, 80{n}) and not container.image.repository in (registry.local/{n})"
            ),
            format!(
                "evt.type in (unlink, unlinkat, rename, renameat) and evt.arg.name startswith /var/log/{n} and not proc.name=logrotate-{n}"
            ),
        ];
        let condition = conditions.get(n % conditions.len()).expect("there are some");
        writeln!(
            text,
            "- rule: rule {n}\n  desc: what it is about\n  condition: >\n    {condition}\n  output: something happened (user=%user.name command=%proc.cmdline file=%fd.name)\n  priority: WARNING\n  tags: [host, container, T{n}]"
        )
        .expect("a text takes everything");
    }
    text
}

/// The rules of the files; `times` as many of them, each time with other texts to compare with.
pub fn rules(times: usize) -> Vec<Rule> {
    let texts = files();
    let files: Vec<File<'_>> = texts.iter().map(|text| File { text }).collect();
    let loaded = load(&files);
    let mut rules = loaded.rules;
    let own = rules.clone();
    for time in 1..times {
        rules.extend(own.iter().map(|rule| Rule {
            name: format!("{} {time}", rule.name),
            condition: varied(&rule.condition, time),
            ..rule.clone()
        }));
    }
    for rule in &mut rules {
        rule.is_enabled = true;
    }
    rules
}

/// A condition with other texts of those that say where and who, and not what kind.
fn varied(expression: &Expression, time: usize) -> Expression {
    let all = |children: &[Expression]| children.iter().map(|child| varied(child, time)).collect();
    match expression {
        Expression::And(children) => Expression::And(all(children)),
        Expression::Or(children) => Expression::Or(all(children)),
        Expression::Not(child) => Expression::Not(Box::new(varied(child, time))),
        Expression::Macro(shared) => {
            Expression::Macro(Arc::new(Macro { body: varied(&shared.body, time), ..(**shared).clone() }))
        }
        Expression::Name(name) => Expression::Name(name.clone()),
        Expression::Check(check) => {
            let mut check = check.clone();
            let Operand::Field(name) = &check.left else { return Expression::Check(check) };
            let is_text = field::resolve(name).is_ok_and(|used| used.id.field().kind == Kind::Text);
            let is_kind = name.name.starts_with("evt.")
                || ["fd.type", "fd.typechar", "fd.l4proto", "container.id"].contains(&name.name.as_str());
            if is_text && !is_kind {
                let other = |value: &mut Vec<u8>| value.extend_from_slice(time.to_string().as_bytes());
                match &mut check.right {
                    Right::Value(value) => other(value),
                    Right::List(values) => values.iter_mut().for_each(other),
                    Right::None | Right::Operand(_) => {}
                }
            }
            Expression::Check(check)
        }
    }
}
