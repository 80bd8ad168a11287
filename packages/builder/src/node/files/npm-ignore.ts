import { type IgnoreMatcher, parseIgnoreFile } from '@gantry/dockerfile'

/** A `.npmignore`, which is written as a `.gitignore`: a pattern without a slash means any depth. @throws DockerfileError */
export function parseNpmIgnore(text: string, file: string): IgnoreMatcher {
  const lines = text.split(/\r?\n/).map((line) => {
    const written = line.trimEnd()
    if (written === '' || written.startsWith('#')) return ''
    const exception = written.startsWith('!')
    const pattern = (exception ? written.slice(1) : written).replace(/\/+$/, '')
    const anchored = pattern.slice(0, -1).includes('/')
    return `${exception ? '!' : ''}${anchored ? pattern.replace(/^\//, '') : `**/${pattern}`}`
  })
  return parseIgnoreFile(lines.join('\n'), { file })
}

/** The list `files` of a `package.json`: its patterns start at the package. @throws DockerfileError */
export function parseFileList(patterns: readonly string[], file: string): IgnoreMatcher {
  const clean = patterns.map((pattern) => {
    const exception = pattern.startsWith('!')
    const path = (exception ? pattern.slice(1) : pattern).replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '')
    return `${exception ? '!' : ''}${path === '' || path === '.' ? '**' : path.replace(/^#/, '[#]')}`
  })
  return parseIgnoreFile(clean.join('\n'), { file })
}
