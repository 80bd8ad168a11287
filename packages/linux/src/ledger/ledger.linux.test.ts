import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run, which } from '@gantry/process'
import { openState } from '@gantry/state'
import { readCgroups } from '../host/read-cgroups.ts'
import {
  createLedger,
  directory,
  ledgerMigrations,
  mount,
  nftElement,
  nftTable,
  netns,
  spawned,
  spawning,
  type Holder,
} from '../index.ts'
import { bootId, processStartTime } from '../sys/process-identity.ts'
import { LedgerError } from './ledger-error.ts'

const missing = ['ip', 'nft'].filter((tool) => which(tool) === undefined)
const reason = process.getuid?.() === 0 ? (missing.length > 0 ? `needs ${missing.join(' and ')}` : false) : 'needs root'
const options = { skip: reason }
const folder = mkdtempSync(join(tmpdir(), 'gantry-ledger-'))
const scenario = new URL('./crash-scenario.ts', import.meta.url).pathname

before(async () => {
  // The first namespace ever named makes /run/netns a mount of its own, which stays.
  if (reason !== false) return
  await run('ip', ['netns', 'add', 'gantry-test-first'])
  await run('ip', ['netns', 'del', 'gantry-test-first'])
})
after(() => {
  rmSync(folder, { recursive: true, force: true })
  for (const group of groupRoots()) if (existsSync(join(group, 'gantry-test'))) rmdirSync(join(group, 'gantry-test'))
})

function groupRoots(): readonly string[] {
  const { hierarchies, unified } = readCgroups()
  return [...hierarchies, ...(unified === undefined ? [] : [unified])]
}

async function kernelState(): Promise<Record<string, unknown>> {
  const roots = groupRoots()
  const processes = readdirSync('/proc').filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(folder) && name !== String(process.pid)
    } catch {
      return false
    }
  })
  return {
    mounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(folder) || line.includes('gtest')),
    links: readdirSync('/sys/class/net').filter((name) => /^gt[bv]c/.test(name)),
    namespaces: existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith('gtest')) : [],
    rules: (await run('nft', ['list', 'tables'])).stdout
      .split('\n')
      // Six digits are those of a Gantry that runs on this machine.
      .filter((line) => line.startsWith('table inet gantry_c') && !/_[\da-f]{6}$/.test(line)),
    groups: roots.flatMap((root) =>
      existsSync(join(root, 'gantry-test'))
        ? readdirSync(join(root, 'gantry-test')).filter((name) => /^c\d+$/.test(name))
        : [],
    ),
    processes,
  }
}

const nothing = { mounts: [], links: [], namespaces: [], rules: [], groups: [], processes: [] }

test('a process killed at any step leaves nothing that recovery does not take back', options, async () => {
  const root = join(folder, 'crash')
  mkdirSync(root)
  let step = 1
  for (; step < 200; step++) {
    const tag = `c${String(step)}`
    const child = spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', scenario, root, tag, String(step)],
      { encoding: 'utf8' },
    )
    if (child.signal !== 'SIGKILL') {
      assert.equal(child.status, 0, child.stderr)
      break
    }
    using state = openState(join(root, 'state.db'), [ledgerMigrations])
    const ledger = createLedger({ state })
    const report = await ledger.recover()
    assert.deepEqual(report.failed, [], `step ${String(step)}`)
    assert.deepEqual(
      ledger.owners().filter((each) => each.state !== 'settled'),
      [],
      `step ${String(step)}`,
    )
    // What was complete was left alone: it is taken back by whoever wants it gone.
    for (const { owner } of ledger.owners().toReversed()) await ledger.undo(owner)
    assert.deepEqual(await kernelState(), nothing, `step ${String(step)}`)
    assert.equal(existsSync(join(root, 'containers', tag)), false, `step ${String(step)}`)
    assert.deepEqual(ledger.owners(), [])
  }
  assert.ok(step > 25, `only ${String(step)} steps`)
})

