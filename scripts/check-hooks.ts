import type { SourceFile } from './source-files.ts'

/** Finds hooks outside of `describe` in unit tests: those run in one process, where such a hook is every file's. */
export function checkHooks(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => path.endsWith('.test.ts') && !path.endsWith('.linux.test.ts'))
    .flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, index) =>
          /^(before|after)Each\(/.test(line)
            ? [`${path}:${String(index + 1)}: a hook for the tests of all files; put it into a describe()`]
            : [],
        ),
    )
}
