import type { Refusal, RefusedPath } from '@gantry/linux'
import { capabilitiesOf } from '@gantry/runtime'
import { dirname } from 'node:path'
import type { JudgedContainer, Verdict } from './judge.ts'
import type { Remedy } from './remedy.ts'

// Settings that belong to a namespace of the container: `--sysctl` may set them.
const ownSettings = /^(net\.|kernel\.(msg|sem|shm)|fs\.mqueue\.)/

/** Judges by the files that a call names: how they are mounted, what they are, whose they are; undefined where that does not explain it. */
export function fileVerdict(refusal: Refusal, container: JudgedContainer): Verdict | undefined {
  for (const path of refusal.paths) {
    const verdict = hiddenOrFixed(refusal, path, container) ?? device(refusal, path) ?? permission(refusal, path)
    if (verdict !== undefined) return verdict
  }
  return undefined
}

function hiddenOrFixed(
  { error }: Refusal,
  { path, mount }: RefusedPath,
  { spec, runtime }: JudgedContainer,
): Verdict | undefined {
  const { point, options, type } = mount
  if (runtime.linux.maskedPaths?.includes(point) === true)
    return {
      by: 'masked-path',
      because: `${point} is hidden from containers, since it tells of or acts on the host`,
      remedies: [{ kind: 'system-paths' }],
    }
  if (error === 'EROFS' || (options.includes('ro') && error === 'EACCES')) {
    if (runtime.linux.readonlyPaths?.includes(point) === true)
      return {
        by: 'read-only',
        because: `${point} is read-only in containers: writing there changes the host`,
        remedies: [...settingOf(path), { kind: 'system-paths' }],
      }
    if (point === '/' && spec.readonlyRoot)
      return {
        by: 'read-only',
        because: `the root file system is read-only (--read-only), and ${path} is on it`,
        remedies: [{ kind: 'writable-root', directory: dirname(path) }],
      }
    if (spec.mounts.some(({ target }) => target === point))
      return {
        by: 'read-only',
        because: `${path} is on the mount of ${point}, which was asked for as read-only`,
        remedies: [{ kind: 'writable-mount', target: point }],
      }
    if (options.includes('ro'))
      return {
        by: 'read-only',
        because: `${path} is on the ${type === '' ? 'mount' : type} of ${point}, which is read-only in containers that are not privileged`,
        remedies: [],
      }
  }
  return undefined
}

function settingOf(path: string): Remedy[] {
  if (!path.startsWith('/proc/sys/')) return []
  const key = path.slice('/proc/sys/'.length).replaceAll('/', '.')
  return ownSettings.test(key) ? [{ kind: 'sysctl', key }] : []
}

function device({ call, error }: Refusal, { path, kind, device: number, mount }: RefusedPath): Verdict | undefined {
  if (number === undefined || !/^(open|openat|openat2|creat)$/.test(call)) return undefined
  const name = `${kind === 'block' ? 'b' : 'c'} ${String(number.major)}:${String(number.minor)}`
  if (error === 'EPERM')
    return {
      by: 'device',
      because: `${path} is device ${name}, which the container's device rules do not open`,
      remedies: [{ kind: 'device-rule', rule: `${name} rwm`, path }],
    }
  if (error === 'EACCES' && mount.options.includes('nodev'))
    return {
      by: 'mount-option',
      because: `${path} is a device on ${mount.point}, which is mounted "nodev"`,
      remedies: [{ kind: 'device-rule', rule: `${name} rwm`, path }],
    }
  return undefined
}

const read = 4
const write = 2
const execute = 1

function permission({ call, error, args, process }: Refusal, path: RefusedPath): Verdict | undefined {
  if (error !== 'EACCES') return undefined
  const has = capabilitiesOf(process.effective)
  const may = (entry: { mode: number; uid: number; gid: number }, wanted: number): boolean => {
    const shift =
      entry.uid === process.uid ? 6 : entry.gid === process.gid || process.groups.includes(entry.gid) ? 3 : 0
    return ((entry.mode >> shift) & wanted) === wanted
  }
  if (call === 'execve' || call === 'execveat') {
    if (path.mount.options.includes('noexec'))
      return {
        by: 'mount-option',
        because: `${path.path} is on ${path.mount.point}, which is mounted "noexec"`,
        remedies: [{ kind: 'exec-mount', target: path.mount.point }],
      }
    if (path.kind === 'directory' || (path.kind === 'file' && (path.mode & 0o111) === 0))
      return { by: 'file-permission', because: `${path.path} is no program: nobody may execute it`, remedies: [] }
  }
  if (has.includes('CAP_DAC_OVERRIDE')) return undefined
  const closed = path.way.find((directory) => !may(directory, execute))
  if (closed !== undefined) return denied(process, closed, 'be entered')
  if (path.kind === 'absent' || /^(unlink|rmdir|mkdir|rename|link|symlink|mknod|creat)/.test(call)) {
    const directory = path.way.at(-1)
    return directory !== undefined && !may(directory, write | execute)
      ? denied(process, directory, 'be changed')
      : undefined
  }
  const wanted = wantedOf(call, args)
  return may({ mode: path.mode, uid: path.uid, gid: path.gid }, wanted)
    ? undefined
    : denied(process, path, wanted === execute ? 'be executed' : wanted === read ? 'be read' : 'be written')
}

function wantedOf(call: string, args: readonly bigint[]): number {
  if (call === 'execve' || call === 'execveat') return execute
  if (call === 'creat' || call === 'truncate') return write
  if (call === 'access' || call === 'faccessat' || call === 'faccessat2')
    return Number((call === 'access' ? args[1] : args[2]) ?? 4n) & 7
  if (call !== 'open' && call !== 'openat') return read
  const access = Number((call === 'open' ? args[1] : args[2]) ?? 0n) & 3
  return access === 0 ? read : access === 1 ? write : read | write
}

function denied(
  process: Refusal['process'],
  { path, mode, uid, gid }: { path: string; mode: number; uid: number; gid: number },
  how: string,
): Verdict {
  const owner = `${String(uid)}:${String(gid)}`
  return {
    by: 'file-permission',
    because: `${path} belongs to ${owner} and has mode ${mode.toString(8).padStart(4, '0')}: it may not ${how} by user ${String(process.uid)}, group ${String(process.gid)}`,
    remedies:
      process.uid === 0
        ? [{ kind: 'capability', name: 'CAP_DAC_OVERRIDE' }]
        : [{ kind: 'user', user: uid === 0 ? 'root' : owner }],
  }
}
