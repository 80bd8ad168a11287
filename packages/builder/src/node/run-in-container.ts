import { parseDockerfile, type RunInstruction } from '@gantry/dockerfile'
import type { Descriptor, Platform } from '@gantry/oci'
import { normalizeEntryPath, readTar, type TarInput, whiteoutOf, writeTar } from '@gantry/tar'
import { createReadStream } from 'node:fs'
import { MediaType } from '@gantry/oci'
import { BuildError } from '../build-error.ts'
import type { BuildSession } from '../build-session.ts'
import { cacheKey } from '../cache/key.ts'
import { stepVersion } from '../cache/layer-key.ts'
import type { BuildStep } from '../events.ts'
import type { LayerStack } from '../image/layer-stack.ts'
import { runStep } from '../steps/run-step.ts'
import { setEnv, type StageState } from '../plan/stage-state.ts'
import { canRun } from '../platform-support.ts'

/** A script to run on top of layers. */
export interface ContainerRun {
  readonly session: BuildSession
  readonly step: BuildStep
  readonly stack: LayerStack
  /** What the image says that the lowest layers are of. */
  readonly state: StageState
  readonly platform: Platform
  readonly host: Platform
  /** For `sh -c`. */
  readonly script: string
  readonly directory: string
}

const environment: Readonly<Record<string, string>> = {
  CI: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_update_notifier: 'false',
  npm_config_cache: '/tmp/.npm',
}

/** The headers that an image brings beside its Node: without them node-gyp fetches them from afar. */
const ownHeaders =
  'if [ -f /usr/local/include/node/node_version.h ]; then export npm_package_config_node_gyp_nodedir=/usr/local; fi; '

/** Commands for `sh`, one after the other in a directory. */
export function inDirectory(directory: string, commands: readonly string[]): string {
  return [`cd '${directory.replaceAll("'", String.raw`'\''`)}'`, ...commands].join(' && ')
}

/** Sees to it that a step can run at all. @throws BuildError PLATFORM_UNSUPPORTED */
export function checkRuns(text: string, platform: Platform, host: Platform): void {
  if (!canRun(platform, host)) {
    throw new BuildError(
      'PLATFORM_UNSUPPORTED',
      `Cannot run "${text}" for ${platform.os}/${platform.architecture} on ${host.architecture}`,
      {
        hint: 'install an emulator (qemu-user-static with binfmt), or use packages that come with prebuilt binaries',
      },
    )
  }
}

/** Runs a script as RUN does, as root; answers with the layer of what it changed. @throws BuildError RUN_FAILED, PLATFORM_UNSUPPORTED */
export async function runInContainer(
  run: ContainerRun,
): Promise<{ readonly layer: Descriptor; readonly cached: boolean }> {
  const { session, step, stack, state, platform, host, script, directory } = run
  checkRuns(step.text, platform, host)
  const own: StageState = { ...state, config: { ...state.config }, scope: new Map(state.scope), history: [] }
  for (const [name, value] of Object.entries(environment)) setEnv(own, name, value)
  const { onEvent, network } = session.options
  return runStep({
    session,
    id: step.id,
    stack,
    platform,
    files: new Map(),
    step: {
      kind: 'run',
      instruction: instructionOf(script),
      text: step.text,
      args: ['/bin/sh', '-c', ownHeaders + script],
      env: own.config.Env ?? [],
      buildArgs: [],
      cwd: directory,
      user: '0:0',
      mounts: [],
      network,
      script: undefined,
      insecure: false,
      devices: [],
    },
    onOutput: (stream, data) => onEvent({ kind: 'output', step, stream, data }),
    onUnpack: (current, total) => onEvent({ kind: 'progress', step, what: 'unpack', current, total }),
    onDecided: () => undefined,
    onNetwork: (use) => onEvent({ kind: 'network', step, use }),
  })
}

/** Steps carry the instruction that they come from; this one is what the script would be in a Dockerfile. */
function instructionOf(script: string): RunInstruction {
  const { stages } = parseDockerfile(`FROM scratch\nRUN ${script.replaceAll('\n', ' ')}`, { file: 'package.json' })
  const found = stages[0]?.instructions.find((instruction) => instruction.kind === 'run')
  if (found === undefined) throw new TypeError('a RUN is parsed as a RUN')
  return found
}

/** A layer with what another has of some paths; deleted files and what is above the paths are left out. */
export async function filterLayer(
  session: BuildSession,
  layer: Descriptor,
  { name, keeps }: { readonly name: string; readonly keeps: (path: string) => boolean },
): Promise<Descriptor> {
  const key = cacheKey(['node filter', stepVersion, name, layer.digest])
  const known = await session.cache.find(key)
  if (known !== undefined) return known.layer
  const { store } = session.ports
  const { signal } = session.options
  const made = await store.ingest(writeTar(entries(store.path(layer.digest), keeps)), {
    mediaType: MediaType.layerTar,
    signal,
  })
  session.cache.record([key], { layer: made, instruction: name })
  return made
}

async function* entries(path: string, keeps: (path: string) => boolean): AsyncGenerator<TarInput> {
  for await (const entry of readTar(createReadStream(path, { highWaterMark: 1 << 20 }))) {
    const inner = normalizeEntryPath(entry.header.path)
    if (whiteoutOf(inner) === undefined && keeps(inner)) yield entry
  }
}
