import { execFileSync } from 'node:child_process'
import { createReadStream, existsSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { assembleImage, copy, openImage } from '@gantry/image'
import { MediaType } from '@gantry/oci'
import { type TarInput, writeTar } from '@gantry/tar'
import { baseBuild } from '../../base/base-build.ts'
import { entryMaker } from '../../base/layer-entry.ts'
import { findNodeHeaders } from '../../base/node-headers.ts'
import { nodeLayer } from '../../base/node-layer.ts'
import { fetchNpm } from '../../base/npm-release.ts'
import type { World } from '../../test/world.ts'

/**
 * Makes `localhost/node` of busybox, the Node that runs this with the libraries that it is linked to here, and npm: as the real one,
 * but in seconds. @throws BaseError NPM_UNAVAILABLE without a registry
 */
export async function nodeBase(world: World): Promise<void> {
  const { store, codec, root } = world
  const npm = await fetchNpm(baseBuild('node', {}, { store, codec, directory: root }))
  const below = await openImage(store, await world.busybox(), { codec })
  const make = entryMaker(315_532_800)
  const list = '{}\n'
  const accounts = new Map([
    ['etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'],
    ['etc/group', 'root:x:0:\n'],
  ])
  const parts = {
    program: process.execPath,
    headers: await findNodeHeaders(process.execPath, process.versions.node),
    npm: codec.decompress('gzip', createReadStream(npm)),
    accounts,
    list,
  }
  const layers = []
  for (const entries of [libraries(), nodeLayer(parts, make)]) {
    const descriptor = await store.ingest(writeTar(entries), { mediaType: MediaType.layerTar })
    layers.push({ descriptor, diffId: descriptor.digest })
  }
  const { architecture, os, config } = await below.config()
  const image = await assembleImage(
    {
      config: {
        architecture,
        os,
        config: { ...config, Env: [...(config?.Env ?? []), `NODE_VERSION=${process.versions.node}`] },
      },
      layers: [...(await below.layers()).map(({ descriptor, diffId }) => ({ descriptor, diffId })), ...layers],
    },
    { source: store, codec },
  )
  await copy(image.source, store, image.descriptor)
  await store.tag('localhost/node:latest', image.descriptor)
}

/** What `ldd` says that this Node needs, at the same paths. */
function* libraries(): Generator<TarInput> {
  const make = entryMaker(315_532_800)
  const listed = execFileSync('ldd', [process.execPath], { encoding: 'utf8' })
  const needed = Array.from(listed.matchAll(/(?:=> |^\s*)(\/\S+) \(/gm), ([, path]) => path!)
  // Native addons ask for these besides.
  const beside = needed
    .filter((path) => path.includes('/libc.so'))
    .flatMap((path) => ['librt.so.1', 'libresolv.so.2'].map((name) => join(dirname(path), name)))
  const paths = new Set([...needed, ...beside.filter((path) => existsSync(path))])
  const made = new Set<string>()
  for (const path of paths) {
    const above = dirname(path).slice(1).split('/')
    for (const [index] of above.entries()) {
      const directory = above.slice(0, index + 1).join('/')
      if (!made.has(directory)) yield make.directory(directory)
      made.add(directory)
    }
    const file = realpathSync(path)
    yield make.stream(path.slice(1), statSync(file).size, createReadStream(file), { mode: 0o755 })
  }
  // npm's programs ask for it there.
  for (const directory of ['usr', 'usr/bin']) yield make.directory(directory)
  yield make.symlink(join('usr/bin/env'), '../../bin/busybox')
}
