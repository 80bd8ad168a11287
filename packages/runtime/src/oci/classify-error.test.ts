import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { classifyRuntimeError } from './classify-error.ts'

const runc = 'runc create failed: unable to start container process: '

describe('classifyRuntimeError', () => {
  const rows: readonly [string, string, string | undefined][] = [
    [`${runc}exec: "nope": executable file not found in $PATH`, 'COMMAND_NOT_FOUND', 'nope'],
    [`${runc}exec: "/nope": stat /nope: no such file or directory`, 'COMMAND_NOT_FOUND', '/nope'],
    [`${runc}exec: "/etc": stat /etc: permission denied`, 'COMMAND_NOT_EXECUTABLE', '/etc'],
    [`${runc}exec: "/etc/passwd": permission denied`, 'COMMAND_NOT_EXECUTABLE', '/etc/passwd'],
    [`${runc}exec: "/etc": is a directory`, 'COMMAND_NOT_EXECUTABLE', '/etc'],
    [`${runc}chdir to cwd ("/file") set in config.json failed: not a directory`, 'WORKING_DIRECTORY_INVALID', '/file'],
    [`${runc}error during container init: mkdir /file: not a directory`, 'WORKING_DIRECTORY_INVALID', '/file'],
    [
      `${runc}error during container init: error mounting "/nope" to rootfs at "/x": no such file`,
      'MOUNT_FAILED',
      '/nope',
    ],
    ['container with id exists: x', 'TASK_EXISTS', undefined],
    ['container not running', 'NOT_RUNNING', undefined],
    [`${runc}error setting rlimits for ready process: operation not permitted`, 'HOST_DENIED', undefined],
    [`${runc}error loading seccomp filter: pipe2: too many open files`, 'SPEC_INVALID', undefined],
    ['executable file `nope` not found in $PATH: No such file or directory', 'COMMAND_NOT_FOUND', 'nope'],
    ['open executable: Permission denied', 'COMMAND_NOT_EXECUTABLE', undefined],
    [
      'the path `/etc/passwd` exists but it is not executable: Operation not permitted',
      'COMMAND_NOT_EXECUTABLE',
      '/etc/passwd',
    ],
    ['the path `/etc` is not a regular file: Operation not permitted', 'COMMAND_NOT_EXECUTABLE', '/etc'],
    ['chdir to `/etc/passwd`: Not a directory', 'WORKING_DIRECTORY_INVALID', '/etc/passwd'],
    ['cannot stat `/nope-nope`: No such file or directory', 'MOUNT_FAILED', '/nope-nope'],
    ['something else', 'CREATE_FAILED', undefined],
    ['', 'CREATE_FAILED', undefined],
  ]
  for (const [said, code, subject] of rows) {
    test(`${said || 'nothing'} is ${code}`, () => {
      const error = classifyRuntimeError('Cannot create container "x"', said, 'CREATE_FAILED')
      assert.equal(error.code, code)
      if (subject !== undefined) assert.equal(error.subject, subject)
      assert.ok(error.message.startsWith('Cannot create container "x": '))
    })
  }

  test('takes the message out of a log line', () => {
    const said =
      'time="2026-01-01T00:00:00Z" level=error msg="exec failed: exec: \\"x\\": executable file not found in $PATH"'
    assert.equal(
      classifyRuntimeError('T', said, 'EXEC_FAILED').message,
      'T: exec failed: exec: "x": executable file not found in $PATH',
    )
  })
})
