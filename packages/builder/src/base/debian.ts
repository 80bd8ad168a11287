import { join } from 'node:path'
import { MediaType } from '@gantry/oci'
import { writeTar } from '@gantry/tar'
import { requiredPackages } from './apt-session.ts'
import { openPackages, signalOf, type BaseBuild } from './base-build.ts'
import { debianLayer } from './debian-layer.ts'
import { installDebianRoot } from './debian-root.ts'
import { debTimestamp } from './deb-file.ts'
import type { MadeImage } from './made-image.ts'
import { findImage, imageKey, printTime, publishImage } from './publish-image.ts'
import { publicAddress } from './repository.ts'

/** The search path of every base image that has a shell of its own. */
export const searchPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

// TLS works out of the box, and so does the Node that npm ships, which is linked with libatomic.
const include = ['apt', 'ca-certificates', 'libatomic1']

/**
 * Makes an image of the distribution's required packages, APT and CA certificates. Nothing is installed when the image is
 * there, made from the same versions.
 */
export async function makeDebian(build: BaseBuild): Promise<MadeImage> {
  const { ports, reference, architecture, options } = build
  const { sources, apt } = await openPackages(build)
  const names = ['?essential', requiredPackages, ...include]
  const plan = await apt.plan(names)
  const key = imageKey({
    recipe: 'debian/1',
    architecture,
    sources: sources.repositories.map(({ uri, suite, components }) => [publicAddress(uri), suite, components]),
    packages: plan.map(({ file }) => file),
  })
  const found = options.force === true ? undefined : await findImage(ports, reference, key)
  const { id, codename } = sources.distribution
  if (found !== undefined) return { ...found, upToDate: true }

  build.step(`downloading ${String(plan.length)} packages`)
  await apt.download(names, plan)
  const times = await Promise.all(plan.map(({ file }) => debTimestamp(join(apt.archives, file))))
  const epoch = Math.max(...times)
  build.step(`installing ${id} ${codename}`)
  await using root = await installDebianRoot(build, {
    sources,
    include,
    archives: apt.archives,
    settings: apt.settings,
    epoch,
  })
  const layer = await ports.store.ingest(writeTar(debianLayer(root.files, { sources, epoch })), {
    mediaType: MediaType.layerTar,
    ...signalOf(build),
  })
  build.step(`writing the image ${reference}`)
  const image = await publishImage(
    ports,
    {
      architecture,
      created: epoch,
      config: { Env: [searchPath], Cmd: ['bash'] },
      layers: [layer],
      history: [{ created: printTime(epoch), created_by: `gantry base build debian # ${id} ${codename}` }],
      key,
      annotations: { 'org.opencontainers.image.version': codename },
    },
    { reference, ...signalOf(build) },
  )
  return { ...image, upToDate: false }
}