test('a settled owner survives its maker, is adopted and taken back by another', options, async () => {
  const root = join(folder, 'settled')
  mkdirSync(root)
  const child = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', scenario, root, 'c0', '0', 'make'],
    { encoding: 'utf8' },
  )
  assert.equal(child.status, 0, child.stderr)
  using state = openState(join(root, 'state.db'), [ledgerMigrations])
  const ledger = createLedger({ state })
  assert.deepEqual(await ledger.recover(), { undone: [], kept: [], failed: [] })
  const before = await kernelState()
  assert.deepEqual([(before['links'] as string[]).length, (before['processes'] as string[]).length > 0], [2, true])
  ledger.adopt('container/c0')
  assert.equal(ledger.owners('container/c0')[0]?.holder.pid, process.pid)
  const history = ledger.history('container/c0')
  assert.deepEqual(
    history.map((entry) => entry.kind),
    [
      'directory',
      'file',
      'mount',
      'netns',
      'veth',
      'address',
      'link-up',
      'route',
      'nft-element',
      'nft-element',
      'cgroup',
      'process',
      'namespace',
    ],
  )
  for (const entry of history) {
    assert.notEqual(entry.sentence, '')
    assert.equal(entry.state, 'done')
    if (!entry.consequence)
      assert.ok((entry.duration ?? -1) >= 0 && entry.undo !== '' && entry.command !== '', entry.kind)
  }
  assert.equal(history.at(-1)?.consequence, true)
  await ledger.undo('container/c0/run/1')
  assert.ok(ledger.history('container/c0').some((entry) => entry.state === 'undone'))
  await ledger.undo('container/c0')
  assert.deepEqual(ledger.history('container/c0'), [])
  await ledger.undo('container/c0')
  await ledger.undo('network/c0')
  assert.deepEqual(await kernelState(), nothing)
})

function opened(name: string, holder?: Holder) {
  const root = join(folder, name)
  mkdirSync(root, { recursive: true })
  const state = openState(join(root, 'state.db'), [ledgerMigrations])
  return { root, state, ledger: createLedger({ state, ...(holder === undefined ? {} : { holder }) }) }
}

const failing = (code: string) => (error: unknown) => error instanceof LedgerError && error.code === code

test('a failed change takes back all of its call, and only that', options, async () => {
  const { root, ledger, state } = opened('failing')
  await ledger.apply('container/f', [directory({ path: join(root, 'kept') }, 'x')])
  await assert.rejects(
    ledger.apply('container/f', [
      directory({ path: join(root, 'gone') }, 'x'),
      netns({ name: 'gtest-f' }, 'x'),
      nftTable({ family: 'inet', table: 'gantry_cf', rules: 'this is no rule' }, 'x'),
    ]),
    failing('CHANGE_FAILED'),
  )
  assert.deepEqual(await kernelState(), nothing)
  assert.deepEqual([existsSync(join(root, 'kept')), existsSync(join(root, 'gone'))], [true, false])
  assert.deepEqual(
    ledger.history('container/f').map((entry) => entry.state),
    ['done', 'undone', 'undone', 'failed'],
  )
  await assert.rejects(
    ledger.apply('container/g', [mount({ source: 'a', target: join(root, 'none'), type: 'tmpfs' }, 'x')]),
    (error: unknown) => failing('CHANGE_FAILED')(error) && /ENOENT/.test(String(error)),
  )
  assert.deepEqual(
    ledger.owners().map((each) => each.owner),
    ['container/f'],
  )
  await assert.rejects(ledger.apply('x', [{ kind: 'no-such', args: {}, why: '' }]), failing('KIND_UNKNOWN'))
  await ledger.undo('container/f')
  state[Symbol.dispose]()
})

