import { existsSync } from 'node:fs'

/**
 * Where a worker's entry file is: beside the source that asks for it (`<name>.ts`), or, when the program is a bundle,
 * in the nearest folder above that holds `<name>.js`.
 * @param name the entry's file name without extension, such as `unpack-worker`
 * @param from the caller's `import.meta.url`
 */
export function workerUrl(name: string, from: string): URL {
  if (from.endsWith('.ts')) return new URL(`./${name}.ts`, from)
  let folder = new URL('./', from)
  for (let depth = 0; depth < 4; depth++) {
    const candidate = new URL(`${name}.js`, folder)
    if (existsSync(candidate)) return candidate
    folder = new URL('../', folder)
  }
  return new URL(`./${name}.js`, from)
}
