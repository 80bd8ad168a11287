import type { Refusal } from '@gantry/linux'

// capabilities(7), and the kernel's own checks.
const byCall: Readonly<Record<string, string>> = {
  CHOWN: 'chown fchown lchown fchownat',
  FOWNER: 'chmod fchmod fchmodat fchmodat2 utime utimes utimensat',
  SETUID: 'setuid setreuid setresuid setfsuid',
  SETGID: 'setgid setregid setresgid setfsgid setgroups',
  KILL: 'kill tkill tgkill rt_sigqueueinfo pidfd_send_signal',
  SETPCAP: 'capset',
  SYS_ADMIN:
    'mount umount2 pivot_root setns unshare clone sethostname setdomainname swapon swapoff quotactl quotactl_fd fsopen fsmount fsconfig fspick move_mount open_tree mount_setattr fanotify_init lookup_dcookie',
  BPF: 'bpf',
  PERFMON: 'perf_event_open',
  SYS_CHROOT: 'chroot',
  MKNOD: 'mknod mknodat',
  SYS_BOOT: 'reboot kexec_load kexec_file_load',
  SYS_TIME: 'clock_settime settimeofday adjtimex clock_adjtime stime',
  SYS_MODULE: 'init_module finit_module delete_module',
  SYS_RAWIO: 'iopl ioperm',
  SYS_PTRACE: 'ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise',
  SYS_PACCT: 'acct',
  SYSLOG: 'syslog',
  SYS_RESOURCE: 'setrlimit prlimit64',
  SYS_NICE:
    'setpriority sched_setscheduler sched_setparam sched_setattr sched_setaffinity ioprio_set mbind set_mempolicy get_mempolicy migrate_pages move_pages',
  IPC_LOCK: 'mlock mlock2 mlockall shmctl',
  DAC_READ_SEARCH: 'open_by_handle_at',
  SYS_TTY_CONFIG: 'vhangup',
  NET_ADMIN: 'setsockopt',
  SETFCAP: 'setxattr fsetxattr lsetxattr',
}

const needed = new Map(
  Object.entries(byCall).flatMap(([name, calls]) => calls.split(' ').map((call) => [call, `CAP_${name}`] as const)),
)

const AF_PACKET = 17n
const SOCK_RAW = 3n
const lastLowPort = 1023
// linux/sockios.h: requests about links, addresses and routes.
const netRequests = { first: 0x8900n, last: 0x89ffn }

/** The capability that the kernel asks for at a call it refused; undefined where none is known to help. */
export function neededCapability({ call, error, args, address }: Refusal): string | undefined {
  if (call === 'socket') {
    const [domain = 0n, type = 0n] = args
    return domain === AF_PACKET || (type & 0xfn) === SOCK_RAW ? 'CAP_NET_RAW' : undefined
  }
  if (call === 'bind') {
    const { port } = address ?? {}
    return error === 'EACCES' && port !== undefined && port <= lastLowPort ? 'CAP_NET_BIND_SERVICE' : undefined
  }
  if (call === 'ioctl') {
    const request = BigInt.asUintN(32, args[1] ?? 0n)
    return request >= netRequests.first && request <= netRequests.last ? 'CAP_NET_ADMIN' : undefined
  }
  return needed.get(call)
}
