import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { openImage, validateImage, type BlobSource } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import { openLayout } from '@gantry/store'
import { hostPlatform, imageOf, file, runTool, toolsMissing } from '@gantry/testing'
import { transportWorld } from '../testing/transport-world.ts'
import { copyImage, type CopyImageOptions } from './copy-image.ts'
import { openSink } from './open-sink.ts'
import { openSource } from './open-source.ts'
import { saveFromStore } from './save-from-store.ts'

const codec = createCodec()
const world = await transportWorld()
const served = await world.registry()
after(async () => {
  await world[Symbol.asyncDispose]()
  await codec.close()
})

async function copyAs(from: string, to: string, options: CopyImageOptions = {}): Promise<Descriptor> {
  const { result } = await world.command(async (context) => {
    await using source = await openSource(context, from)
    await using sink = await openSink(context, to)
    return (await copyImage(context, { source, sink }, options)).descriptor
  })
  return result
}

/** The image IDs of everything in an archive by its name. */
async function idOf(text: string): Promise<string> {
  const { result } = await world.command(async (context) => {
    await using source = await openSource(context, text)
    return await imageId(source.blobs, source.descriptor)
  })
  return result
}

async function imageId(source: BlobSource, descriptor: Descriptor): Promise<string> {
  const image = await openImage(source, descriptor, { codec, platform: hostPlatform() })
  assert.deepEqual(await validateImage(image, { codec }), [])
  return image.configDescriptor.digest
}

const layout = await openLayout(world.path('made'), { codec, create: true })
const first = await imageOf(layout, [[file('a', 'one')], [file('b', 'two')]], {
  codec,
  compression: 'gzip',
  config: { Cmd: ['/a'] },
})
const second = await imageOf(layout, [[file('a', 'one')], [file('c', 'x'.repeat(100_000))]], {
  codec,
  config: { Cmd: ['/c'] },
})
await layout.tag('localhost/peer/first:1', first.descriptor)
await layout.tag('localhost/peer/second:2', second.descriptor)
const ids = { first: first.configDescriptor.digest, second: second.configDescriptor.digest }
for (const name of ['first:1', 'second:2']) {
  await copyAs(`oci:${layout.path}:localhost/peer/${name}`, `store:localhost/peer/${name}`)
  await copyAs(`oci:${layout.path}:localhost/peer/${name}`, `${served.host}/peer/${name}`)
}

async function saveBoth(path: string, more: Partial<Parameters<typeof saveFromStore>[2]> = {}): Promise<void> {
  const names = ['localhost/peer/first:1', 'localhost/peer/second:2']
  await world.command((context) => saveFromStore(context, names, { output: path, ...more }))
}

/** Podman with storage of its own that goes away with the world. */
const podmanStorage = (name: string): string[] => {
  const root = world.path(`podman-${name}`)
  return [
    '--root',
    `${root}/root`,
    '--runroot',
    `${root}/run`,
    '--storage-driver',
    'vfs',
    '--events-backend',
    'none',
    '--cgroup-manager',
    'cgroupfs',
  ]
}

describe('podman', { skip: toolsMissing('podman') ?? false }, () => {
  test('loads what is saved, several images with their names, and gantry loads what it saves', async () => {
    const podman = podmanStorage('load')
    const load = async (path: string): Promise<unknown> => runTool('podman', [...podman, 'load', '--input', path])
    const loaded = async (name: string): Promise<string> => {
      const id = await runTool('podman', [...podman, 'inspect', '--format', '{{.Id}}', `localhost/peer/${name}`])
      return `sha256:${id.trim()}`
    }
    await saveBoth(world.path('ours.tar'))
    await load(world.path('ours.tar'))
    assert.deepEqual([await loaded('first:1'), await loaded('second:2')], [ids.first, ids.second])
    // Compressed, podman itself takes archives of one image only.
    await runTool('podman', [...podman, 'rmi', '--all'])
    await world.command((context) => {
      return saveFromStore(context, ['localhost/peer/second:2'], {
        output: world.path('ours.tar.gz'),
        compress: 'gzip',
      })
    })
    await load(world.path('ours.tar.gz'))
    assert.equal(await loaded('second:2'), ids.second)
    await load(world.path('ours.tar'))
    const names = ['localhost/peer/first:1', 'localhost/peer/second:2']
    const theirs = world.path('podman.tar')
    await runTool('podman', [...podman, 'save', '--multi-image-archive', '--output', theirs, ...names])
    assert.equal(await idOf(`docker-archive:${theirs}:localhost/peer/first:1`), ids.first)
    assert.equal(await idOf(`docker-archive:${theirs}:localhost/peer/second:2`), ids.second)
    const oci = world.path('podman.oci.tar')
    await runTool('podman', [...podman, 'save', '--format', 'oci-archive', '--output', oci, names[0]!])
    assert.equal(await idOf(`oci-archive:${oci}`), ids.first)
    await copyAs(`docker-archive:${theirs}:localhost/peer/second:2`, `${served.host}/from-podman:1`)
    assert.equal(await idOf(`${served.host}/from-podman:1`), ids.second)
  })
})

