import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { RuntimeError } from '../runtime-error.ts'
import type { HookSpec } from '../spec/runtime-spec.ts'
import { readYamlSpec } from './read-yaml-spec.ts'

/** What a specification changes in a container. */
export interface Edits {
  readonly env?: readonly string[]
  readonly deviceNodes?: readonly DeviceNode[]
  readonly mounts?: readonly {
    readonly hostPath: string
    readonly containerPath: string
    readonly options?: readonly string[]
    readonly type?: string
  }[]
  readonly hooks?: readonly (HookSpec & { readonly hookName: string })[]
  readonly additionalGids?: readonly number[]
}

/** A device node; what is not said is as it is on this machine. */
export interface DeviceNode {
  readonly path: string
  readonly hostPath?: string
  readonly major?: number
  readonly minor?: number
  readonly fileMode?: number
  readonly permissions?: string
  readonly uid?: number
  readonly gid?: number
}

/** A file of the Container Device Interface: the devices of one kind. */
export interface DevicesSpec {
  readonly file: string
  readonly kind: string
  readonly containerEdits?: Edits
  readonly devices: readonly { readonly name: string; readonly containerEdits?: Edits }[]
}

/** Reads the specifications in directories, `*.json` and `*.yaml`. @throws RuntimeError DEVICE_SPEC_INVALID */
export function readSpecs(directories: readonly string[]): DevicesSpec[] {
  return directories.flatMap((directory) => {
    let names: string[]
    try {
      names = readdirSync(directory)
    } catch {
      return []
    }
    const files = names.filter((name) => /\.(?:json|yaml)$/.test(name)).toSorted()
    return files.map((name) => readSpec(join(directory, name)))
  })
}

function readSpec(file: string): DevicesSpec {
  let value: unknown
  try {
    const text = readFileSync(file, 'utf8')
    value = file.endsWith('.yaml') ? readYamlSpec(text) : JSON.parse(text)
  } catch (cause) {
    throw unreadable(file, cause instanceof Error ? cause.message : String(cause), cause)
  }
  if (!isObject(value) || typeof value['kind'] !== 'string' || !Array.isArray(value['devices'])) {
    throw unreadable(file, 'it has no "kind" or no "devices"')
  }
  const devices = value['devices'].map((device: unknown) => {
    if (!isObject(device) || typeof device['name'] !== 'string')
      throw unreadable(file, 'it has a device without a name')
    return { name: device['name'], ...editsOf(file, device['containerEdits']) }
  })
  return { file, kind: value['kind'], devices, ...editsOf(file, value['containerEdits']) }
}

type Check = (item: unknown) => boolean

const isText: Check = (item) => typeof item === 'string'
const isNumber: Check = (item) => Number.isSafeInteger(item) && Number(item) >= 0

/** What the members of edits, and of what is in them, have to be. */
const lists: Readonly<Record<string, Check>> = {
  env: (item) => typeof item === 'string' && item.includes('='),
  deviceNodes: (item) =>
    isObject(item) &&
    isText(item['path']) &&
    allAre(item, ['hostPath', 'permissions', 'type'], isText) &&
    allAre(item, ['major', 'minor', 'fileMode', 'uid', 'gid'], isNumber),
  mounts: (item) =>
    isObject(item) &&
    isText(item['hostPath']) &&
    isText(item['containerPath']) &&
    allAre(item, ['type'], isText) &&
    allAre(item, ['options'], (options) => Array.isArray(options) && options.every(isText)),
  additionalGids: isNumber,
  hooks: (item) =>
    isObject(item) &&
    allAre(item, ['hookName', 'path'], isText) &&
    allAre(item, ['args', 'env'], (words) => Array.isArray(words) && words.every(isText)) &&
    allAre(item, ['timeout'], isNumber),
}

function editsOf(file: string, value: unknown): { readonly containerEdits?: Edits } {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) throw unreadable(file, 'it has "containerEdits" that are no object')
  const known = Object.entries(lists).flatMap(([key, isRight]) => {
    const items = value[key]
    if (items === undefined || items === null) return []
    if (!Array.isArray(items) || !items.every(isRight)) throw unreadable(file, `its "${key}" is malformed`)
    return [[key, items] as const]
  })
  return { containerEdits: Object.fromEntries(known) }
}

function allAre(item: Readonly<Record<string, unknown>>, keys: readonly string[], isRight: Check): boolean {
  return keys.every((key) => item[key] === undefined || isRight(item[key]))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unreadable(file: string, why: string, cause?: unknown): RuntimeError {
  return new RuntimeError('DEVICE_SPEC_INVALID', `Cannot read "${file}" as a specification of devices: ${why}`, {
    cause,
  })
}
