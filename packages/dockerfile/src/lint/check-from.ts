import { isReference, isPlatform } from './known-forms.ts'
import { expandText, globalScope } from '../scope.ts'
import { DockerfileError } from '../error.ts'
import { suggest } from '../suggest.ts'
import type { Dockerfile, FromInstruction } from '../syntax.ts'
import type { LintFile } from './lint-file.ts'

/** Looks at the images and platforms of FROM. */
export function checkFrom(file: LintFile): void {
  const { dockerfile, options } = file
  const { automatic = new Map(), buildArgs = new Map() } = options
  const declared = declaredArgs(dockerfile, automatic)
  const known = new Map([...declared].map((name): [string, string] => [name, 'x']))
  const defaults = scopeOf(dockerfile, automatic)
  for (const { from } of dockerfile.stages) {
    for (const text of [from.image, from.platform]) {
      if (text === undefined) continue
      for (const name of unsetIn(dockerfile, text, known)) {
        if (buildArgs.has(name) && declared.has(name)) continue
        const near = suggest(name, declared)
        const advice = near === undefined ? '' : ` (did you mean $${near}?)`
        file.report('UndefinedArgInFrom', `no ARG before the first FROM declares $${name}${advice}`, text.range, from)
      }
    }
    checkPlatform(file, from)
    if (defaults === undefined || !from.image.text.includes('$')) continue
    const image = valueOf(dockerfile, from, defaults)
    if (image !== undefined && !isReference(image)) {
      const message = `with the defaults of its ARGs, "${from.image.text}" is ${image === '' ? 'empty' : `"${image}"`}, which is no image`
      file.report('InvalidDefaultArgInFrom', message, from.image.range, from)
    }
  }
}

function declaredArgs(dockerfile: Dockerfile, automatic: ReadonlyMap<string, string>): Set<string> {
  const names = dockerfile.globals.flatMap(({ args }) => args.map(({ name }) => name.text))
  return new Set([...automatic.keys(), ...names])
}

function checkPlatform({ dockerfile, report }: LintFile, from: FromInstruction): void {
  const { platform } = from
  if (platform === undefined) return
  if (/^\$(?:TARGETPLATFORM|\{TARGETPLATFORM\})$/.test(platform.text)) {
    report('RedundantTargetPlatform', `FROM is for ${platform.text} without --platform`, platform.range, from)
    return
  }
  const { used, unset, value } = expandText(dockerfile, platform, new Map())
  if (used.size > 0 || unset.size > 0 || platform.text.includes('$') || !isPlatform(value)) return
  const [os = '', architecture = ''] = value.split('/')
  // A stage for each platform is meant so when its name says it.
  const name = from.name?.text ?? ''
  if ((os !== '' && name.includes(os)) || (architecture !== '' && name.includes(architecture))) return
  const message = `--platform=${value} makes the stage the same for every target; use $BUILDPLATFORM, or name the stage after it`
  report('FromPlatformFlagConstDisallowed', message, platform.range, from)
}

function unsetIn(dockerfile: Dockerfile, text: FromInstruction['image'], known: ReadonlyMap<string, string>): string[] {
  return quietly(() => [...expandText(dockerfile, text, known).unset]) ?? []
}

function scopeOf(
  dockerfile: Dockerfile,
  automatic: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> | undefined {
  return quietly(() => globalScope(dockerfile, { automatic, buildArgs: new Map() }))
}

function valueOf(
  dockerfile: Dockerfile,
  from: FromInstruction,
  scope: ReadonlyMap<string, string>,
): string | undefined {
  return quietly(() => expandText(dockerfile, from.image, scope).value)
}

/** What cannot be expanded is the build's to refuse. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof DockerfileError) return undefined
    throw error
  }
}