test('what is there already is neither taken over nor removed', options, async () => {
  const { root, ledger, state } = opened('existing')
  mkdirSync(join(root, 'mine'))
  writeFileSync(join(root, 'mine/precious'), '')
  await ledger.apply('build/1', [directory({ path: join(root, 'mine') }, 'x')])
  await ledger.undo('build/1')
  assert.ok(existsSync(join(root, 'mine/precious')))
  await assert.rejects(ledger.apply('build/1', [netns({ name: '../../etc' }, 'x')]), failing('CHANGE_FAILED'))
  await run('ip', ['netns', 'add', 'gtest-mine'])
  await assert.rejects(ledger.apply('build/1', [netns({ name: 'gtest-mine' }, 'x')]), failing('CHANGE_FAILED'))
  assert.ok(existsSync('/run/netns/gtest-mine'))
  await run('ip', ['netns', 'del', 'gtest-mine'])
  state[Symbol.dispose]()
})

test('undo checks identity, and leaves what came later under the same name', options, async () => {
  const { root, ledger, state } = opened('identity')
  const target = join(root, 'on')
  mkdirSync(target)
  await ledger.apply('build/1', [
    directory({ path: join(root, 'dir') }, 'x'),
    mount({ source: 'tmpfs', target, type: 'tmpfs' }, 'x'),
    netns({ name: 'gtest-id' }, 'x'),
    spawned({ what: 'another process', command: ['x'], pid: process.pid, startTime: '1' }, 'x'),
  ])
  rmSync(join(root, 'dir'), { recursive: true })
  mkdirSync(join(root, 'other'))
  mkdirSync(join(root, 'dir'))
  await run('ip', ['netns', 'del', 'gtest-id'])
  await run('ip', ['netns', 'add', 'gtest-id-2'])
  await run('ip', ['netns', 'add', 'gtest-id'])
  await run('umount', [target])
  await run('mount', ['-t', 'tmpfs', 'tmpfs', target])
  await ledger.undo('build/1')
  assert.ok(existsSync(join(root, 'dir')))
  assert.ok(existsSync('/run/netns/gtest-id'))
  assert.match(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(`${target} `))
  await run('umount', [target])
  await run('ip', ['netns', 'del', 'gtest-id'])
  await run('ip', ['netns', 'del', 'gtest-id-2'])
  state[Symbol.dispose]()
})

test('undo of a directory never crosses a mount, says so, and succeeds once it is gone', options, async () => {
  const { root, ledger, state } = opened('busy')
  const path = join(root, 'dir')
  await ledger.apply('build/1', [directory({ path, children: ['on'] }, 'x')])
  await run('mount', ['-t', 'tmpfs', 'tmpfs', join(path, 'on')])
  writeFileSync(join(path, 'on/precious'), '')
  await assert.rejects(ledger.undo('build/1'), failing('UNDO_FAILED'))
  assert.ok(existsSync(join(path, 'on/precious')))
  assert.equal(ledger.owners()[0]?.state, 'undoing')
  await assert.rejects(ledger.apply('build/1', [directory({ path }, 'x')]), failing('OWNER_UNDOING'))
  await assert.rejects(ledger.apply('build/1/step/2', [directory({ path }, 'x')]), failing('OWNER_UNDOING'))
  assert.throws(() => ledger.settle('build/1'), failing('OWNER_UNDOING'))
  await run('umount', [join(path, 'on')])
  await ledger.undo('build/1')
  assert.equal(existsSync(path), false)
  ledger.settle('build/1')
  assert.deepEqual(ledger.owners(), [])
  state[Symbol.dispose]()
})

test('nobody takes back what a live process is making', options, async () => {
  const holder = { pid: process.ppid, startTime: processStartTime(process.ppid) ?? '', bootId: bootId() }
  const theirs = opened('live', holder)
  const { root } = theirs
  await theirs.ledger.apply('build/1', [directory({ path: join(root, 'dir') }, 'x')])
  const ours = createLedger({ state: theirs.state })
  assert.deepEqual(await ours.recover(), { undone: [], kept: [], failed: [] })
  await assert.rejects(ours.undo('build/1'), failing('OWNER_BUSY'))
  await assert.rejects(ours.apply('build/1', [directory({ path: join(root, 'dir') }, 'x')]), failing('OWNER_BUSY'))
  await theirs.ledger.undo('build/1')
  theirs.state[Symbol.dispose]()
})

