import type { AptSession } from './apt-session.ts'
import { openAptSession } from './apt-session.ts'
import type { BaseName } from './base-event.ts'
import type { BaseOptions, BasePorts } from './base-ports.ts'
import type { PackageSources } from './choose-sources.ts'
import { architectureNames, type ArchitectureNames } from './debian-architecture.ts'
import { readHostSources } from './read-host-sources.ts'

/** One build of a base image under way: what it was asked for, and where its packages come from. */
export interface BaseBuild {
  readonly name: BaseName
  readonly reference: string
  readonly options: BaseOptions
  readonly ports: BasePorts
  readonly architecture: ArchitectureNames
  /** Tells what is being done now. */
  step(message: string): void
  /** Passes on what a program wrote. */
  output(line: string): void
}

/** Options for what takes a signal. */
export function signalOf(build: BaseBuild): { signal?: AbortSignal } {
  return build.options.signal === undefined ? {} : { signal: build.options.signal }
}

/** Begins a build; nothing is read or written yet. */
export function baseBuild(name: BaseName, options: BaseOptions, ports: BasePorts): BaseBuild {
  return {
    name,
    reference: options.tag ?? `localhost/${name}:latest`,
    options,
    ports,
    architecture: architectureNames(),
    step: (message) => options.onEvent?.({ kind: 'base-step', name, message }),
    output: (line) => options.onEvent?.({ kind: 'base-output', name, line }),
  }
}

/** Opens APT on the distribution that the build takes its packages from, with fresh lists. */
export async function openPackages(build: BaseBuild): Promise<{ sources: PackageSources; apt: AptSession }> {
  const { mirror, suite } = build.options
  const sources = await readHostSources({
    ...(mirror === undefined ? {} : { mirror }),
    ...(suite === undefined ? {} : { suite }),
  })
  const { id, codename } = sources.distribution
  build.step(`reading the package lists of ${id} ${codename}`)
  const apt = await openAptSession({
    directory: build.ports.directory,
    purpose: build.name,
    architecture: build.architecture.debian,
    repositories: sources.repositories,
    ...signalOf(build),
  })
  await apt.update()
  return { sources, apt }
}
