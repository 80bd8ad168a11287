// Docker's default seccomp profile, as data. Copyright 2012-2018 Docker, Inc. and The Moby Authors; Apache License 2.0
// (https://github.com/moby/profiles, seccomp/default.json). Changed: written as a table, and the rules of Docker Engine 20.10 brought
// up to those of Engine 29: io_uring gone, sockets of AF_ALG and AF_VSOCK refused, newer system calls sorted into their groups.
import type { SeccompProfile } from './seccomp-profile.ts'

/** Docker's default profile: whatever no rule allows fails with EPERM; clone3 fails with ENOSYS so that a C library falls back to clone. */
export const dockerProfile: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 1,
  archMap: [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
    { architecture: 'SCMP_ARCH_MIPS64', subArchitectures: ['SCMP_ARCH_MIPS', 'SCMP_ARCH_MIPS64N32'] },
    { architecture: 'SCMP_ARCH_MIPS64N32', subArchitectures: ['SCMP_ARCH_MIPS', 'SCMP_ARCH_MIPS64'] },
    { architecture: 'SCMP_ARCH_MIPSEL64', subArchitectures: ['SCMP_ARCH_MIPSEL', 'SCMP_ARCH_MIPSEL64N32'] },
    { architecture: 'SCMP_ARCH_MIPSEL64N32', subArchitectures: ['SCMP_ARCH_MIPSEL', 'SCMP_ARCH_MIPSEL64'] },
    { architecture: 'SCMP_ARCH_S390X', subArchitectures: ['SCMP_ARCH_S390'] },
    { architecture: 'SCMP_ARCH_RISCV64', subArchitectures: [] },
    { architecture: 'SCMP_ARCH_LOONGARCH64', subArchitectures: [] },
  ],
  rules: [
    {
      // By falling number: libseccomp keeps a sorted list, and a smaller number has its place at the list's head. That is
      // 6 of the 52 ms of a "runc create".
      names: words(`
        removexattrat listxattrat getxattrat setxattrat mseal listmount statmount futex_requeue futex_wait
        futex_wake map_shadow_stack fchmodat2 cachestat futex_waitv process_mrelease memfd_secret
        landlock_restrict_self landlock_add_rule landlock_create_ruleset epoll_pwait2 faccessat2 openat2
        close_range pidfd_open pidfd_send_signal sched_rr_get_interval_time64 futex_time64
        rt_sigtimedwait_time64 semtimedop_time64 mq_timedreceive_time64 mq_timedsend_time64 recvmmsg_time64
        io_pgetevents_time64 ppoll_time64 pselect6_time64 utimensat_time64 timerfd_settime64 timerfd_gettime64
        timer_settime64 timer_gettime64 clock_nanosleep_time64 clock_getres_time64 clock_adjtime64
        clock_gettime64 rseq io_pgetevents statx pkey_free pkey_alloc pkey_mprotect pwritev2 preadv2
        copy_file_range mlock2 membarrier execveat memfd_create getrandom seccomp renameat2 sched_getattr
        sched_setattr getcpu sendmmsg syncfs clock_adjtime name_to_handle_at prlimit64 fanotify_mark fstatat64
        recvmmsg rt_tgsigqueueinfo pwritev preadv inotify_init1 pipe2 dup3 epoll_create1 eventfd2 signalfd4
        accept4 timerfd_gettime timerfd_settime fallocate eventfd timerfd_create signalfd epoll_pwait
        utimensat vmsplice sync_file_range tee splice get_robust_list set_robust_list fadvise64_64 ppoll
        pselect6 faccessat fstatfs64 fchmodat statfs64 readlinkat symlinkat linkat renameat unlinkat
        newfstatat futimesat fchownat mknodat mkdirat openat inotify_rm_watch inotify_add_watch inotify_init
        ioprio_get ioprio_set waitid mq_getsetattr mq_notify mq_timedreceive mq_timedsend mq_unlink mq_open
        sendfile64 utimes tgkill epoll_ctl epoll_wait exit_group clock_nanosleep clock_getres clock_gettime
        timer_delete timer_getoverrun timer_gettime timer_settime timer_create fadvise64 fcntl64 semtimedop
        restart_syscall set_tid_address getdents64 remap_file_pages setfsgid32 epoll_wait_old setfsuid32
        epoll_ctl_old setgid32 epoll_create setuid32 chown32 get_thread_area getresgid32 io_cancel setresgid32
        getresuid32 io_submit io_getevents setresuid32 fchown32 io_destroy io_setup setgroups32 getgroups32
        set_thread_area sched_getaffinity setregid32 sched_setaffinity setreuid32 futex getegid32 geteuid32
        time getgid32 tkill fremovexattr getuid32 lchown32 lremovexattr fstat64 removexattr flistxattr lstat64
        llistxattr stat64 ftruncate64 listxattr fgetxattr truncate64 lgetxattr mmap2 getxattr ugetrlimit
        fsetxattr lsetxattr setxattr readahead gettid sync setrlimit adjtimex prctl munlockall mlockall
        munlock mlock sched_rr_get_interval sched_get_priority_min sched_get_priority_max sched_getscheduler
        sched_setscheduler sched_getparam _newselect sched_setparam setpriority _llseek getpriority fstatfs
        statfs mknod utime sigaltstack rt_sigsuspend rt_sigqueueinfo rt_sigtimedwait rt_sigpending capset
        sigprocmask capget getsid setfsgid setfsuid getpgid getresgid setresgid sigreturn getresuid ipc
        setresuid setgroups getgroups setregid setreuid setsid getpgrp getppid setpgid getegid geteuid setgid
        setuid getgid getuid socketcall times sysinfo getrusage getrlimit gettimeofday umask lchown fchown
        chown fchmod chmod readlink symlink unlink link creat rmdir mkdir rename fchdir chdir getcwd getdents
        ftruncate truncate fdatasync fsync flock fcntl msgctl msgrcv msgsnd msgget shmdt semctl semop semget
        uname kill wait4 exit execve vfork fork getsockopt setsockopt socketpair getpeername getsockname
        listen bind shutdown recvmsg sendmsg recvfrom sendto accept connect sendfile getpid setitimer alarm
        getitimer nanosleep pause dup2 dup shmctl shmat shmget madvise mincore msync mremap sched_yield select
        pipe access writev readv pwrite64 pread64 ioctl rt_sigreturn rt_sigprocmask rt_sigaction brk munmap
        mprotect mmap lseek poll waitpid lstat fstat stat close read open write recv riscv_hwprobe send
        uretprobe
      `),
    },
    { names: words('process_vm_readv process_vm_writev ptrace'), includes: { minKernel: '4.8' } },
    { names: words('socket'), args: [{ index: 0, op: 'SCMP_CMP_LT', value: 38 }] },
    { names: words('socket'), args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 39 }] },
    { names: words('socket'), args: [{ index: 0, op: 'SCMP_CMP_GT', value: 40 }] },
    { names: words('personality'), args: [{ index: 0, value: 0, op: 'SCMP_CMP_EQ' }] },
    { names: words('personality'), args: [{ index: 0, value: 8, op: 'SCMP_CMP_EQ' }] },
    { names: words('personality'), args: [{ index: 0, value: 131072, op: 'SCMP_CMP_EQ' }] },
    { names: words('personality'), args: [{ index: 0, value: 131080, op: 'SCMP_CMP_EQ' }] },
    { names: words('personality'), args: [{ index: 0, value: 4294967295, op: 'SCMP_CMP_EQ' }] },
    { names: words('sync_file_range2 swapcontext'), includes: { arches: ['ppc64le'] } },
    {
      names: words('arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls'),
      includes: { arches: ['arm', 'arm64'] },
    },
    { names: words('arch_prctl'), includes: { arches: ['amd64', 'x32'] } },
    { names: words('modify_ldt'), includes: { arches: ['amd64', 'x32', 'x86'] } },
    {
      names: words('s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr'),
      includes: { arches: ['s390', 's390x'] },
    },
    { names: words('riscv_flush_icache'), includes: { arches: ['riscv64'] } },
    { names: words('open_by_handle_at'), includes: { caps: ['CAP_DAC_READ_SEARCH'] } },
    {
      names: words(`
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
        lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open
        quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
      `),
      includes: { caps: ['CAP_SYS_ADMIN'] },
    },
    {
      names: words('clone'),
      args: [{ index: 0, value: 2114060288, op: 'SCMP_CMP_MASKED_EQ' }],
      excludes: { caps: ['CAP_SYS_ADMIN'], arches: ['s390', 's390x'] },
    },
    {
      names: words('clone'),
      args: [{ index: 1, value: 2114060288, op: 'SCMP_CMP_MASKED_EQ' }],
      includes: { arches: ['s390', 's390x'] },
      excludes: { caps: ['CAP_SYS_ADMIN'] },
    },
    { names: words('clone3'), action: 'SCMP_ACT_ERRNO', errnoRet: 38, excludes: { caps: ['CAP_SYS_ADMIN'] } },
    { names: words('reboot'), includes: { caps: ['CAP_SYS_BOOT'] } },
    { names: words('chroot'), includes: { caps: ['CAP_SYS_CHROOT'] } },
    { names: words('delete_module init_module finit_module'), includes: { caps: ['CAP_SYS_MODULE'] } },
    { names: words('acct'), includes: { caps: ['CAP_SYS_PACCT'] } },
    {
      names: words('kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace'),
      includes: { caps: ['CAP_SYS_PTRACE'] },
    },
    { names: words('iopl ioperm'), includes: { caps: ['CAP_SYS_RAWIO'] } },
    { names: words('settimeofday stime clock_settime clock_settime64'), includes: { caps: ['CAP_SYS_TIME'] } },
    { names: words('vhangup'), includes: { caps: ['CAP_SYS_TTY_CONFIG'] } },
    { names: words('get_mempolicy mbind set_mempolicy set_mempolicy_home_node'), includes: { caps: ['CAP_SYS_NICE'] } },
    { names: words('syslog'), includes: { caps: ['CAP_SYSLOG'] } },
    { names: words('bpf'), includes: { caps: ['CAP_BPF'] } },
    { names: words('perf_event_open'), includes: { caps: ['CAP_PERFMON'] } },
  ],
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}
