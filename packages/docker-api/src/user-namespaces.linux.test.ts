import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ContainerInspect, HostConfig } from '@gantry/client'
import { which } from '@gantry/process'
import { readTar, writeTar } from '@gantry/tar'
import { directory, file } from '@gantry/testing'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing()
const map: HostConfig = { IDMappings: { UidMap: ['0:300000:1000'], GidMap: ['0:400000:1000'] } }

describe('user namespaces of containers', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  let here = ''
  before(async () => {
    daemon = await realDaemon()
    // Their users pass it on the way to their root file systems.
    chmodSync(daemon.site.root, 0o711)
    here = mkdtempSync(join(tmpdir(), 'gantry-users-'))
    chmodSync(here, 0o755)
  })
  after(async () => {
    await daemon[Symbol.asyncDispose]()
    rmSync(here, { recursive: true, force: true })
  })

  const create = async (
    command: string,
    host: HostConfig,
    more: { User?: string; Image?: string } = {},
  ): Promise<string> => {
    const body = { Image: 'localhost/busybox', Cmd: ['sh', '-c', command], HostConfig: host, ...more }
    return (await daemon.client.containers.create(body)).Id
  }
  const start = async (command: string, host: HostConfig): Promise<string> => {
    const id = await create(command, host)
    await daemon.client.containers.start(id)
    return id
  }
  /** What a container says until it ends. */
  const said = async (
    command: string,
    host: HostConfig,
    more: { User?: string; Image?: string } = {},
  ): Promise<string> => {
    const { containers } = daemon.client
    const id = await create(command, host, more)
    const { result } = await containers.wait(id, { condition: 'next-exit' })
    await containers.start(id)
    await result
    const text = await output(await containers.logs(id, { stdout: true, stderr: true }))
    await containers.remove(id)
    return text
  }
  const exec = async (id: string, command: string): Promise<string> => {
    const { exec: execs } = daemon.client
    const stream = await execs.start(
      await execs.create(id, { Cmd: ['sh', '-c', command], AttachStdout: true, AttachStderr: true }),
    )
    return output(stream.output)
  }
  const inspect = (id: string): Promise<ContainerInspect> => daemon.client.containers.inspect(id)
  const remove = (id: string): Promise<void> => daemon.client.containers.remove(id, { force: true, volumes: true })
  const owner = (path: string): readonly number[] => [statSync(path).uid, statSync(path).gid]
  const place = (name: string, uid = 300_000, gid = 400_000): string => {
    const path = join(here, name)
    mkdirSync(path)
    chownSync(path, uid, gid)
    return path
  }

  test('root inside is somebody else outside, and what it makes on the host is theirs', async () => {
    const [bound, mapped] = [place('bound'), place('mapped', 0, 0)]
    const make = 'cp /bin/busybox $d/program && chmod 4755 $d/program && touch $d/theirs && chown 7:8 $d/theirs'
    const id = await start(`for d in /bound /mapped /kept /; do ${make}; done; exec sleep 1000`, {
      ...map,
      Binds: [`${bound}:/bound`, `${mapped}:/mapped:idmap`, 'kept:/kept'],
    })
    try {
      assert.match(
        await exec(id, 'id -u; cat /proc/self/uid_map /proc/self/gid_map'),
        /^0\n\s*0\s+300000\s+1000\n\s*0\s+400000\s+1000\n$/,
      )
      const { State, HostConfig: shown } = await inspect(id)
      assert.match(readFileSync(`/proc/${State.Pid}/status`, 'utf8'), /^Uid:\t300000\t.*\nGid:\t400000\t/m)
      assert.deepEqual(
        [shown.UsernsMode, shown.IDMappings],
        ['private', { UidMap: ['0:300000:1000'], GidMap: ['0:400000:1000'] }],
      )
      // A set-user-ID program of root inside is one of that user outside.
      assert.deepEqual(
        [owner(join(bound, 'program')), statSync(join(bound, 'program')).mode & 0o7777],
        [[300_000, 400_000], 0o4755],
      )
      assert.deepEqual(owner(join(bound, 'theirs')), [300_007, 400_008])
      const volume = join(daemon.site.root, 'volumes/kept/_data')
      for (const inside of [mapped, volume]) {
        assert.deepEqual(owner(join(inside, 'program')), [0, 0])
        assert.deepEqual(owner(join(inside, 'theirs')), [7, 8])
      }
      assert.equal(await exec(id, 'stat -c %u:%g /kept/theirs /mapped/theirs /bound/theirs /theirs'), '7:8\n'.repeat(4))
      const { steps } = await daemon.client.gantry.explain(id)
      const sentences = steps.map(({ sentence }) => sentence).join('\n')
      assert.match(
        sentences,
        /Make the user namespace .*: users 0 to 999 are 300000 to 300999 outside; groups 0 to 999 are 400000 to 400999 outside/,
      )
    } finally {
      await remove(id)
    }
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('no id on the disk is root of the host', async () => {
    const before = new Set(readdirSync(join(daemon.site.root, 'snapshots')))
    const id = await create('exec sleep 1000', { UsernsMode: 'auto' })
    const [n = ''] = readdirSync(join(daemon.site.root, 'snapshots')).filter((name) => !before.has(name))
    const names = [0, 1, 65_536, 2 ** 31, 4_294_967_293, 4_294_967_294].map((owned) => {
      const path = join(daemon.site.root, 'snapshots', n, 'fs', String(owned))
      writeFileSync(path, '')
      chownSync(path, owned, owned)
      chmodSync(path, 0o6755)
      return String(owned)
    })
    await daemon.client.containers.start(id)
    try {
      const inside = `/proc/${(await inspect(id)).State.Pid}/root`
      for (const name of names)
        for (const each of owner(join(inside, name))) assert.ok(each >= 65_534, `${name}: ${String(each)}`)
      // Overlay makes files, and so does cp.
      await exec(id, 'chmod 600 /0 && rm /1')
      await daemon.client.containers.writeArchive(id, '/', writeTar([file('new/file', 'x')]))
      assert.equal(await exec(id, 'stat -c %u:%g /new /new/file'), '0:0\n0:0\n')
    } finally {
      await remove(id)
    }
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('the directory of a bind is made for its root, and what inspect shows can be asked for again', async () => {
    const [made, idmapped] = [join(here, 'above/made'), join(here, 'above/idmapped')]
    const id = await create('touch /made/file /idmapped/file', {
      UsernsMode: 'auto',
      Binds: [`${made}:/made`, `${idmapped}:/idmapped:idmap`],
    })
    const { result } = await daemon.client.containers.wait(id, { condition: 'next-exit' })
    await daemon.client.containers.start(id)
    assert.equal((await result).StatusCode, 0)
    const { HostConfig: shown } = await inspect(id)
    const uid = Number(shown.IDMappings?.UidMap?.[0]?.split(':')[1])
    for (const path of [made, join(made, 'file')]) assert.equal(statSync(path).uid, uid)
    for (const path of [idmapped, join(idmapped, 'file'), join(here, 'above')]) assert.equal(statSync(path).uid, 0)
    const { UsernsMode = '', IDMappings = {} } = shown
    const again = await create('true', { UsernsMode, IDMappings })
    const other = (await inspect(again)).HostConfig
    assert.equal(other.UsernsMode, 'auto')
    assert.notDeepEqual(other.IDMappings, IDMappings)
    await remove(id)
    await remove(again)
  })

  test('its own files, devices, secrets and sockets are as in any container', async () => {
    const { client } = daemon
    await client.secrets.create('word', Buffer.from('open'))
    const script = [
      'echo a > /etc/hosts && echo b > /etc/resolv.conf && echo c > /etc/hostname && echo d > /dev/null && head -c1 /dev/zero | wc -c',
      'cat /run/secrets/word; echo; stat -c %u /run/secrets/word /home/app /etc/hosts',
      'touch /dev/shm/f && mount | grep -c " on /sys type sysfs"',
      'cat /proc/sys/net/ipv4/ip_default_ttl && ping -c1 -W2 127.0.0.1 > /dev/null && echo pings',
    ].join('; ')
    const host: HostConfig = {
      ...map,
      Secrets: [{ Source: 'word' }],
      Sysctls: { 'net.ipv4.ip_default_ttl': '77' },
      Tmpfs: { '/scratch': '' },
    }
    assert.equal(await said(script, host), '1\nopen\n0\n65534\n0\n1\n77\npings\n')
    // Programs that log into /dev/stdout open it once more, root or not.
    for (const more of [{}, { User: '7' }]) assert.equal(await said('echo log > /dev/stdout', map, more), 'log\n')
    // Without a group of that number there is no group for terminals.
    const few = { IDMappings: { UidMap: ['0:300000:1'], GidMap: ['0:400000:1'] } }
    assert.equal(
      await said('touch /scratch/f && stat -c %u:%g /scratch/f', { ...few, Tmpfs: { '/scratch': '' } }),
      '0:0\n',
    )
    assert.equal(await said('id -u; ls /sys > /dev/null && echo sys', { ...map, NetworkMode: 'host' }), '0\nsys\n')
    assert.equal(
      await said(
        'id -u; touch /scratch/f && stat -c %u /scratch/f',
        { UsernsMode: 'auto', Tmpfs: { '/scratch': '' } },
        { User: 'app' },
      ),
      '1000\n1000\n',
    )
  })

  test('auto: no two have an id in common, a daemon that is killed loses none, and what goes is free again', async () => {
    const { containers } = daemon.client
    const outside = async (id: string): Promise<readonly (readonly [number, number])[]> =>
      ((await inspect(id)).HostConfig.IDMappings?.UidMap ?? []).map((text) => {
        const [, from = 0, size = 0] = text.split(':').map(Number)
        return [from, from + size] as const
      })
    const ids = await Promise.all(
      Array.from({ length: 3 }, () => start('exec sleep 1000', { UsernsMode: 'auto:size=2000' })),
    )
    await daemon.stop('SIGKILL')
    assert.ok(await daemon.start())
    ids.push(await start('exec sleep 1000', { UsernsMode: 'auto' }))
    const blocks = (await Promise.all(ids.map(outside))).flat().toSorted((a, b) => a[0] - b[0])
    assert.equal(blocks.length, 4)
    for (const [index, [from]] of blocks.entries())
      assert.ok(index === 0 || from >= (blocks[index - 1]?.[1] ?? 0), JSON.stringify(blocks))
    const [first = ''] = ids
    assert.equal(await exec(first, 'id -u; touch /new && stat -c %u /new'), '0\n0\n')
    await daemon.client.containers.restart(first, { timeout: 0 })
    assert.equal(await exec(first, 'stat -c %u /new'), '0\n')
    const from = (await outside(first))[0]?.[0]
    await remove(first)
    const again = await create('true', { UsernsMode: 'auto:size=2000' })
    assert.deepEqual((await outside(again))[0]?.[0], from)
    for (const id of [...ids.slice(1), again]) await remove(id)
    assert.deepEqual(await containers.list({ all: true }), [])
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('networks: it owns its own, reaches others, and its published ports are reached', async () => {
    const serving = 'echo page > /tmp/index.html && exec httpd -f -p 80 -h /tmp'
    const server = await start(serving, { ...map, PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } })
    try {
      const { NetworkSettings: network } = await inspect(server)
      const port = network.Ports['80/tcp']?.[0]?.HostPort ?? ''
      const page = await fetched(`http://127.0.0.1:${port}/`)
      assert.equal(page, 'page\n')
      const address = Object.values(network.Networks)[0]?.IPAddress ?? ''
      const script = `wget -qO- http://${address}/; ip link set eth0 mtu 1400 && echo links`
      assert.equal(await said(script, { UsernsMode: 'auto', CapAdd: ['NET_ADMIN'] }), 'page\nlinks\n')
    } finally {
      await remove(server)
    }
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('cp, export and commit know owners by their numbers inside, whether it runs or not', async () => {
    const { containers } = daemon.client
    const owners = async (tar: AsyncIterable<Uint8Array>, path: string): Promise<readonly number[] | undefined> => {
      let found: readonly number[] | undefined
      for await (const { header } of readTar(tar)) if (header.path === path) found = [header.uid, header.gid]
      return found
    }
    const id = await create('touch /made && chown 5:6 /made && exec sleep 1000', { ...map, Binds: ['data:/data'] })
    const check = async (name: string): Promise<void> => {
      for (const directory of ['/', '/data']) {
        await containers.writeArchive(id, directory, writeTar([file(name, 'x', { uid: 3, gid: 4 })]))
        const { tar } = await containers.readArchive(id, join(directory, name))
        assert.deepEqual(await owners(tar, name), [3, 4], `${name} in ${directory}`)
      }
      assert.deepEqual(await owners(await containers.export(id), name), [3, 4])
      assert.deepEqual(owner(join(daemon.site.root, 'volumes/data/_data', name)), [3, 4])
    }
    await check('before')
    await containers.start(id)
    await exec(id, 'until test -e /made; do sleep 0.01; done')
    await check('running')
    assert.equal(await exec(id, 'stat -c %u:%g /before /data/before /running'), '3:4\n'.repeat(3))
    await containers.commit(id, { repo: 'localhost/made' })
    assert.equal(await said('stat -c %u:%g /made /running', {}, { Image: 'localhost/made' }), '5:6\n3:4\n')
    assert.equal(
      await said('stat -c %u:%g /made /running', { UsernsMode: 'auto' }, { Image: 'localhost/made' }),
      '5:6\n3:4\n',
    )
    const changes = (await containers.changes(id)).map(({ Path }) => Path)
    assert.ok(changes.includes('/made') && !changes.includes('/bin'), JSON.stringify(changes))
    await containers.stop(id, { timeout: 0 })
    await check('stopped')
    await remove(id)
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('files of owners that the container does not have are exported, and fill volumes, as they are', async () => {
    const { containers } = daemon.client
    const before = await create('true', {})
    await containers.writeArchive(
      before,
      '/',
      writeTar([directory('full'), file('full/theirs', 'x', { uid: 5000, gid: 6000, mode: 0o600 })]),
    )
    await containers.commit(before, { repo: 'localhost/theirs' })
    await remove(before)
    const id = await create('exec sleep 1000', { ...map, Binds: ['full:/full'] }, { Image: 'localhost/theirs' })
    const names = new Map<string, readonly number[]>()
    for await (const { header } of readTar(await containers.export(id)))
      names.set(header.path, [header.uid, header.gid])
    assert.deepEqual(names.get('full/theirs'), [5000, 6000])
    await containers.start(id)
    assert.equal(await exec(id, 'stat -c %u:%g /full/theirs'), '65534:65534\n')
    assert.deepEqual(owner(join(daemon.site.root, 'volumes/full/_data/theirs')), [5000, 6000])
    await assert.rejects(Array.fromAsync(await containers.export(id)))
    await assert.rejects(daemon.client.checkpoints.create(id, 'one'), /checkpoints of such containers/)
    await remove(id)
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('an owner that the container does not have is refused, and nobody else gets the file', async () => {
    const { client } = daemon
    await client.secrets.create('theirs', Buffer.from('open'))
    const [outside] = [place('outside')]
    const id = await create('true', {
      ...map,
      Binds: [`${outside}:/outside`],
      Secrets: [{ Source: 'theirs', UID: 1000 }],
    })
    for (const directory of ['/', '/outside'])
      await assert.rejects(
        client.containers.writeArchive(
          id,
          directory,
          writeTar([file('evil', 'x', { uid: 1000, gid: 0, mode: 0o4755 })]),
        ),
        /user 1000: .* has no such user.*size=1001/s,
      )
    assert.deepEqual(readdirSync(outside), [])
    await assert.rejects(client.containers.start(id), /has no such user/)
    await remove(id)
    assert.deepEqual(await daemon.inventory(), [])
  })

  test('what cannot be is refused with the reason, and leaves nothing', async () => {
    const refused: readonly (readonly [HostConfig, RegExp])[] = [
      [{ UsernsMode: 'auto', Privileged: true }, /privileged mode is incompatible with user namespaces/],
      [{ UsernsMode: 'auto', PidMode: 'host' }, /cannot share PID namespaces/],
      [{ UsernsMode: 'nomap' }, /for containers of ordinary users/],
      [{ UsernsMode: 'auto:size=4294967294' }, /has not so many left/],
      [{ IDMappings: { UidMap: ['1:300000:1'] } }, /no user 0/],
      [{ Binds: [`${here}:/x:idmap`] }, /idmap needs a container with a user namespace/],
    ]
    for (const [host, why] of refused) await assert.rejects(create('true', host), why, JSON.stringify(host))
    chmodSync(daemon.site.root, 0o700)
    try {
      await assert.rejects(create('true', map), /may not pass/)
    } finally {
      chmodSync(daemon.site.root, 0o711)
    }
    assert.deepEqual(await daemon.client.containers.list({ all: true }), [])
    assert.deepEqual(await daemon.inventory(), [])
  })

  test(
    'the stock docker client: --userns=host is what there is without',
    { skip: which('docker') === undefined },
    async () => {
      const words = ['run', '--rm', '--userns=host', 'localhost/busybox', 'cat', '/proc/self/uid_map']
      const { stdout, stderr } = await daemon.docker(...words)
      assert.match(stdout, /^\s*0\s+0\s+4294967295\n$/, stderr)
    },
  )

  test('explain --why-denied: the user namespace, and that --userns host would allow it', async () => {
    const theirs = join(place('theirs', 0, 0), 'file')
    writeFileSync(theirs, '')
    const rows: readonly (readonly [command: string, host: HostConfig, call: string, because: RegExp])[] = [
      [
        'mknod /d c 1 3',
        map,
        'mknod',
        /needs CAP_MKNOD over the host, and the container has it over its own user namespace only/,
      ],
      [
        `chmod 777 /theirs/file`,
        { ...map, Binds: [`${join(here, 'theirs')}:/theirs`] },
        'chmod',
        /belongs to 0:0 of the host, whom the container's user namespace does not map/,
      ],
    ]
    for (const [command, host, call, because] of rows) {
      const id = await create(command, host)
      const denials = await daemon.client.gantry.whyDenied(id, { Prove: 'safe' })
      const found = denials.refusals.find(
        (each) => each.refusedBy === 'user-namespace' && each.call.startsWith(call.slice(0, 5)),
      )
      assert.ok(found, JSON.stringify(denials, undefined, 1))
      assert.match(found.because, because)
      assert.deepEqual(found.flags, ['--userns host'])
      await remove(id)
    }
    const id = await create('mknod /d c 1 3', map)
    const proven = await daemon.client.gantry.whyDenied(id, { Prove: 'all' })
    assert.equal(proven.proof?.helped, true, JSON.stringify(proven, undefined, 1))
    await remove(id)
    assert.deepEqual(await daemon.inventory(), [])
  })
})

async function output(chunks: AsyncIterable<{ data: Uint8Array } | Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of chunks) text += Buffer.from(chunk instanceof Uint8Array ? chunk : chunk.data).toString()
  return text
}

/** What a server answers that may only just be starting. */
async function fetched(url: string): Promise<string> {
  for (;;) {
    try {
      return await (await fetch(url)).text()
    } catch (error) {
      if (!/ECONNREFUSED|ECONNRESET/.test(String((error as Error).cause))) throw error
    }
    await sleep(10)
  }
}
