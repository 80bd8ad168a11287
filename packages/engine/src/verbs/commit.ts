import type { ContainerConfig, Digest } from '@gantry/oci'
import type { Context } from '../context.ts'
import type { ContainerRecord } from '../container/record.ts'
import { containerEvent } from '../events/container-event.ts'
import { applyChanges } from '../images/apply-changes.ts'
import { pause, unpause } from './pause.ts'

/** How a container becomes an image. */
export interface CommitOptions {
  /** Absent: the image is named after its id. */
  readonly name?: string
  readonly author?: string
  readonly comment?: string
  /** Dockerfile instructions for the configuration. */
  readonly changes?: readonly string[]
  /** Stops its processes while its files are read. Default: true. */
  readonly pause?: boolean
}

/** Makes an image of a container: its own, a layer of what it changed (volumes are not part of it), and its configuration with changes.
 * Answers the id of the image. @throws EngineError CONTAINER_UNKNOWN, SPEC_INVALID, IMAGE_UNKNOWN; DockerfileError */
export async function commit(context: Context, reference: string, options: CommitOptions = {}): Promise<Digest> {
  const record = context.containers.find(reference)
  const { id, image, spec } = record
  const config = applyChanges(configOf(record), options.changes ?? [])
  const stops = (options.pause ?? true) && record.status === 'running'
  if (stops) await pause(context, id)
  try {
    const made = await context.images.commit({
      base: image.manifest,
      layer: context.snapshots.diff(id),
      config,
      createdBy: [...spec.entrypoint, ...spec.command].join(' '),
      created: context.clock.now(),
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.author === undefined ? {} : { author: options.author }),
      ...(options.comment === undefined ? {} : { comment: options.comment }),
    })
    context.events.emit(containerEvent(record, 'commit', { comment: options.comment ?? '', imageID: made }))
    return made
  } finally {
    if (stops) await unpauseIfPaused(context, id)
  }
}

async function unpauseIfPaused(context: Context, id: string): Promise<void> {
  // It may have been killed or gone on meanwhile.
  if (context.containers.get(id)?.status === 'paused') await unpause(context, id)
}

/** What of a container an image can say. */
function configOf({ spec }: ContainerRecord): ContainerConfig {
  const { health } = spec
  const volumes = spec.mounts.flatMap((mount) => (mount.type === 'volume' && mount.anonymous ? [mount.target] : []))
  return {
    ...(spec.user === '' ? {} : { User: spec.user }),
    ...(spec.exposed.length === 0 ? {} : { ExposedPorts: Object.fromEntries(spec.exposed.map((port) => [port, {}])) }),
    Env: spec.env.filter((each) => !each.startsWith('HOSTNAME=') && !(spec.terminal && each === 'TERM=xterm')),
    ...(spec.entrypoint.length === 0 ? {} : { Entrypoint: spec.entrypoint }),
    ...(spec.command.length === 0 ? {} : { Cmd: spec.command }),
    ...(volumes.length === 0 ? {} : { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) }),
    WorkingDir: spec.workingDirectory,
    ...(Object.keys(spec.labels).length === 0 ? {} : { Labels: spec.labels }),
    StopSignal: spec.stopSignal,
    ...(spec.shell === undefined ? {} : { Shell: spec.shell }),
    ...(health === undefined
      ? {}
      : {
          Healthcheck: {
            Test: health.test,
            Interval: health.interval * 1e6,
            Timeout: health.timeout * 1e6,
            StartPeriod: health.startPeriod * 1e6,
            StartInterval: health.startInterval * 1e6,
            Retries: health.retries,
          },
        }),
  }
}
