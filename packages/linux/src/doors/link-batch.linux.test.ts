import assert from 'node:assert/strict'
import { existsSync, readlinkSync } from 'node:fs'
import { after, test } from 'node:test'
import { run, runStatus, which } from '@gantry/process'
import { BatchError, type BatchChange } from '../ledger/door.ts'
import type { Change } from '../ledger/change.ts'
import { address, linkUp, route } from './inside-link.ts'
import { unmountNow } from '../sys/mount.ts'
import { builtInDoors } from './built-in-doors.ts'
import { linkBatch } from './link-batch.ts'
import { bridge, netns, sublink, veth } from './link.ts'

const reason =
  process.getuid?.() === 0 ? (which('ip') === undefined ? 'needs ip to compare with' : false) : 'needs root'
const options = { skip: reason }
const ours = readlinkSync('/proc/thread-self/ns/net')
const outer = 'gtest-links'

after(async () => {
  if (reason !== false) return
  for (const name of [outer, 'gtest-links-in']) await runStatus('ip', ['netns', 'del', name])
  for (const name of ['gtl0', 'gtl1', 'gtl2', 'gtl3']) await runStatus('ip', ['link', 'del', name])
})

const container: readonly Change[] = [
  bridge({ name: 'gtl0', mac: '02:42:0a:d5:09:01', mtu: 1400 }, ''),
  address({ link: 'gtl0', cidr: '10.213.9.1/24' }, ''),
  address({ link: 'gtl0', cidr: 'fd00:213:9::1/64' }, ''),
  netns({ name: outer }, ''),
  veth(
    { name: 'gtl1', peer: 'eth0', netns: outer, mac: '02:42:0a:d5:09:02', bridge: 'gtl0', hairpin: true, mtu: 1400 },
    '',
  ),
  address({ link: 'eth0', cidr: '10.213.9.2/24', netns: outer }, ''),
  address({ link: 'eth0', cidr: 'fd00:213:9::2/64', netns: outer }, ''),
  address({ link: 'lo', cidr: '127.0.0.53/8', netns: outer }, ''),
  linkUp({ link: 'eth0', netns: outer }, ''),
  route({ via: '10.213.9.1', netns: outer }, ''),
  route({ via: 'fd00:213:9::1', netns: outer }, ''),
  route({ to: '192.0.2.0/25', via: '10.213.9.1', link: 'eth0', netns: outer }, ''),
  route({ to: '198.51.100.7', link: 'eth0', netns: outer }, ''),
  route({ to: '2001:db8::/33', link: 'eth0', netns: outer }, ''),
  bridge({ name: 'gtl2', mac: '02:42:0a:d5:09:03' }, ''),
  veth({ name: 'gtl3', peer: 'gtl4', bridge: 'gtl0', peerBridge: 'gtl2' }, ''),
  sublink(
    {
      name: 'eth1',
      parent: 'gtl2',
      netns: outer,
      type: 'macvlan',
      mode: 'private',
      mac: '02:42:0a:d5:09:04',
      mtu: 1300,
    },
    '',
  ),
]

const batched = ({ kind, args }: Change): BatchChange => ({ kind, args, prior: undefined, identity: undefined })

// What differs between any two links, and what the network decides a moment later.
const passing = new Set([
  'ifindex',
  'link_index',
  'link_netnsid',
  'parentbus',
  'operstate',
  'inet6_addr_gen_mode',
  'designated_bridge',
  'designated_root',
  'root_id',
  'bridge_id',
  'state',
  'tentative',
  'port_id',
  'designated_port',
  'no',
])

function steady(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((each) => !isLinkLocal(each)).map(steady)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => !passing.has(key) && !key.endsWith('_timer'))
  return Object.fromEntries(kept.map(([key, each]) => [key, key === 'flags' ? isUp(each) : steady(each)]))
}

function isUp(flags: unknown): boolean {
  return Array.isArray(flags) && flags.includes('UP')
}

// These are made from a random hardware address.
function isLinkLocal(value: unknown): boolean {
  return /"(?:local|dst)":"(?:fe80|ff00)|"ifname":"gtl1".*"scope":"link"/.test(JSON.stringify(value))
}

async function picture(): Promise<unknown> {
  const ask = async (...args: readonly string[]): Promise<unknown> => {
    const { stdout } = await run('ip', ['-j', '-d', ...args])
    return stdout.trim() === '' ? [] : (JSON.parse(stdout) as unknown)
  }
  const ports = ['gtl1', 'gtl3', 'gtl4'].map((name) => ask('link', 'show', name))
  const port = (await Promise.all(ports)).flat() as { address?: string }[]
  for (const each of port) delete each.address
  return steady({
    bridge: await ask('address', 'show', 'gtl0'),
    port,
    further: await ask('address', 'show', 'gtl2'),
    inside: await ask('-n', outer, 'address'),
    routes: await ask('-n', outer, 'route'),
    routes6: await ask('-n', outer, '-6', 'route'),
  })
}

async function removeAll(): Promise<void> {
  await linkBatch.undo(container.map(batched).toReversed())
  for (const name of ['gtl0', 'gtl1', 'gtl2', 'gtl3', 'gtl4'])
    assert.notEqual((await runStatus('ip', ['link', 'show', name])).code, 0, name)
  assert.notEqual((await runStatus('ip', ['-n', outer, 'link'])).code, 0)
}

