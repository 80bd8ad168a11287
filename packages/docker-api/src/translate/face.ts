import type { ContainerConfig, HostConfig } from '@gantry/client'
import type { ContainerSpec } from '@gantry/engine'

/** What the API keeps with a container to show it again as it was asked for. */
export interface Face {
  readonly config: Pick<ContainerConfig, 'AttachStdin' | 'AttachStdout' | 'AttachStderr' | 'Volumes'>
  readonly hostConfig: HostConfig
}

/** What was kept; a container that was not made over the API has nothing. */
export function faceOf({ face }: Pick<ContainerSpec, 'face'>): Face {
  return { config: {}, hostConfig: {}, ...(face as Partial<Face> | undefined) }
}

/** Leaves out what says nothing: null, false, 0, empty texts, lists and objects. */
export function withoutBlanks<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => !isBlank(each))) as Partial<T>
}

/** Whether a value is what Docker's clients send where nothing was asked for. */
export function isBlank(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '' || value === -1)
    return true
  if (Array.isArray(value)) return value.every(isBlank)
  return typeof value === 'object' && Object.values(value).every(isBlank)
}