test('after a reboot the kernel has forgotten, and directories are still taken back', options, async () => {
  const former = opened('reboot', { pid: 1, startTime: '1', bootId: 'an-earlier-boot' })
  const { root } = former
  const target = join(root, 'on')
  mkdirSync(target)
  await former.ledger.apply('build/1', [
    directory({ path: join(root, 'dir') }, 'x'),
    mount({ source: 'tmpfs', target, type: 'tmpfs' }, 'x'),
  ])
  const ledger = createLedger({ state: former.state })
  assert.deepEqual((await ledger.recover()).undone, ['build/1'])
  assert.equal(existsSync(join(root, 'dir')), false)
  // The mount of this boot under the same name was not the entry's.
  assert.match(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(`${target} `))
  await run('umount', [target])
  former.state[Symbol.dispose]()
})

test('a database that cannot be written to takes nothing back half', options, async () => {
  const { root, ledger: plain, state } = opened('full')
  for (const writes of [0, 1, 2, 3]) {
    let left = writes
    const full: typeof state = {
      db: state.db,
      sync: () => state.sync(),
      prepare: (sql) => state.prepare(sql),
      transaction: (work, settings) => {
        if (left-- <= 0) throw new Error('the disk is full')
        return state.transaction(work, settings)
      },
      [Symbol.dispose]: () => {},
    }
    const paths = ['a', 'b'].map((name) => join(root, name))
    await assert.rejects(
      createLedger({ state: full }).apply('build/1', [
        ...paths.map((path) => directory({ path }, 'x')),
        mount({ source: 'a', target: join(root, 'none'), type: 'tmpfs' }, 'x'),
      ]),
    )
    assert.deepEqual(
      paths.map((path) => existsSync(path)),
      [false, false],
      `after ${String(writes)} writes`,
    )
    await plain.undo('build/1')
  }
  state[Symbol.dispose]()
})

test('of several recovering processes each owner is taken back by one', options, async () => {
  const dead = { pid: 1, startTime: '1', bootId: bootId() }
  const { root, ledger: theirs, state } = opened('several', dead)
  for (let n = 0; n < 6; n++)
    await theirs.apply(`build/${String(n)}`, [directory({ path: join(root, String(n)) }, 'x')])
  const startTime = processStartTime(process.ppid) ?? ''
  const other = createLedger({ state, holder: { pid: process.ppid, startTime, bootId: bootId() } })
  const reports = await Promise.all([createLedger({ state }).recover(), other.recover()])
  assert.deepEqual(
    reports.flatMap((report) => report.failed),
    [],
  )
  assert.deepEqual(
    reports.flatMap((report) => report.undone).toSorted(),
    [0, 1, 2, 3, 4, 5].map((n) => `build/${String(n)}`),
  )
  assert.deepEqual(other.owners(), [])
  state[Symbol.dispose]()
})

test(
  'a fault between act and confirmation is found by what it made, and an abort takes everything back',
  options,
  async () => {
    const { root, ledger, state } = opened('abort')
    const stop = new AbortController()
    await assert.rejects(
      ledger.apply(
        'build/1',
        [
          directory({ path: join(root, 'dir') }, 'x'),
          spawning({ what: 'a helper', command: ['tail'], match: join(root, 'state.db') }, 'x', async () => {
            const child = spawn('tail', ['-f', join(root, 'state.db')], { stdio: 'ignore' })
            stop.abort()
            return child.pid ?? 0
          }),
          directory({ path: join(root, 'never') }, 'x'),
        ],
        { signal: stop.signal },
      ),
      failing('ABORTED'),
    )
    assert.deepEqual([existsSync(join(root, 'dir')), existsSync(join(root, 'never'))], [false, false])
    assert.deepEqual((await kernelState())['processes'], [])
    assert.deepEqual(ledger.owners(), [])
    state[Symbol.dispose]()
  },
)

