import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { openImage, type Image } from '@gantry/image'
import { MediaType } from '@gantry/oci'
import { normalizeEntryPath, readTar, writeTar } from '@gantry/tar'
import { baseBuild, signalOf, type BaseBuild } from './base-build.ts'
import { BaseError } from './base-error.ts'
import { makeDebian, searchPath } from './debian.ts'
import { entryMaker } from './layer-entry.ts'
import type { MadeImage } from './made-image.ts'
import { findNodeHeaders } from './node-headers.ts'
import { accountLines, nodeLayer } from './node-layer.ts'
import { fetchNpm, npmRelease } from './npm-release.ts'
import { findImage, imageKey, printTime, publishImage } from './publish-image.ts'

/**
 * Makes an image of the Node that runs this (which npm has shipped) with its headers and npm, as one layer on the Debian image, with a user
 * `node` (1000). The Debian image is made first, or found to be there.
 */
export async function makeNode(build: BaseBuild): Promise<MadeImage> {
  const { ports, reference, architecture, options } = build
  if ((process.config.variables as Readonly<Record<string, unknown>>)['node_shared'] === true) {
    const message = `Cannot put ${process.execPath} into an image: this Node needs a libnode of its host (use the one that npm installs with Gantry)`
    throw new BaseError('NODE_UNFIT', message)
  }
  const { tag: _, ...others } = options
  const below = baseBuild('debian', others, ports)
  build.step(`making ${below.reference}, which it stands on`)
  const debian = await makeDebian(below)
  const program = process.execPath
  const { size } = await stat(program)
  const headers = await findNodeHeaders(program, process.versions.node)
  const list = `${JSON.stringify({ node: process.version, npm: npmRelease.version })}\n`
  const key = imageKey({
    recipe: 'node/2',
    architecture,
    debian: debian.descriptor.digest,
    list,
    size,
    headers: headers.length,
  })
  const found = options.force === true ? undefined : await findImage(ports, reference, key)
  if (found !== undefined) return { ...found, upToDate: true }

  const npm = await fetchNpm(build)
  const image = await openImage(ports.store, debian.descriptor, { codec: ports.codec })
  const config = await image.config()
  const epoch = Date.parse(config.created ?? '') / 1000
  build.step(`writing the image ${reference}`)
  const entries = nodeLayer(
    {
      program,
      headers,
      npm: ports.codec.decompress('gzip', createReadStream(npm)),
      accounts: await readAccounts(image),
      list,
    },
    entryMaker(epoch),
  )
  const layer = await ports.store.ingest(writeTar(entries), { mediaType: MediaType.layerTar, ...signalOf(build) })
  const made = await publishImage(
    ports,
    {
      architecture,
      created: epoch,
      config: { Env: [searchPath, `NODE_VERSION=${process.versions.node}`], Cmd: ['node'] },
      layers: [...debian.layers, layer],
      history: [
        ...(config.history ?? []),
        {
          created: printTime(epoch),
          created_by: `gantry base build node # Node ${process.version}, npm ${npmRelease.version}`,
        },
      ],
      key,
      annotations: { 'org.opencontainers.image.version': process.versions.node },
    },
    { reference, ...signalOf(build) },
  )
  return { ...made, upToDate: false }
}

async function readAccounts(image: Image): Promise<Map<string, string>> {
  const accounts = new Map<string, string>()
  for (const layer of await image.layers()) {
    for await (const { header, body } of readTar(await layer.openTar())) {
      const path = normalizeEntryPath(header.path)
      if (!(path in accountLines)) continue
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(Buffer.from(chunk))
      accounts.set(path, Buffer.concat(chunks).toString())
    }
  }
  return accounts
}
