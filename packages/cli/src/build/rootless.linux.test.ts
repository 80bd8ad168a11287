import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import { which } from '@gantry/process'
import { Confined, confinedMissing, type ConfinedResult } from '../testing/confined.ts'

const skip = confinedMissing() ?? false
const noSubordinate = which('newuidmap') === undefined ? 'newuidmap is not installed' : false

const base = `FROM scratch AS base
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
`

// What owners, whiteouts, opaque directories, links and attributes come to has to be the same whoever builds.
const owners = `${base}RUN mkdir -p /etc /var/gone && echo root:x:0:0::/root:/bin/sh >/etc/passwd && echo app:x:33:34::/:/bin/sh >>/etc/passwd \\
  && touch /var/gone/a /var/mail && chown 5:6 /var/mail && chmod 2755 /var/mail && mkfifo /var/pipe && ln /var/mail /var/mail2
RUN rm -r /var/gone && mkdir /var/gone && echo b >/var/gone/b && rm /var/pipe && echo more >>/var/mail && chmod 2755 /var/mail
USER app
RUN id -u >/tmp/id || id -u && grep -E '^(CapEff|Seccomp):' /proc/self/status
FROM base
COPY --from=base /var /copied
`

// One owner, no programs: anybody can do this anywhere.
const files = `FROM scratch AS one
COPY busybox a.txt /x/
COPY --chown=7:8 --chmod=640 a.txt /x/b.txt
ADD a.txt /y/
WORKDIR /w
FROM one
COPY --from=one /x /z
ENV A=b
LABEL c=d
`

/** Waits for a process by its command line. */
async function oneOf(matches: (commandLine: string) => boolean): Promise<number> {
  for (let tries = 0; ; tries++) {
    assert.ok(tries < 1200, 'no such process appeared')
    const found = readdirSync('/proc').find((pid) => {
      try {
        return /^\d+$/.test(pid) && matches(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim())
      } catch {
        return false
      }
    })
    if (found !== undefined) return Number(found)
    await sleep(50)
  }
}

const digestOf = ({ code, output }: ConfinedResult): string => {
  assert.equal(code, 0, output)
  const [, digest] = /^Built .*(sha256:[0-9a-f]{64})/m.exec(output) ?? []
  assert.ok(digest, output)
  return digest
}

