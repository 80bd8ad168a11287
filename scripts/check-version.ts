import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { top, type SourceFile } from './source-files.ts'

/** Finds `version` constants that are not the version of the published package; a program cannot afford to read package.json. */
export function checkVersion(files: readonly SourceFile[]): string[] {
  const manifest = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as { readonly version: string }
  return files
    .filter((file) => file.path.endsWith('/version.ts'))
    .flatMap((file) => {
      const found = /export const version = '([^']+)'/.exec(file.text)?.[1]
      return found === undefined || found === manifest.version
        ? []
        : [`${file.path}: says version ${found}, and package.json says ${manifest.version}`]
    })
}
