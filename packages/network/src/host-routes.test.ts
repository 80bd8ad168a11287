import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { endianness, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { hostRoutes } from './host-routes.ts'
import { formatSubnet } from './ipv4.ts'

test(
  'hostRoutes reads networks and passes over the default route',
  { skip: endianness() === 'LE' ? false : 'the sample is little-endian' },
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-routes-'))
    const path = join(directory, 'route')
    writeFileSync(
      path,
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n' +
        'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n' +
        'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n',
    )
    const routes = hostRoutes(path)
    assert.deepEqual(
      routes.map((route) => `${formatSubnet(route)} ${route.link}`),
      ['192.0.2.0/24 eth0'],
    )
    assert.deepEqual(hostRoutes(join(directory, 'missing')), [])
    rmSync(directory, { recursive: true })
  },
)
