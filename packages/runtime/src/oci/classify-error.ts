import { RuntimeError, type RuntimeErrorCode } from '../runtime-error.ts'

interface Pattern {
  readonly code: RuntimeErrorCode
  readonly test: RegExp
  readonly hint?: string
}

// Texts of runc 1.1 to 1.3 and crun 1.8 to 1.21; the order matters: the first that fits wins.
const patterns: readonly Pattern[] = [
  { code: 'TASK_EXISTS', test: /container with (given )?id (already )?exists|container `[^`]*` already exists/i },
  // It ended between our look at it and the runtime's.
  {
    code: 'NOT_RUNNING',
    test: /container (?:is )?not running|cannot exec in a (?:stopped|paused) container|container does not exist|is not in a running state/i,
  },
  { code: 'USER_UNKNOWN', test: /unable to find user|no matching entries in passwd/i },
  {
    code: 'WORKING_DIRECTORY_INVALID',
    test: /chdir to cwd \("?([^")]*)"?\)|container init: mkdir ([^:]*): not a directory|chdir: |(?:cannot )?chdir to `([^`]*)`/i,
    hint: 'give a working directory that exists in the image and is a directory',
  },
  { code: 'COMMAND_NOT_FOUND', test: /exec:? "?([^":]*)"?:.*executable file not found in \$PATH/ },
  { code: 'COMMAND_NOT_FOUND', test: /executable file [`']([^`']*)[`'] not found/i },
  { code: 'COMMAND_NOT_FOUND', test: /exec:? "?([^":]*)"?: (?:stat [^:]*: )?no such file or directory/i },
  {
    code: 'COMMAND_NOT_EXECUTABLE',
    test: /exec:? "?([^":]*)"?: (?:stat [^:]*: )?(?:permission denied|is a directory|exec format error|not a directory)/i,
  },
  {
    code: 'COMMAND_NOT_EXECUTABLE',
    test: /the path `([^`]*)` (?:exists but it is not executable|is not a regular file)/,
  },
  { code: 'COMMAND_NOT_EXECUTABLE', test: /open executable: (?:Permission denied|Is a directory)|exec format error/i },
  {
    code: 'SPEC_INVALID',
    test: /too many open files/i,
    hint: 'its limit of open files is too low even for the runtime to start it: give --ulimit nofile at least 64',
  },
  // crun looks at the sources of mounts, and at nothing else, in these words.
  { code: 'MOUNT_FAILED', test: /cannot stat `([^`]*)`/ },
  { code: 'MOUNT_FAILED', test: /error mounting "?([^"]*)"?|mount `?([^`]*)`? to|rootfs_linux\.go|unable to mount/i },
  {
    code: 'HOST_DENIED',
    test: /cgroup|rlimit|operation not permitted|oom_score_adj|invalid file system type on|seccomp/i,
    hint: 'see "gantry doctor" for what this host allows',
  },
]

/**
 * The error for what an OCI runtime said. The runtime's own words stay in the message; the code is found by the texts of runc and
 * crun, `fallback` where none fits.
 */
export function classifyRuntimeError(tried: string, said: string, fallback: RuntimeErrorCode): RuntimeError {
  const text = essence(said)
  for (const pattern of patterns) {
    const match = pattern.test.exec(text)
    if (match === null) continue
    const subject = match.slice(1).find((group) => group !== undefined)
    return new RuntimeError(pattern.code, `${tried}: ${text}`, {
      ...(pattern.hint === undefined ? {} : { hint: pattern.hint }),
      ...(subject === undefined ? {} : { subject }),
    })
  }
  return new RuntimeError(fallback, `${tried}: ${text === '' ? 'the runtime gave no reason' : text}`)
}

/** What a runtime said, without time stamps, levels and the chain of its own function names in front. */
function essence(said: string): string {
  const lines = said
    .trim()
    .split('\n')
    .map((line) => /msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]?.replaceAll('\\"', '"') ?? line)
    .filter((line) => line.trim() !== '')
  return [...new Set(lines)].slice(0, 4).join('; ').slice(0, 4096)
}