describe('gantry build by those who are not root of the machine', { skip, concurrency: false }, () => {
  const confined = new Confined()
  const contexts: Record<string, string> = {}
  let ofRoot: Record<string, string>
  const build = (context: string): readonly string[] => ['build', '--progress=plain', '-t', context, contexts[context]!]

  before(async () => {
    contexts['owners'] = confined.context('owners', { Dockerfile: owners })
    contexts['files'] = confined.context('files', { Dockerfile: files, 'a.txt': 'a\n' })
    contexts['run'] = confined.context('run', {
      Dockerfile: `${base}RUN echo hi >/hi && ls /proc/self/status && grep Seccomp: /proc/self/status\n`,
    })
    contexts['chown'] = confined.context('chown', { Dockerfile: `${base}RUN touch /a && chown 5:6 /a\n` })
    contexts['network'] = confined.context('network', {
      Dockerfile: `${base}RUN nslookup localhost 198.18.0.1; nslookup refused.example 198.18.0.1; ls /sys/class/net >/links\n`,
    })
    contexts['killed'] = confined.context('killed', {
      Dockerfile: `${base}RUN mkdir -p /etc && echo app:x:33:34::/:/bin/sh >/etc/passwd\nUSER app\nRUN ["sleep", "73.25"]\n`,
    })
    ofRoot = {
      owners: digestOf(await confined.asRoot(...build('owners'))),
      files: digestOf(await confined.asRoot(...build('files'))),
      run: digestOf(await confined.asRoot(...build('run'))),
    }
  })
  after(() => confined[Symbol.asyncDispose]())

  test('a user with subordinate ids makes the same images as root', { skip: noSubordinate }, async () => {
    for (const name of ['owners', 'files', 'run']) {
      assert.equal(digestOf(await confined.asUser('subordinate', ...build(name))), ofRoot[name], name)
    }
    assertNothingMounted()
  })

  test(
    'programs have the filter of system calls and the capabilities that root gives them',
    { skip: noSubordinate },
    async () => {
      const { output } = await confined.asUser('subordinate', ...build('owners'), '--no-cache')
      assert.match(output, /Seccomp:\s+2/)
      // The user of that step is not root.
      assert.match(output, /CapEff:\s+0000000000000000/)
    },
  )

  test('a build that is killed takes its steps with it, those of other ids too', { skip: noSubordinate }, async () => {
    const building = confined.asUser('subordinate', ...build('killed'))
    const step = await oneOf((line) => line === 'sleep 73.25')
    const node = await oneOf((line) => line.includes('--disable-warning') && line.includes(contexts['killed']!))
    assert.equal(typeof step, 'number')
    process.kill(node, 'SIGKILL')
    await building
    for (let tries = 0; existsSync(`/proc/${String(step)}`); tries++) {
      assert.ok(tries < 200, 'the step runs on')
      await sleep(50)
    }
  })

  test(
    'what RUN reaches is watched over for users too',
    { skip: noSubordinate ? noSubordinate : which('nft') === undefined && 'nft is not installed' },
    async () => {
      const { code, output } = await confined.asUser('subordinate', ...build('network'), '--allow-hosts', 'localhost')
      assert.equal(code, 0, output)
      assert.match(output, /Address: 198\.18\.0\.2$/m)
      assert.match(output, /network: refused\.example \(refused\)$/m)
    },
  )

  test('what a user unpacked for more ids than their own goes with the image', { skip: noSubordinate }, async () => {
    const { code, output } = await confined.asUser('subordinate', 'system', 'reset', '--force')
    assert.equal(code, 0, output)
  })

  test('a user with one id makes the same images where files have one owner, or get theirs from COPY', async () => {
    assert.equal(digestOf(await confined.asUser('single', ...build('files'))), ofRoot['files'])
    assert.equal(digestOf(await confined.asUser('single', ...build('run'))), ofRoot['run'])
  })

  test('a step that needs another id says what is missing', async () => {
    const { code, output } = await confined.asUser('single', ...build('chown'))
    assert.notEqual(code, 0)
    assert.match(output, /one id/)
    assert.match(output, /subordinate ids/)
    const asOther = await confined.asUser('single', ...build('owners'))
    assert.notEqual(asOther.code, 0)
    assert.match(asOther.output, /subordinate ids/)
  })

  test('in a container with the defaults, what runs no program is made, and RUN is refused before anything is done', async () => {
    assert.equal(digestOf(await confined.inContainer({}, ...build('files'))), ofRoot['files'])
    const { code, output } = await confined.inContainer({}, ...build('run'))
    assert.notEqual(code, 0)
    assert.match(output, /Cannot run programs here/)
    assert.match(output, /seccomp/)
    assert.doesNotMatch(output, /COPY busybox.*\n.*DONE/)
  })

  test('in a container that may make user namespaces, RUN works with a /proc of its own', async () => {
    const options = { seccomp: 'unconfined', maskedPaths: [], readonlyPaths: [] } as const
    assert.equal(digestOf(await confined.inContainer(options, ...build('run'))), ofRoot['run'])
    assert.equal(digestOf(await confined.inContainer(options, ...build('owners'))), ofRoot['owners'])
  })

  test('and with the one of the container where parts of that are hidden', async () => {
    const options = { seccomp: 'unconfined' } as const
    assert.equal(digestOf(await confined.inContainer(options, ...build('run'))), ofRoot['run'])
  })

  function assertNothingMounted(): void {
    const left = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(confined.directory))
    assert.deepEqual(left, [])
  }
})
