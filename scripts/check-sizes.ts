import type { SourceFile } from './source-files.ts'

const limit = 500

/** Files that may be longer, each with the reason. */
const allowed: Readonly<Record<string, string>> = {}

/** Finds sources of more than 500 lines that the list above does not allow, and entries that allow nothing. */
export function checkSizes(files: readonly SourceFile[]): string[] {
  const long = files.filter((file) => lines(file) > limit)
  return [
    ...long
      .filter((file) => allowed[file.path] === undefined)
      .map(
        (file) => `${file.path}: ${lines(file)} lines, more than ${limit}; split it by verb, or allow it with a reason`,
      ),
    ...Object.keys(allowed)
      .filter((path) => !long.some((file) => file.path === path))
      .map((path) => `${path}: allowed to be long, but it is not; remove it from scripts/check-sizes.ts`),
  ]
}

function lines(file: SourceFile): number {
  return file.text.split('\n').length - 1
}