/** A Docker daemon with a root of its own, without networks. */
async function startDocker(): Promise<{ readonly host: string } & AsyncDisposable> {
  const root = world.path('docker')
  const host = `unix://${root}/docker.sock`
  await mkdir(root)
  const flags = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--storage-driver=vfs', '--host', host]
  const places = ['--data-root', `${root}/data`, '--exec-root', `${root}/exec`, '--pidfile', `${root}/docker.pid`]
  const daemon = spawn('dockerd', [...flags, ...places], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  const listening = new Promise<void>((resolve, reject) => {
    daemon.stderr.on('data', (data: Buffer) => {
      log += String(data)
      if (log.includes('API listen on')) resolve()
    })
    daemon.on('error', reject)
    daemon.on('exit', () => reject(new Error(`dockerd ended: ${log.slice(-2000)}`)))
  })
  await listening
  return {
    host,
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((resolve) => daemon.on('close', resolve))
      daemon.removeAllListeners('exit')
      daemon.kill()
      await ended
    },
  }
}

const dockerMissing = process.getuid?.() === 0 ? toolsMissing('dockerd', 'docker', 'containerd') : 'not root'

test(
  'docker loads what is saved, several images with their names, and gantry what it saves',
  { skip: dockerMissing ?? false },
  async () => {
    await using daemon = await startDocker()
    const docker = (...args: string[]): Promise<string> => runTool('docker', ['--host', daemon.host, ...args])
    const names = ['localhost/peer/first:1', 'localhost/peer/second:2'] as const
    for (const compress of [undefined, 'gzip', 'zstd'] as const) {
      const path = world.path(`for-docker.${compress}.tar`)
      await saveBoth(path, { compress })
      await docker('load', '--input', path)
      const found = await docker('inspect', '--format', '{{.Id}}', ...names)
      assert.deepEqual(found.trim().split('\n'), [ids.first, ids.second])
      await docker('rmi', ...names)
    }
    await docker('load', '--input', world.path('for-docker.undefined.tar'))
    const theirs = world.path('docker.tar')
    await docker('save', '--output', theirs, ...names)
    assert.equal(await idOf(`docker-archive:${theirs}:${names[0]}`), ids.first)
    assert.equal(await idOf(`docker-archive:${theirs}:${names[1]}`), ids.second)
  },
)

describe('skopeo', { skip: toolsMissing('skopeo') ?? false }, () => {
  const skopeo = (...args: string[]): Promise<unknown> =>
    runTool('skopeo', ['copy', '--insecure-policy', '--src-tls-verify=false', '--dest-tls-verify=false', ...args])

  test('reads every kind of place that is written, and what it writes is read', async () => {
    const ours = {
      docker: `docker-archive:${world.path('skopeo-ours.tar')}:localhost/peer/first:1`,
      oci: `oci-archive:${world.path('skopeo-ours.oci.tar')}:localhost/peer/first:1`,
      layout: `oci:${world.path('skopeo-ours')}:first`,
      registry: `docker://${served.host}/ours/first:1`,
    }
    for (const [kind, place] of Object.entries(ours)) {
      await copyAs('store:localhost/peer/first:1', place)
      for (const [other, theirs] of Object.entries({
        docker: `docker-archive:${world.path(`theirs-${kind}.tar`)}:localhost/peer/first:1`,
        oci: `oci-archive:${world.path(`theirs-${kind}.oci.tar`)}:localhost/peer/first:1`,
        layout: `oci:${world.path(`theirs-${kind}`)}:localhost/peer/first:1`,
        registry: `docker://${served.host}/theirs/${kind}:1`,
      })) {
        await skopeo(place, theirs)
        assert.equal(await idOf(theirs), ids.first, `${kind} to ${other}`)
      }
    }
  })

  test('takes an image that was converted', async () => {
    for (const format of ['oci', 'docker'] as const) {
      for (const compression of format === 'oci' ? (['gzip', 'zstd', 'none'] as const) : (['gzip', 'none'] as const)) {
        const place = `docker://${served.host}/converted/${format}:${compression}`
        await copyAs(`${served.host}/peer/second:2`, place, { format, compression })
        await skopeo(place, `oci:${world.path(`converted-${format}`)}:${compression}`)
        assert.equal(await idOf(`oci:${world.path(`converted-${format}`)}:${compression}`), ids.second)
      }
    }
  })
})

test('buildah pulls archives that are written', { skip: toolsMissing('buildah') ?? false }, async () => {
  const root = world.path('buildah')
  const buildah = ['--root', `${root}/root`, '--runroot', `${root}/run`, '--storage-driver', 'vfs']
  for (const place of [
    `docker-archive:${world.path('buildah.tar')}:localhost/peer/first:1`,
    `oci-archive:${world.path('buildah.oci.tar')}`,
  ]) {
    await copyAs('store:localhost/peer/first:1', place)
    const pulled = await runTool('buildah', [...buildah, 'pull', '--quiet', place])
    assert.equal(`sha256:${pulled.trim()}`, ids.first, place)
  }
})

test('umoci reads a layout that is written', { skip: toolsMissing('umoci') ?? false }, async () => {
  const path = world.path('umoci')
  await copyAs('store:localhost/peer/first:1', `oci:${path}:one`)
  await runTool('umoci', ['stat', '--image', `${path}:one`, '--json'])
  await runTool('umoci', ['config', '--image', `${path}:one`, '--tag', 'changed', '--config.cmd', '/b'])
  const changed = await idOf(`oci:${path}:changed`)
  assert.notEqual(changed, ids.first)
  await copyAs('store:localhost/peer/second:2', `oci:${path}:two`)
  assert.equal(await idOf(`oci:${path}:changed`), changed)
  assert.equal(await idOf(`oci:${path}:two`), ids.second)
})
