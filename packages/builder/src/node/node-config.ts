import { posix } from 'node:path'
import type { HistoryEntry, ImageConfig } from '@gantry/oci'
import { setEnv, type StageState, stateFromImage } from '../plan/stage-state.ts'
import type { Entrypoint } from './entrypoint.ts'
import type { ProjectManifest } from './project-manifest.ts'
import type { NodeSettings } from './settings.ts'
import { signalsPath } from './signals-module.ts'

/** What an image's config is made from. */
export interface NodeConfigInput {
  readonly base: ImageConfig
  readonly manifest: ProjectManifest
  readonly settings: NodeSettings
  readonly entrypoint: Entrypoint
  /** The package's directory, relative to the project's. */
  readonly directory: string
  /** One for each layer on top of the base. */
  readonly layers: readonly string[]
  readonly created: string
}

/** The config of an image: exec form, not root, `NODE_ENV=production`; what the settings say wins. */
export function nodeConfig(input: NodeConfigInput): StageState {
  const { base, settings, entrypoint, manifest, created } = input
  const state = stateFromImage(base)
  const { config } = state
  setEnv(state, 'NODE_ENV', 'production')
  for (const [name, value] of entrypoint.env) setEnv(state, name, value)
  for (const [name, value] of settings.env) setEnv(state, name, value)
  config.WorkingDir = posix.join(settings.directory, input.directory)
  config.User = settings.user
  config.Entrypoint = commandOf(entrypoint, settings)
  if (entrypoint.arguments.length > 0) config.Cmd = [...entrypoint.arguments]
  else delete config.Cmd
  config.Labels = { ...config.Labels, ...labelsOf(manifest), ...Object.fromEntries(settings.labels) }
  if (settings.expose.length > 0) {
    config.ExposedPorts = { ...config.ExposedPorts, ...Object.fromEntries(settings.expose.map((port) => [port, {}])) }
  }
  if (settings.healthcheck !== undefined) config.Healthcheck = settings.healthcheck
  if (settings.stopSignal !== undefined) config.StopSignal = settings.stopSignal
  const comment = 'gantry.node.v0'
  const made = input.layers.map((text): HistoryEntry => ({
    created,
    created_by: `gantry build --node # ${text}`,
    comment,
  }))
  state.history.push(...made)
  return state
}

function commandOf(entrypoint: Entrypoint, settings: NodeSettings): readonly string[] {
  if (entrypoint.command !== undefined) return entrypoint.command
  const signals = settings.signals ? [`--require=${posix.join(settings.directory, signalsPath)}`] : []
  return ['node', ...signals, ...entrypoint.options, entrypoint.file ?? '.']
}

function labelsOf({ name, version, description, license, repository }: ProjectManifest): Record<string, string> {
  const source = repository?.replace(/^git\+/, '').replace(/\.git$/, '')
  const labels = { title: name || undefined, version, description, licenses: license, source }
  return Object.fromEntries(
    Object.entries(labels).flatMap(([key, value]) =>
      value === undefined ? [] : [[`org.opencontainers.image.${key}`, value]],
    ),
  )
}
