import assert from 'node:assert/strict'
import { chmodSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, type Client } from '@gantry/client'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

// GANTRY_TEST_OPERATIONS=1000 for the long run; GANTRY_TEST_SEED repeats the choices of one, though not its moments.
const operations = Number(process.env['GANTRY_TEST_OPERATIONS'] ?? 150)
const seed = Number(process.env['GANTRY_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const missing = realDaemonMissing()

/** Mulberry32: the same numbers for the same seed. */
function numbers(start: number): (below: number) => number {
  let state = start
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const names = ['ada', 'bob', 'cyd', 'dan', 'eve']
const commands = [
  ['sleep', '1000'],
  ['true'],
  ['sh', '-c', 'trap "exit 3" TERM; sleep 1000 & wait'],
  ['false'],
  ['missing'],
]
type Operation = (client: Client, name: string, pick: (below: number) => number) => Promise<unknown>

/** What people do to containers, each as likely as it stands here. */
const verbs: readonly (readonly [verb: string, operation: Operation])[] = [
  ['create', create],
  ['create', create],
  ['start', ({ containers }, name) => containers.start(name)],
  ['start', ({ containers }, name) => containers.start(name)],
  ['stop', ({ containers }, name) => containers.stop(name, { timeout: 0 })],
  ['kill', ({ containers }, name) => containers.kill(name)],
  ['restart', ({ containers }, name) => containers.restart(name, { timeout: 0 })],
  ['pause', ({ containers }, name) => containers.pause(name)],
  ['unpause', ({ containers }, name) => containers.unpause(name)],
  ['rename', ({ containers }, name, pick) => containers.rename(name, names[pick(names.length)] ?? name)],
  ['exec', execute],
  ['remove', ({ containers }, name) => containers.remove(name, { volumes: true })],
  ['remove by force', ({ containers }, name) => containers.remove(name, { force: true, volumes: true })],
]

async function create({ containers }: Client, name: string, pick: (below: number) => number): Promise<void> {
  const port = pick(3) === 0 ? { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } } : {}
  const restart = pick(4) === 0 ? { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } as const } : {}
  const users = pick(4) === 0 ? { UsernsMode: 'auto:size=1000' } : {}
  const body = {
    Image: 'localhost/busybox',
    Cmd: commands[pick(commands.length)] ?? ['true'],
    StopTimeout: 0,
    ...(pick(3) === 0 ? { Volumes: { '/data': {} } } : {}),
    HostConfig: { ...port, ...users, ...restart, AutoRemove: restart.RestartPolicy === undefined && pick(4) === 0 },
  }
  await containers.create(body, { name })
}

async function execute({ exec }: Client, name: string): Promise<void> {
  const made = await exec.create(name, { Cmd: ['true'], AttachStdout: true })
  for await (const chunk of (await exec.start(made)).output) void chunk
}

describe('random operations by several clients at once', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
    // Users of containers pass it on the way to their root file systems.
    chmodSync(daemon.site.root, 0o711)
  })
  after(() => daemon[Symbol.asyncDispose]())

  /** Answers that a conflict of two callers, or the death of the daemon, may have. A start may fail for the command it was given. */
  function isAllowed(error: unknown): boolean {
    if (!(error instanceof ApiError)) return false
    return error.status < 500
  }

  async function work(count: number, pick: (below: number) => number): Promise<void> {
    for (let answered = 0; answered < count;) {
      const [verb, operation] = verbs[pick(verbs.length)] ?? ['', execute]
      const name = names[pick(names.length)] ?? 'ada'
      const { client } = daemon
      try {
        await inTime(`${verb} ${name}`, operation(client, name, pick))
        answered++
      } catch (error) {
        if (!isAllowed(error)) throw new Error(`${verb} ${name} failed as nothing may fail`, { cause: error })
        // Nobody is there to ask while it is started again.
        if (error instanceof ApiError && error.status === 0) await sleep(20)
        else answered++
      }
    }
  }

  /** Ledger, kernel and database say the same of every container. */
  async function agree(where: string): Promise<void> {
    const { client, site } = daemon
    const db = new DatabaseSync(join(site.root, 'state.db'), { readOnly: true })
    try {
      const owners = new Map(
        db
          .prepare(`SELECT owner, state FROM ledger_owner WHERE owner LIKE 'container/%'`)
          .all()
          .map(({ owner, state }) => [String(owner), String(state)]),
      )
      const known = new Set<string>()
      for (const { Id } of await client.containers.list({ all: true })) {
        known.add(Id)
        const { State } = await client.containers.inspect(Id)
        assert.ok(
          ['created', 'running', 'paused', 'restarting', 'exited'].includes(State.Status),
          `${where}: ${State.Status}`,
        )
        const alive = State.Status === 'running' || State.Status === 'paused'
        assert.equal(
          State.Pid > 0 && existsSync(`/proc/${State.Pid}`),
          alive,
          `${where}: ${State.Status} with process ${State.Pid}`,
        )
        const runs = [...owners].filter(([owner]) => owner.startsWith(`container/${Id}/run/`)).map(([, state]) => state)
        assert.deepEqual(runs, alive ? ['settled'] : [], `${where}: ${State.Status}, in the ledger ${runs.join()}`)
        assert.equal(owners.get(`container/${Id}`), 'settled', where)
      }
      for (const owner of owners.keys())
        assert.ok(known.has(owner.split('/')[1] ?? ''), `${where}: nobody knows ${owner}`)
      assert.equal(db.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
    } finally {
      db.close()
    }
  }

  test('end, with the daemon killed at random points, where ledger, kernel and database agree', async (t) => {
    t.diagnostic(`GANTRY_TEST_SEED=${seed} GANTRY_TEST_OPERATIONS=${operations}`)
    const pick = numbers(seed)
    const clients = 4
    let working = true
    const work1 = Promise.all(
      Array.from({ length: clients }, (_, n) => work(Math.ceil(operations / clients), numbers(seed + n + 1))),
    ).finally(() => {
      working = false
    })
    // Not unhandled while the daemon is started again; awaited below.
    work1.catch(() => undefined)
    let kills = 0
    while (working) {
      await Promise.race([sleep(200 + pick(1500)), work1.catch(() => undefined)])
      await daemon.stop('SIGKILL')
      kills++
      assert.ok(await daemon.start(), `the daemon does not start again:\n${daemon.log().slice(-3000)}`)
    }
    await work1
    await settled(daemon.client)
    await agree('at the end')
    for (const { Id } of await daemon.client.containers.list({ all: true }))
      await daemon.client.containers.remove(Id, { force: true, volumes: true })
    assert.deepEqual(await daemon.inventory(), [])
    assert.deepEqual((await daemon.client.volumes.list()).Volumes, [])
    t.diagnostic(`${kills} kills`)
  })

  test('conflicting calls at once end in a state that one of their orders has', async () => {
    const { containers } = daemon.client
    for (let round = 0; round < 6; round++) {
      const { Id } = await containers.create(
        { Image: 'localhost/busybox', Cmd: ['sleep', '1000'], StopTimeout: 0 },
        { name: 'first' },
      )
      if (round % 2 === 1) await containers.start(Id)
      const calls = [
        () => containers.start(Id),
        () => containers.remove(Id, { force: round >= 3 }),
        () => containers.rename(Id, 'second'),
        () => containers.start(Id),
        () => containers.stop(Id, { timeout: 0 }),
        () => containers.create({ Image: 'localhost/busybox' }, { name: 'second' }),
      ]
      const outcomes = await Promise.allSettled(calls.map((call) => inTime('one of several at once', call())))
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') assert.ok(isAllowed(outcome.reason), String(outcome.reason))
      await settled(daemon.client)
      await agree(`round ${round}`)
      const listed = await containers.list({ all: true })
      const taken = listed.map(({ Names }) => Names[0])
      assert.equal(new Set(taken).size, taken.length, 'two have one name')
      for (const { Id: id } of listed) await containers.remove(id, { force: true })
      assert.deepEqual(await daemon.inventory(), [], `round ${round}`)
    }
  })
})

/** What takes half a minute hangs. */
async function inTime(what: string, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController()
  const late = sleep(30_000, undefined, { signal: timer.signal }).then(
    () => Promise.reject(new Error(`"${what}" hangs`)),
    () => new Promise<never>(() => undefined),
  )
  try {
    await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}

/** Waits until nothing is on its way any more: no container restarts or is being removed, none that ended waits to be noted. */
async function settled({ containers }: Client): Promise<void> {
  let before = ''
  for (let round = 0; round < 100; round++) {
    const listed = await containers.list({ all: true })
    const now = listed.map(({ Id, State }) => `${Id} ${State}`).join()
    if (now === before && !/restarting|removing/.test(now)) return
    before = now
    await sleep(300)
  }
  throw new Error(`It does not come to rest: ${before}`)
}
