/** Where a system call has its files: indices of a directory's descriptor and of a path, or of a descriptor alone. */
export interface FileArgument {
  readonly directory?: number
  readonly path?: number
  readonly descriptor?: number
}

const first =
  'open creat mkdir rmdir unlink chmod chown lchown truncate access execve mknod chroot chdir readlink utime utimes stat lstat statfs acct swapon swapoff umount2 setxattr lsetxattr removexattr lremovexattr getxattr lgetxattr'
const beside =
  'openat openat2 mkdirat unlinkat fchmodat fchmodat2 fchownat faccessat faccessat2 mknodat execveat readlinkat utimensat newfstatat statx name_to_handle_at open_tree'
const descriptors = 'fchmod fchown ftruncate fchdir ioctl write read pwrite64 fsetxattr fremovexattr fallocate mmap'

const known = new Map<string, readonly FileArgument[]>([
  ...first.split(' ').map((name) => [name, [{ path: 0 }]] as const),
  ...beside.split(' ').map((name) => [name, [{ directory: 0, path: 1 }]] as const),
  ...descriptors.split(' ').map((name) => [name, [{ descriptor: name === 'mmap' ? 4 : 0 }]] as const),
  ['rename', [{ path: 0 }, { path: 1 }]],
  ['link', [{ path: 0 }, { path: 1 }]],
  ['symlink', [{ path: 1 }]],
  ['symlinkat', [{ directory: 1, path: 2 }]],
  ['renameat', renamed()],
  ['renameat2', renamed()],
  ['linkat', renamed()],
  ['mount', [{ path: 1 }]],
  ['pivot_root', [{ path: 0 }]],
])

/** The files that a system call names, as places among its arguments. */
export function fileArguments(call: string): readonly FileArgument[] {
  return known.get(call) ?? []
}

function renamed(): readonly FileArgument[] {
  return [
    { directory: 0, path: 1 },
    { directory: 2, path: 3 },
  ]
}