test('recovery keeps an unsettled container that has run', options, async () => {
  const dead = { pid: 1, startTime: '1', bootId: bootId() }
  const { root, ledger: theirs, state } = opened('ran', dead)
  await theirs.apply('container/r', [directory({ path: join(root, 'upper') }, 'x')])
  await theirs.apply('container/r/run/1', [directory({ path: join(root, 'run') }, 'x')])
  theirs.settle('container/r/run/1')
  await theirs.apply('build/r', [directory({ path: join(root, 'build') }, 'x')])
  await theirs.apply('build/r/step/1', [directory({ path: join(root, 'step') }, 'x')])
  await theirs.undo('build/r/step/1')
  const ledger = createLedger({ state })
  assert.deepEqual(await ledger.recover(), { undone: ['build/r'], kept: ['container/r'], failed: [] })
  assert.ok(existsSync(join(root, 'upper')))
  await ledger.undo('container/r')
  state[Symbol.dispose]()
})

test(
  'recovery takes back an interrupted addition to a settled owner, and moved entries outlive their first owner',
  options,
  async () => {
    const dead = { pid: 1, startTime: '1', bootId: bootId() }
    const { root, ledger: theirs, state } = opened('added', dead)
    await theirs.apply('container/a', [directory({ path: join(root, 'first') }, 'x')])
    theirs.settle('container/a')
    const [second] = await theirs.apply('container/a', [directory({ path: join(root, 'second') }, 'x')])
    state.prepare(`UPDATE ledger_entry SET state = 'planned' WHERE sequence = ?`).run(second?.sequence ?? 0)
    const ledger = createLedger({ state })
    assert.deepEqual(await ledger.recover(), { undone: [], kept: [], failed: [] })
    assert.deepEqual([existsSync(join(root, 'first')), existsSync(join(root, 'second'))], [true, false])
    const [entry] = ledger.history('container/a')
    ledger.move('container/a', [entry?.sequence ?? 0], 'layer/1')
    await ledger.undo('container/a')
    assert.ok(existsSync(join(root, 'first')))
    await ledger.undo('layer/1')
    assert.equal(existsSync(join(root, 'first')), false)
    state[Symbol.dispose]()
  },
)

test('undoEntries takes one thing back and leaves the rest', options, async () => {
  const { root, ledger, state } = opened('some')
  const applied = await ledger.apply('container/s', [
    directory({ path: join(root, 'a') }, 'x'),
    directory({ path: join(root, 'b') }, 'x'),
  ])
  await ledger.undoEntries('container/s', [applied[0]?.sequence ?? 0])
  assert.deepEqual([existsSync(join(root, 'a')), existsSync(join(root, 'b'))], [false, true])
  assert.equal(ledger.history('container/s').length, 1)
  await ledger.undo('container/s')
  state[Symbol.dispose]()
})

test('an element of another owner, or with a value of another, stays', options, async () => {
  const { ledger, state } = opened('elements')
  const element = { family: 'inet', table: 'gantry_ce', map: 'ports', key: 'tcp . 80', value: '10.0.0.2 . 80' } as const
  await ledger.apply('network/e', [
    nftTable(
      {
        family: 'inet',
        table: 'gantry_ce',
        rules: 'map ports {\n type inet_proto . inet_service : ipv4_addr . inet_service\n }',
      },
      'x',
    ),
  ])
  await ledger.apply('container/e', [nftElement(element, 'x'), nftElement({ ...element, key: 'tcp . 81' }, 'x')])
  await run('nft', ['-f', '-'], {
    input:
      'delete element inet gantry_ce ports { tcp . 80 }\nadd element inet gantry_ce ports { tcp . 80 : 10.0.0.9 . 80 }\n',
  })
  await ledger.undo('container/e')
  const { stdout } = await run('nft', ['list', 'map', 'inet', 'gantry_ce', 'ports'])
  assert.match(stdout, /10\.0\.0\.9/)
  assert.doesNotMatch(stdout, /10\.0\.0\.2/)
  await ledger.undo('network/e')
  await ledger.undo('container/e')
  assert.deepEqual(await kernelState(), nothing)
  state[Symbol.dispose]()
})
