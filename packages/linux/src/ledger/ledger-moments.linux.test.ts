import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run, which } from '@gantry/process'
import { openState } from '@gantry/state'
import { createLedger, directory, ledgerMigrations, mount, netns, nftTable, veth, type Door } from '../index.ts'
import { LedgerError } from './ledger-error.ts'

// What happens at the wrong moment, or on a machine that has no room.
const missing = ['ip', 'nft'].filter((tool) => which(tool) === undefined)
const reason = process.getuid?.() === 0 ? (missing.length > 0 ? `needs ${missing.join(' and ')}` : false) : 'needs root'
const options = { skip: reason }
const folder = mkdtempSync(join(tmpdir(), 'gantry-races-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function opened(name: string) {
  const root = join(folder, name)
  mkdirSync(root, { recursive: true })
  const state = openState(join(root, 'state.db'), [ledgerMigrations])
  return { root, state, ledger: createLedger({ state }) }
}

const failing = (code: string) => (error: unknown) => error instanceof LedgerError && error.code === code

async function tables(): Promise<boolean> {
  return (await run('nft', ['list', 'tables'])).stdout.includes('table inet gantry_cx\n')
}

test('a cancellation at any moment leaves all of the changes or none', options, async () => {
  const { root, state } = opened('cancelled')
  const outcomes = new Set<string>()
  for (let at = 1; at < 12; at++) {
    const stop = new AbortController()
    let step = 0
    const ledger = createLedger({ state, faults: () => (++step === at ? stop.abort() : undefined) })
    const paths = ['a', 'b'].map((name) => join(root, name))
    const [first = '', second = ''] = paths
    const changes = [
      directory({ path: first }, 'x'),
      netns({ name: 'gtest-x' }, 'x'),
      veth({ name: 'gtvcx', peer: 'eth0', netns: 'gtest-x' }, 'x'),
      nftTable({ family: 'inet', table: 'gantry_cx', rules: '' }, 'x'),
      directory({ path: second }, 'x'),
    ]
    const made = await ledger.apply('build/x', changes, { signal: stop.signal }).then(
      () => true,
      (error: unknown) => !failing('ABORTED')(error) && assert.fail(String(error)),
    )
    outcomes.add(String(made))
    assert.deepEqual(
      paths.map((path) => existsSync(path)),
      [made, made],
      `step ${String(at)}`,
    )
    assert.equal(existsSync('/run/netns/gtest-x'), made)
    if (!made) assert.deepEqual(ledger.owners(), [])
    await ledger.undo('build/x')
    assert.deepEqual([existsSync('/sys/class/net/gtvcx'), await tables()], [false, false], `step ${String(at)}`)
  }
  assert.deepEqual([...outcomes], ['false', 'true'])
  state[Symbol.dispose]()
})

test('undo waits for every change under way, those that began while it waited too', options, async () => {
  const { state } = opened('waiting')
  const made = new Set<string>()
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const slow: Door<{ readonly name: string }> = {
    kind: 'slow',
    describe: () => ({ sentence: 'Wait', command: '', undo: '' }),
    apply: async ({ name }) => {
      await gates.get(name)?.promise
      made.add(name)
      return undefined
    },
    undo: async ({ name }) => {
      made.delete(name)
    },
  }
  const ledger = createLedger({ state, doors: [slow] })
  const apply = (name: string): Promise<unknown> => {
    gates.set(name, Promise.withResolvers())
    return ledger.apply('container/w', [{ kind: 'slow', args: { name }, why: 'x' }])
  }
  const first = apply('first')
  const undone = ledger.undo('container/w')
  const second = apply('second')
  gates.get('first')?.resolve()
  await first
  await new Promise((resolve) => setTimeout(resolve, 10))
  gates.get('second')?.resolve()
  await Promise.all([second, undone])
  assert.deepEqual([[...made], ledger.owners()], [[], []])
  state[Symbol.dispose]()
})

test('several changes to one owner at once are each made whole', options, async () => {
  const { root, ledger, state } = opened('at-once')
  const names = Array.from({ length: 20 }, (_, n) => join(root, `d${String(n)}`))
  await Promise.all(names.map((path) => ledger.apply('container/o', [directory({ path }, 'x')])))
  assert.ok(ledger.history('container/o').every((entry) => entry.state === 'done'))
  await Promise.all([ledger.undo('container/o'), ledger.undo('container/o')])
  assert.deepEqual([names.some((path) => existsSync(path)), ledger.owners()], [false, []])
  state[Symbol.dispose]()
})

test('a directory nested deeper than paths are long is removed', options, async () => {
  const { root, ledger, state } = opened('deep')
  const path = join(root, 'dir')
  await ledger.apply('container/d', [directory({ path }, 'x')])
  const nest = 'n=$(printf %0200d 0); for i in $(seq 40); do mkdir $n; cd -P $n; done; : > file'
  await run('sh', ['-e', '-c', nest], { cwd: path })
  await ledger.undo('container/d')
  assert.equal(existsSync(path), false)
  state[Symbol.dispose]()
})

test('taking back works on a full disk, and is what frees it', options, async () => {
  const disk = join(folder, 'small')
  mkdirSync(disk)
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
  try {
    const { root, ledger, state } = opened('small')
    const layer = join(root, 'layer')
    await ledger.apply('layer/1', [directory({ path: layer }, 'x')])
    await ledger.apply('layer/1', [mount({ source: 'tmpfs', target: layer, type: 'tmpfs' }, 'x')])
    await ledger.apply('layer/1', [directory({ path: join(root, 'second') }, 'x')])
    assert.throws(() => {
      for (let n = 0; ; n++) writeFileSync(join(root, 'second', String(n)), 'x'.repeat(4096))
    }, /ENOSPC/)
    await assert.rejects(ledger.apply('layer/2', [directory({ path: join(root, 'other') }, 'x'.repeat(500_000))]))
    await ledger.undo('layer/1')
    assert.deepEqual([existsSync(layer), existsSync(join(root, 'second')), ledger.owners()], [false, false, []])
    state[Symbol.dispose]()
  } finally {
    await run('umount', ['-l', disk])
  }
})
