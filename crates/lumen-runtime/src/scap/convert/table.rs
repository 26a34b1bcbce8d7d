//! How an event of an old form becomes one of the newest: by the number of its type and how many arguments it has.

use super::Action::{self, Add, Become, Pass, Store, StoreAndPass};
use super::Step::{Container, Default, Empty, Enter, EnterOrNone, Old};

#[rustfmt::skip]
pub(super) static STEPS: [((u16, u32), Action); 253] = [
    ((0, 2), Store), // syscall
    ((1, 1), Add(&[EnterOrNone(1)])), // syscall
    ((2, 0), Add(&[Empty, Empty, Empty])), // open
    ((2, 3), Pass), // open
    ((3, 4), Add(&[Empty])), // open
    ((3, 5), Add(&[Empty])), // open
    ((4, 1), Store), // close
    ((5, 1), Add(&[Enter(0)])), // close
    ((6, 2), Store), // read
    ((7, 2), Add(&[Enter(0), Enter(1)])), // read
    ((8, 2), Store), // write
    ((9, 2), Add(&[Enter(0), Enter(1)])), // write
    ((10, 1), Store), // brk
    ((11, 1), Become(159, &[Old(0), EnterOrNone(0), Empty, Empty, Empty])), // brk
    ((12, 0), Become(154, &[])), // execve
    ((13, 8), Become(155, &[ // execve
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Empty, Empty, Empty, Empty, Empty,
    ])),
    ((15, 11), Become(157, &[ // clone
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Empty, Empty, Empty, Empty, Empty, Old(8),
        Old(9), Old(10),
    ])),
    ((16, 0), Become(186, &[Empty, Empty, Empty, Empty, Empty])), // procexit
    ((18, 3), Store), // socket
    ((19, 1), Add(&[Enter(0), Enter(1), Enter(2)])), // socket
    ((19, 4), Add(&[Default])), // socket
    ((20, 1), Store), // bind
    ((21, 2), Add(&[Enter(0)])), // bind
    ((22, 1), Add(&[Default])), // connect
    ((22, 2), StoreAndPass), // connect
    ((23, 2), Add(&[Enter(0)])), // connect
    ((23, 3), Add(&[Enter(1)])), // connect
    ((24, 2), Store), // listen
    ((25, 1), Add(&[Enter(0), Enter(1)])), // listen
    ((27, 3), Become(247, &[Old(0), Old(1), Old(2), Default, Default])), // accept
    ((28, 2), Store), // send
    ((29, 2), Add(&[Enter(0), Enter(1), Default])), // send
    ((30, 3), Store), // sendto
    ((31, 2), Add(&[Enter(0), Enter(1), Enter(2)])), // sendto
    ((32, 2), Store), // recv
    ((33, 2), Add(&[Enter(0), Enter(1), Default])), // recv
    ((34, 2), Store), // recvfrom
    ((35, 3), Add(&[Enter(0), Enter(1)])), // recvfrom
    ((36, 2), Store), // shutdown
    ((37, 1), Add(&[Enter(0), Enter(1)])), // shutdown
    ((42, 3), Store), // socketpair
    ((43, 5), Add(&[Enter(0), Enter(1), Enter(2)])), // socketpair
    ((48, 3), Store), // sendmsg
    ((49, 2), Add(&[Enter(0), Enter(1), Enter(2)])), // sendmsg
    ((51, 0), Add(&[Default, Empty, Empty, Empty, Empty])), // sendmmsg
    ((52, 1), Store), // recvmsg
    ((53, 4), Add(&[Default])), // recvmsg
    ((53, 5), Add(&[Enter(0)])), // recvmsg
    ((55, 0), Add(&[Default, Empty, Empty, Empty, Empty, Empty])), // recvmmsg
    ((56, 1), Store), // accept
    ((57, 3), Become(389, &[Old(0), Old(1), Old(2), Default, Default, Enter(0)])), // accept
    ((58, 0), Add(&[Empty, Empty])), // creat
    ((58, 2), Pass), // creat
    ((59, 3), Add(&[Empty])), // creat
    ((59, 4), Add(&[Empty])), // creat
    ((59, 5), Add(&[Empty])), // creat
    ((62, 2), Store), // eventfd
    ((63, 1), Add(&[Enter(0), Enter(1)])), // eventfd
    ((64, 3), Store), // futex
    ((65, 1), Add(&[Enter(0), Enter(1), Enter(2)])), // futex
    ((70, 1), Store), // fstat
    ((71, 1), Add(&[Enter(0)])), // fstat
    ((78, 1), Store), // epoll_wait
    ((79, 1), Add(&[Enter(0)])), // epoll_wait
    ((80, 2), Store), // poll
    ((81, 2), Add(&[Enter(1)])), // poll
    ((85, 1), Become(83, &[Old(0)])), // select
    ((86, 3), Store), // lseek
    ((87, 1), Add(&[Enter(0), Enter(1), Enter(2)])), // lseek
    ((88, 3), Store), // llseek
    ((89, 1), Add(&[Enter(0), Enter(1), Enter(2)])), // llseek
    ((90, 2), Store), // ioctl
    ((91, 1), Become(171, &[Old(0), EnterOrNone(0), EnterOrNone(1), Empty])), // ioctl
    ((96, 1), Store), // fchdir
    ((97, 1), Add(&[EnterOrNone(0)])), // fchdir
    ((98, 2), Store), // mkdir
    ((99, 1), Become(277, &[Old(0), EnterOrNone(0), EnterOrNone(1)])), // mkdir
    ((100, 1), Store), // rmdir
    ((101, 1), Become(279, &[Old(0), EnterOrNone(0)])), // rmdir
    ((102, 4), Store), // openat
    ((103, 1), Become(307, &[ // openat
        Old(0), EnterOrNone(0), EnterOrNone(1), EnterOrNone(2), EnterOrNone(3), Empty, Empty,
    ])),
    ((104, 2), Store), // link
    ((105, 1), Become(309, &[Old(0), EnterOrNone(0), EnterOrNone(1)])), // link
    ((106, 4), Store), // linkat
    ((107, 1), Become(311, &[Old(0), EnterOrNone(0), EnterOrNone(1), EnterOrNone(2), EnterOrNone(3), Empty])), // linkat
    ((108, 1), Store), // unlink
    ((109, 1), Become(301, &[Old(0), EnterOrNone(0)])), // unlink
    ((110, 2), Store), // unlinkat
    ((111, 1), Become(303, &[Old(0), EnterOrNone(0), EnterOrNone(1), Empty])), // unlinkat
    ((112, 3), Store), // pread
    ((113, 2), Add(&[Enter(0), Enter(1), Enter(2)])), // pread
    ((114, 3), Store), // pwrite
    ((115, 2), Add(&[Enter(0), Enter(1), Enter(2)])), // pwrite
    ((116, 1), Store), // readv
    ((117, 3), Add(&[Enter(0)])), // readv
    ((118, 2), Store), // writev
    ((119, 2), Add(&[Enter(0), Enter(1)])), // writev
    ((120, 2), Store), // preadv
    ((121, 3), Add(&[Enter(0), Enter(1)])), // preadv
    ((122, 3), Store), // pwritev
    ((123, 2), Add(&[Enter(0), Enter(1), Enter(2)])), // pwritev
    ((124, 1), Store), // dup
    ((125, 1), Become(367, &[Old(0), EnterOrNone(0)])), // dup
    ((126, 3), Store), // signalfd
    ((127, 1), Add(&[Enter(0), Enter(1), Enter(2)])), // signalfd
    ((128, 2), Store), // kill
    ((129, 1), Add(&[Enter(0), Enter(1)])), // kill
    ((130, 2), Store), // tkill
    ((131, 1), Add(&[Enter(0), Enter(1)])), // tkill
    ((132, 3), Store), // tgkill
    ((133, 1), Add(&[Enter(0), Enter(1), Enter(2)])), // tgkill
    ((134, 1), Store), // nanosleep
    ((135, 1), Add(&[Enter(0)])), // nanosleep
    ((136, 2), Store), // timerfd_create
    ((137, 1), Add(&[Enter(0), Enter(1)])), // timerfd_create
    ((138, 1), Store), // inotify_init
    ((139, 1), Add(&[Enter(0)])), // inotify_init
    ((140, 1), Store), // getrlimit
    ((141, 3), Add(&[Enter(0)])), // getrlimit
    ((142, 1), Store), // setrlimit
    ((143, 3), Add(&[Enter(0)])), // setrlimit
    ((144, 2), Store), // prlimit
    ((145, 5), Add(&[EnterOrNone(0), EnterOrNone(1)])), // prlimit
    ((146, 1), Become(152, &[Old(0), Empty, Empty, Empty, Empty, Empty])), // switch
    ((150, 2), Store), // fcntl
    ((151, 1), Add(&[Enter(0), Enter(1)])), // fcntl
    ((151, 3), Add(&[Default])), // fcntl
    ((154, 0), Become(172, &[])), // execve
    ((155, 13), Become(173, &[ // execve
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Empty,
    ])),
    ((157, 16), Become(217, &[ // clone
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Empty, Old(13), Old(14), Old(15),
    ])),
    ((158, 1), Store), // brk
    ((159, 4), Add(&[EnterOrNone(0)])), // brk
    ((160, 6), Store), // mmap
    ((161, 4), Add(&[Enter(0), Enter(1), Enter(2), Enter(3), Enter(4), Enter(5)])), // mmap
    ((162, 6), Store), // mmap2
    ((163, 4), Add(&[Enter(0), Enter(1), Enter(2), Enter(3), Enter(4), Enter(5)])), // mmap2
    ((164, 2), Store), // munmap
    ((165, 4), Add(&[Enter(0), Enter(1)])), // munmap
    ((166, 4), Store), // splice
    ((167, 1), Add(&[Enter(0), Enter(1), Enter(2), Enter(3)])), // splice
    ((168, 2), Store), // ptrace
    ((169, 0), Add(&[Empty, Empty, Empty])), // ptrace
    ((169, 3), Add(&[EnterOrNone(0), EnterOrNone(1)])), // ptrace
    ((170, 3), Store), // ioctl
    ((171, 1), Add(&[Enter(0), Enter(1), Enter(2)])), // ioctl
    ((172, 0), Become(214, &[])), // execve
    ((173, 14), Become(215, &[ // execve
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Empty, Old(13),
    ])),
    ((183, 16), Become(219, &[ // fork
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Empty, Old(13), Old(14), Old(15),
    ])),
    ((185, 16), Become(221, &[ // vfork
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Empty, Old(13), Old(14), Old(15),
    ])),
    ((188, 4), Store), // sendfile
    ((189, 2), Add(&[Enter(0), Enter(1), Enter(3)])), // sendfile
    ((190, 4), Store), // quotactl
    ((191, 14), Add(&[Enter(0), Enter(1), Enter(2), Enter(3)])), // quotactl
    ((192, 3), Store), // setresuid
    ((193, 1), Add(&[EnterOrNone(0), EnterOrNone(1), EnterOrNone(2)])), // setresuid
    ((194, 3), Store), // setresgid
    ((195, 1), Add(&[EnterOrNone(0), EnterOrNone(1), EnterOrNone(2)])), // setresgid
    ((198, 1), Store), // setuid
    ((199, 1), Add(&[EnterOrNone(0)])), // setuid
    ((200, 1), Store), // setgid
    ((201, 1), Add(&[EnterOrNone(0)])), // setgid
    ((214, 0), Become(230, &[])), // execve
    ((215, 15), Become(231, &[ // execve
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Old(13), Empty, Old(14),
    ])),
    ((217, 17), Become(223, &[ // clone
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Old(13), Empty, Old(14), Old(15), Old(16), Empty, Empty,
    ])),
    ((219, 17), Become(225, &[ // fork
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Old(13), Empty, Old(14), Old(15), Old(16), Empty, Empty,
    ])),
    ((221, 17), Become(227, &[ // vfork
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Old(13), Empty, Old(14), Old(15), Old(16), Empty, Empty,
    ])),
    ((223, 20), Add(&[Empty])), // clone
    ((225, 20), Add(&[Empty])), // fork
    ((227, 20), Add(&[Empty])), // vfork
    ((228, 4), Become(272, &[Container])), // container
    ((230, 0), Become(282, &[])), // execve
    ((231, 16), Become(283, &[ // execve
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Old(13), Old(14), Old(15), Empty,
    ])),
    ((236, 1), Store), // getdents
    ((237, 1), Add(&[Enter(0)])), // getdents
    ((238, 1), Store), // getdents64
    ((239, 1), Add(&[Enter(0)])), // getdents64
    ((240, 2), Store), // setns
    ((241, 1), Add(&[EnterOrNone(0), EnterOrNone(1)])), // setns
    ((242, 2), Store), // flock
    ((243, 1), Add(&[Enter(0), Enter(1)])), // flock
    ((248, 1), Store), // accept
    ((249, 5), Become(389, &[Old(0), Old(1), Old(2), Old(3), Old(4), Enter(0)])), // accept
    ((250, 1), Store), // semop
    ((251, 8), Add(&[Enter(0)])), // semop
    ((252, 4), Store), // semctl
    ((253, 1), Add(&[Enter(0), Enter(1), Enter(2), Enter(3)])), // semctl
    ((254, 3), Store), // ppoll
    ((255, 2), Add(&[Enter(1), Enter(2)])), // ppoll
    ((256, 1), Store), // mount
    ((257, 4), Add(&[Enter(0)])), // mount
    ((259, 2), Become(387, &[Old(0), Old(1)])), // umount
    ((262, 3), Store), // semget
    ((263, 1), Add(&[Enter(0), Enter(1), Enter(2)])), // semget
    ((264, 1), Store), // access
    ((265, 2), Add(&[Enter(0)])), // access
    ((272, 1), Become(324, &[Old(0)])), // container
    ((276, 1), Store), // mkdir
    ((277, 2), Add(&[EnterOrNone(0)])), // mkdir
    ((282, 0), Become(288, &[Empty])), // execve
    ((283, 17), Become(289, &[ // execve
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Old(13), Old(14), Old(15), Old(16),
    ])),
    ((284, 1), Store), // unshare
    ((285, 1), Add(&[Enter(0)])), // unshare
    ((288, 1), Become(292, &[Old(0)])), // execve
    ((289, 17), Become(293, &[ // execve
        Old(0), Old(1), Old(2), Old(3), Old(4), Old(5), Old(6), Old(7), Old(8), Old(9), Old(10), Old(11), Old(12),
        Old(13), Old(14), Old(15), Old(16), Empty,
    ])),
    ((292, 1), StoreAndPass), // execve
    ((293, 18), Add(&[Empty])), // execve
    ((293, 19), Add(&[Empty])), // execve
    ((293, 20), Add(&[Empty, Empty, Empty])), // execve
    ((293, 23), Add(&[Empty, Empty, Empty])), // execve
    ((293, 26), Add(&[Empty])), // execve
    ((293, 27), Add(&[Empty])), // execve
    ((293, 28), Add(&[Empty])), // execve
    ((293, 29), Add(&[Empty])), // execve
    ((293, 30), Add(&[EnterOrNone(0)])), // execve
    ((294, 2), Store), // setpgid
    ((295, 1), Add(&[EnterOrNone(0), EnterOrNone(1)])), // setpgid
    ((296, 1), Store), // bpf
    ((297, 1), Become(369, &[Old(0), EnterOrNone(0)])), // bpf
    ((298, 1), Add(&[Default])), // seccomp
    ((298, 2), Store), // seccomp
    ((299, 1), Add(&[Enter(0), Enter(1)])), // seccomp
    ((306, 0), Add(&[Empty, Empty, Empty, Empty])), // openat
    ((306, 4), Pass), // openat
    ((307, 5), Add(&[Empty])), // openat
    ((307, 6), Add(&[Empty])), // openat
    ((326, 0), Add(&[Empty, Empty, Empty, Empty, Empty])), // openat2
    ((326, 5), Pass), // openat2
    ((327, 6), Add(&[Empty, Empty])), // openat2
    ((328, 3), Store), // mprotect
    ((329, 1), Add(&[Enter(0), Enter(1), Enter(2)])), // mprotect
    ((330, 3), Pass), // execveat
    ((331, 19), Add(&[Empty])), // execveat
    ((331, 20), Add(&[Empty, Empty, Empty])), // execveat
    ((331, 23), Add(&[Empty, Empty, Empty])), // execveat
    ((331, 26), Add(&[Empty])), // execveat
    ((331, 27), Add(&[Empty])), // execveat
    ((331, 28), Add(&[Empty])), // execveat
    ((331, 29), Add(&[Empty])), // execveat
    ((332, 3), Store), // copy_file_range
    ((333, 3), Add(&[Enter(0), Enter(1), Enter(2)])), // copy_file_range
    ((335, 20), Add(&[Empty])), // clone3
    ((374, 1), Store), // epoll_create
    ((375, 1), Add(&[Enter(0)])), // epoll_create
    ((376, 1), Store), // epoll_create1
    ((377, 1), Add(&[Enter(0)])), // epoll_create1
    ((388, 1), Store), // accept4
    ((389, 5), Add(&[Enter(0)])), // accept4
    ((390, 1), Store), // umount2
    ((391, 2), Add(&[Enter(0)])), // umount2
    ((396, 1), Store), // eventfd2
    ((397, 2), Add(&[Enter(0)])), // eventfd2
    ((398, 2), Store), // signalfd4
    ((399, 2), Add(&[Enter(0), Enter(1)])), // signalfd4
];
