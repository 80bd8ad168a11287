import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The top folder of the checkout. */
export const top: string = join(import.meta.dirname, '..')

/** A TypeScript file of this project: its path below the top folder and its text. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** Every TypeScript source of the packages and scripts, tests included, in path order. */
export function sourceFiles(): SourceFile[] {
  return globSync(['packages/*/src/**/*.ts', 'scripts/**/*.ts'], { cwd: top })
    .filter((path) => !path.includes('/testdata/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(top, path), 'utf8') }))
}

/** The package a source belongs to (`packages/oci/src/x.ts` is `oci`), or undefined for scripts. */
export function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1]
}

/** Whether a source is a test, which may look at more than what ships. */
export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/src/test/') || path.startsWith('packages/testing/')
}
