import { chmod, mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MediaType } from '@gantry/oci'
import { run } from '@gantry/process'
import { normalizeEntryPath, readTar, writeTar, type TarInput } from '@gantry/tar'
import { openPackages, signalOf, type BaseBuild } from './base-build.ts'
import { BaseError } from './base-error.ts'
import { appletEntries, busyboxFiles } from './busybox-layer.ts'
import { debFiles, debTimestamp } from './deb-file.ts'
import { entryMaker } from './layer-entry.ts'
import type { MadeImage } from './made-image.ts'
import { formatPackageList, packageListPath } from './package-list.ts'
import { findImage, imageKey, printTime, publishImage } from './publish-image.ts'
import { publicAddress } from './repository.ts'

/** Makes an image of the distribution's static busybox: one program, links for its applets, a few files. Needs no root. */
export async function makeBusybox(build: BaseBuild): Promise<MadeImage> {
  const { ports, reference, architecture, options } = build
  const { sources, apt } = await openPackages(build)
  const plan = await apt.plan(['busybox-static'])
  const key = imageKey({
    recipe: 'busybox/1',
    architecture,
    sources: sources.repositories.map(({ uri, suite, components }) => [publicAddress(uri), suite, components]),
    packages: plan.map(({ file }) => file),
  })
  const found = options.force === true ? undefined : await findImage(ports, reference, key)
  if (found !== undefined) return { ...found, upToDate: true }

  build.step('downloading busybox-static')
  await apt.download(['busybox-static'], plan)
  const [deb] = plan.filter(({ name }) => name === 'busybox-static')
  const path = join(apt.archives, deb?.file ?? '')
  const epoch = await debTimestamp(path)
  const directory = await mkdtemp(join(ports.directory, 'busybox-'))
  try {
    const unpacked = await unpackBusybox(path, directory)
    const { stdout } = await run(unpacked.program, ['--list-full'], signalOf(build))
    const list = formatPackageList(plan, sources.repositories)
    const entries = layerEntries({ ...unpacked, applets: stdout.split('\n'), list, epoch })
    build.step(`writing the image ${reference}`)
    const layer = await ports.store.ingest(writeTar(entries), { mediaType: MediaType.layerTar, ...signalOf(build) })
    const image = await publishImage(
      ports,
      {
        architecture,
        created: epoch,
        config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['sh'] },
        layers: [layer],
        history: [{ created: printTime(epoch), created_by: 'gantry base build busybox' }],
        key,
        annotations: { 'org.opencontainers.image.version': deb?.version ?? '' },
      },
      { reference, ...signalOf(build) },
    )
    return { ...image, upToDate: false }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

interface Unpacked {
  /** Where the program lies, to be asked for its applets. */
  readonly program: string
  readonly size: number
  readonly copyright: Uint8Array
}

async function unpackBusybox(deb: string, directory: string): Promise<Unpacked> {
  const program = join(directory, 'busybox')
  let size = 0
  let copyright: Uint8Array = new Uint8Array()
  for await (const { header, body } of readTar(debFiles(deb))) {
    const path = normalizeEntryPath(header.path)
    if (header.type !== 'file') continue
    if (/^(usr\/)?bin\/busybox$/.test(path)) {
      const file = await open(program, 'w', 0o755)
      try {
        for await (const chunk of body) await file.writeFile(chunk)
      } finally {
        await file.close()
      }
      size = header.size
    } else if (path.endsWith('/copyright')) {
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(Buffer.from(chunk))
      copyright = Buffer.concat(chunks)
    }
  }
  if (size === 0) throw new BaseError('PACKAGES_UNAVAILABLE', `Cannot make the image: "${deb}" has no bin/busybox`)
  await chmod(program, 0o755)
  return { program, size, copyright }
}

async function* layerEntries(
  parts: Unpacked & { readonly applets: readonly string[]; readonly list: string; readonly epoch: number },
): AsyncGenerator<TarInput> {
  const make = entryMaker(parts.epoch)
  yield* busyboxFiles(make)
  await using file = await open(parts.program)
  const body = file.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false })
  yield make.stream('bin/busybox', parts.size, body as AsyncIterable<Uint8Array>, { mode: 0o755 })
  yield* appletEntries(parts.applets, make)
  yield make.directory('usr/share')
  yield make.directory('usr/share/doc')
  yield make.directory('usr/share/doc/busybox-static')
  yield make.file('usr/share/doc/busybox-static/copyright', parts.copyright)
  yield make.directory('usr/share/gantry')
  yield make.file(packageListPath, parts.list)
}
