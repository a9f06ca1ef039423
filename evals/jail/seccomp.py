"""The system calls a jailed program may not make, as a BPF program for bubblewrap's ``--seccomp``.

A deny list with everything else allowed: the namespaces and limits are the wall; this shrinks the kernel behind it.
The calls are those that Docker's default profile and Flatpak refuse, and those that get around ``RLIMIT_AS``
(``memfd_create``, System V shared memory). They fail with EPERM, so a program sees a ``PermissionError``; ``clone3``
fails with ENOSYS, because its flags are in memory a filter cannot read and the C library then falls back to ``clone``.
Calls of a foreign architecture, including x32, kill the process: libseccomp puts that check first.

Compiling takes about 20 ms and happens once per process (:func:`gristmill.evals.jail.sandbox.plan` keeps it).
"""

import errno
import tempfile

DENIED = """
    acct add_key adjtimex afs_syscall bpf chroot clock_adjtime clock_settime create_module delete_module
    fanotify_init fanotify_mark finit_module fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy getpmsg
    init_module io_pgetevents io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load
    kexec_load keyctl lookup_dcookie mbind memfd_create memfd_secret migrate_pages modify_ldt mount mount_setattr
    move_mount move_pages mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv
    msgsnd name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open personality pidfd_getfd pivot_root
    process_madvise process_vm_readv process_vm_writev ptrace putpmsg query_module quotactl quotactl_fd reboot
    remap_file_pages request_key security semctl semget semop semtimedop set_mempolicy set_mempolicy_home_node setns
    settimeofday shmat shmctl shmdt shmget swapoff swapon sysfs syslog _sysctl tuxcall umount umount2 unshare uselib
    userfaultfd ustat vhangup vmsplice vserver
    socket bind connect listen accept accept4 sendmsg recvmsg sendmmsg recvmmsg
"""

# Flags of clone(2) that make a namespace: NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
CLONE_NAMESPACES = 0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
AF_UNIX = 1
TIOCSTI, TIOCLINUX = 0x5412, 0x541C


def filter_program() -> bytes:
    """The compiled filter. Raises ``RuntimeError`` (from pyseccomp) or ``OSError`` when libseccomp is missing."""
    import pyseccomp

    deny = pyseccomp.ERRNO(errno.EPERM)
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    for name in DENIED.split():
        number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        if number >= 0:  # negative: this architecture has no such call, or this libseccomp does not know it
            rules.add_rule(deny, number)
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    for flag in (1 << bit for bit in range(32) if CLONE_NAMESPACES >> bit & 1):
        rules.add_rule(deny, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    # asyncio wakes its loop through a pair of local sockets, so socketpair and sends without an address stay allowed.
    rules.add_rule(deny, "socketpair", pyseccomp.Arg(0, pyseccomp.NE, AF_UNIX))
    rules.add_rule(deny, "sendto", pyseccomp.Arg(4, pyseccomp.NE, 0))
    for request in (TIOCSTI, TIOCLINUX):
        rules.add_rule(deny, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, request))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
