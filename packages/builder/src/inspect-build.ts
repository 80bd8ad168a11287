import {
  type Check,
  checkDockerfile,
  globalScope,
  listTargets,
  type Outline,
  outlineOf,
  resolveStages,
  type TargetInfo,
} from '@gantry/dockerfile'
import { normalizePlatform } from '@gantry/oci'
import { findBaseImage } from './image/base-image.ts'
import { openBuild } from './open-build.ts'
import type { BuildOptions } from './options.ts'
import { platformArgs } from './plan/platform-args.ts'
import type { BuilderPorts } from './ports.ts'

/** What can be said of a build without building. */
export interface BuildInspection {
  readonly file: string
  readonly text: string
  readonly check: Check
  readonly outline: Outline
  readonly targets: readonly TargetInfo[]
}

/**
 * Looks at a Dockerfile as `build` with these options would. Base images are asked what variables they set, where they are to be had.
 * @throws DockerfileError, BuildError
 */
export async function inspectBuild(options: BuildOptions, ports: BuilderPorts): Promise<BuildInspection> {
  await using input = await openBuild(options, ports)
  const { dockerfile, ignore, contextKinds, workspace } = input
  const host = normalizePlatform({ os: 'linux', architecture: ports.host.arch })
  const platform = normalizePlatform(options.platforms?.[0] ?? options.platform ?? host)
  const buildArgs = new Map(Object.entries(options.buildArgs ?? {}))
  const automatic = platformArgs(host, platform, options.target)
  const globals = globalScope(dockerfile, { buildArgs, automatic })
  const graph = resolveStages(dockerfile, globals, { target: options.target, contexts: contextKinds })
  const environments = new Map<number, readonly string[]>()
  for (const { stage, base } of graph.stages) {
    if (base.kind !== 'image') continue
    const asked = { platform, pull: false, signal: workspace.signal, onProgress: () => undefined }
    const image = await findBaseImage(base.reference, ports, asked).catch(() => undefined)
    const names = (image?.config.config?.Env ?? []).map((entry) => entry.split('=', 1)[0]!)
    if (image !== undefined) environments.set(stage.index, names)
  }
  return {
    file: dockerfile.file,
    text: dockerfile.source,
    check: checkDockerfile(dockerfile, { automatic, buildArgs, ignore, environments }),
    outline: outlineOf(dockerfile, graph, globals),
    targets: listTargets(dockerfile),
  }
}
