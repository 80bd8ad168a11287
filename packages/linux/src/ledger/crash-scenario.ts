// The child of the crash test: makes, settles and takes back a container's worth of changes, and dies at the step it is told.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openState } from '@gantry/state'
import {
  address,
  bridge,
  cgroup,
  createLedger,
  directory,
  faultAt,
  file,
  ledgerMigrations,
  linkUp,
  mount,
  netns,
  nftElement,
  nftTable,
  route,
  spawning,
  sysctl,
  veth,
} from '../index.ts'

const [root = '', tag = '', step = '0', mode = 'full'] = process.argv.slice(2)
using state = openState(join(root, 'state.db'), [ledgerMigrations])
const ledger = createLedger({ state, ...(step === '0' ? {} : { faults: faultAt(Number(step)) }) })
const container = `container/${tag}`
const run = `${container}/run/1`
const ns = `gtest-${tag}`
const monitor = join(root, `monitor-${tag}`)

if (mode !== 'undo') {
  await ledger.apply(`network/${tag}`, [
    bridge({ name: `gtb${tag}` }, 'its containers meet here'),
    address({ link: `gtb${tag}`, cidr: '10.213.7.1/24' }, 'the gateway'),
    sysctl({ key: `net.ipv4.conf.gtb${tag}.route_localnet`, value: '1' }, 'published ports answer on 127.0.0.1'),
    nftTable(
      {
        family: 'inet',
        table: `gantry_${tag}`,
        rules: 'map ports {\n type inet_proto . inet_service : ipv4_addr . inet_service\n }',
      },
      'published ports',
    ),
  ])
  ledger.settle(`network/${tag}`)
  await ledger.apply(container, [
    directory({ path: join(root, 'containers', tag), children: ['upper', 'work', 'lower', 'rootfs'] }, 'its files'),
    file({ path: join(root, 'containers', tag, 'hostname'), content: 'box\n' }, 'its name'),
  ])
  ledger.settle(container)
  const base = join(root, 'containers', tag)
  await ledger.apply(run, [
    mount(
      {
        source: 'overlay',
        target: join(base, 'rootfs'),
        type: 'overlay',
        data: 'lowerdir=lower,upperdir=upper,workdir=work,volatile',
        directory: base,
      },
      'its root file system',
    ),
    netns({ name: ns }, 'its own network'),
    veth(
      { name: `gtv${tag}`, peer: 'eth0', netns: ns, mac: '02:42:0a:d5:07:02', bridge: `gtb${tag}`, hairpin: true },
      'a cable',
    ),
    address({ link: 'eth0', cidr: '10.213.7.2/24', netns: ns }, 'its address'),
    linkUp({ link: 'eth0', netns: ns }, 'so that packets flow'),
    route({ via: '10.213.7.1', netns: ns }, 'the rest of the world'),
    nftElement(
      { family: 'inet', table: `gantry_${tag}`, map: 'ports', key: 'tcp . 8080', value: '10.213.7.2 . 80' },
      'published port 8080',
    ),
    nftElement(
      { family: 'inet', table: `gantry_${tag}`, map: 'ports', key: 'tcp . 8081', value: '10.213.7.2 . 81' },
      'published port 8081',
    ),
    cgroup({ path: `/gantry-test/${tag}` }, 'its limits'),
    spawning(
      { what: 'the monitor', command: ['tail', '-f', monitor], match: monitor },
      'it keeps the output',
      async () => {
        writeFileSync(monitor, '')
        const child = spawn('tail', ['-f', monitor], { detached: true, stdio: 'ignore' })
        child.unref()
        return child.pid ?? 0
      },
    ),
  ])
  ledger.consequences(run, [{ kind: 'namespace', sentence: 'A mount namespace', command: 'unshare -m' }])
  ledger.settle(run)
}
if (mode === 'full' || mode === 'undo') {
  await ledger.undo(run)
  await ledger.undo(container)
  await ledger.undo(`network/${tag}`)
}
