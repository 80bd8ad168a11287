import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { EnginePorts } from '@gantry/engine'
import { directoryTar } from '@gantry/snapshot'

/** Snapshots that are plain directories, made from one template; nothing is mounted. */
export function fakeSnapshots(options: { root: string; template: string }): EnginePorts['snapshots'] & {
  readonly keys: readonly string[]
} {
  const keys = new Set<string>()
  const paths = (key: string): ReturnType<EnginePorts['snapshots']['paths']> => {
    const upper = join(options.root, key)
    return { key, rootfs: upper, mapped: upper, upper }
  }
  return {
    prepare: async (key) => {
      keys.add(key)
      cpSync(options.template, paths(key).upper, { recursive: true })
      return paths(key)
    },
    mount: async (key) => paths(key),
    paths,
    remove: async (key) => {
      keys.delete(key)
      rmSync(paths(key).upper, { recursive: true, force: true })
    },
    usage: async () => 0,
    view: async () => ({ rootfs: options.template }),
    list: () => ({
      layers: [],
      snapshots: [...keys].map((key) => ({ key, parent: undefined, created: 0 })),
    }),
    diff: (key) => directoryTar(paths(key).upper),
    get keys() {
      mkdirSync(options.root, { recursive: true })
      return [...keys]
    },
  }
}