test('netlink makes exactly what the shell commands that people are shown make', options, async () => {
  const doors = new Map(builtInDoors.map((door) => [door.kind, door]))
  const script = container.map((change) => doors.get(change.kind)?.describe(change.args).command ?? 'false').join('\n')
  await run('sh', ['-e', '-c', script])
  const byShell = await picture()
  await removeAll()
  await linkBatch.apply(container.map(batched), undefined)
  const byNetlink = await picture()
  await removeAll()
  assert.deepEqual(byNetlink, byShell)
  assert.match(JSON.stringify(byNetlink), /"hairpin":true.*"127\.0\.0\.53".*"198\.51\.100\.7"/)
})

test('a link on one of the host goes without its namespace', options, async () => {
  const stay = [netns({ name: 'gtest-links-in' }, ''), bridge({ name: 'gtl0' }, '')]
  const child = sublink({ name: 'eth0', parent: 'gtl0', netns: 'gtest-links-in', type: 'macvlan', mode: 'bridge' }, '')
  await linkBatch.apply([...stay, child].map(batched), undefined)
  const links = async (): Promise<string> => (await run('ip', ['-n', 'gtest-links-in', 'link'])).stdout
  assert.match(await links(), /eth0@/)
  await linkBatch.undo([batched(child)])
  assert.doesNotMatch(await links(), /eth0/)
  await linkBatch.undo([batched(child)])
  await linkBatch.undo(stay.map(batched).toReversed())
})

test('this thread is where it was, after success and after failure', options, async () => {
  const inner = netns({ name: 'gtest-links-in' }, '')
  await linkBatch.apply([inner].map(batched), undefined)
  assert.equal(readlinkSync('/proc/thread-self/ns/net'), ours)
  const missing = address({ link: 'eth7', cidr: '10.0.0.1/24', netns: 'gtest-links-in' }, '')
  await assert.rejects(linkBatch.apply([missing].map(batched), undefined), BatchError)
  assert.equal(readlinkSync('/proc/thread-self/ns/net'), ours)
  const nowhere = address({ link: 'eth7', cidr: '10.0.0.1/24', netns: 'gtest-no-such' }, '')
  await assert.rejects(linkBatch.apply([nowhere].map(batched), undefined), BatchError)
  assert.equal(readlinkSync('/proc/thread-self/ns/net'), ours)
  await linkBatch.undo([inner].map(batched))
})

const refusals: readonly (readonly [change: Change, cause: RegExp])[] = [
  [netns({ name: 'gtest-links-in' }, ''), /EEXIST/],
  [bridge({ name: 'lo' }, ''), /Cannot make the bridge "lo": EEXIST/],
  [bridge({ name: 'gtl0', mac: '01:00:00:00:00:01' }, ''), /EADDRNOTAVAIL/],
  [bridge({ name: 'gtl0', mac: 'x' }, ''), /hardware address/],
  [
    veth({ name: 'gtl1', peer: 'eth0', netns: 'gtest-links-in', bridge: 'gtl9' }, ''),
    /Cannot find the link "gtl9": ENODEV/,
  ],
  [veth({ name: 'gtl1', peer: 'eth0', netns: 'gtest-no-such' }, ''), /ENOENT/],
  [address({ link: 'lo', cidr: '10.0.0.300/8' }, ''), /not an IP address/],
  [address({ link: 'lo', cidr: '10.0.0.3/33' }, ''), /prefix length/],
  [
    route({ via: '203.0.113.9', netns: 'gtest-links-in' }, ''),
    /Cannot add the route to "default".*\(.+\): ENETUNREACH/,
  ],
]

test('what is refused says why and leaves nothing, and what was not begun is not undone', options, async () => {
  const inner = netns({ name: 'gtest-links-in' }, '')
  await linkBatch.apply([inner].map(batched), undefined)
  for (const [change, cause] of refusals) {
    const before = bridge({ name: 'gtl0' }, '')
    const changes = change.kind === 'bridge' ? [change] : [before, change]
    await assert.rejects(linkBatch.apply(changes.map(batched), undefined), (error: unknown) => {
      assert.ok(error instanceof BatchError)
      assert.match(String(error.cause), cause)
      assert.deepEqual([error.index, error.untouched], [changes.length - 1, [changes.length - 1]])
      return true
    })
    if (changes.length === 2) await linkBatch.undo([batched(before)])
    assert.notEqual((await runStatus('ip', ['link', 'show', 'gtl0'])).code, 0)
    assert.notEqual((await runStatus('ip', ['link', 'show', 'gtl1'])).code, 0)
  }
  await linkBatch.undo([inner].map(batched))
})

test('an undo goes on where one was killed between unmounting a namespace and removing its file', options, async () => {
  const name = 'gtest-links-half'
  const path = `/run/netns/${name}`
  const changes = [netns({ name }, ''), address({ link: 'lo', cidr: '10.213.9.9/32', netns: name }, '')].map(batched)
  const identities = await linkBatch.apply(changes, undefined)
  assert.notEqual(identities[0], undefined)
  unmountNow(path)
  assert.ok(existsSync(path))
  await linkBatch.undo(changes.map((change, index) => ({ ...change, identity: identities[index] })).toReversed())
  assert.ok(!existsSync(path))
})
