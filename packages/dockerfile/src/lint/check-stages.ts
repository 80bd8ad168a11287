import { classifySource } from '../add-source.ts'
import { cleanPath } from '../clean-path.ts'
import type { AddInstruction, CopyInstruction, Stage, StageInstruction } from '../syntax.ts'
import type { LintFile } from './lint-file.ts'

/** What a stage leaves to the stages that start from it. */
interface StageFacts {
  /** A WORKDIR made the directory absolute. */
  readonly hasDirectory: boolean
  readonly hasShell: boolean
}

/** Looks at the instructions of each stage, one after the other. */
export function checkStages(file: LintFile): void {
  const facts = new Map<string, StageFacts>()
  for (const stage of file.dockerfile.stages) {
    const below = facts.get(stage.from.image.text.toLowerCase())
    const found = checkStage(file, stage, below ?? { hasDirectory: false, hasShell: false })
    if (stage.name !== undefined) facts.set(stage.name, found)
  }
}

const single = new Set<StageInstruction['kind']>(['cmd', 'entrypoint', 'healthcheck'])

function checkStage(file: LintFile, stage: Stage, below: StageFacts): StageFacts {
  const { report } = file
  let { hasDirectory, hasShell } = below
  const last = new Map<string, StageInstruction>()
  for (const at of stage.instructions) {
    if (single.has(at.kind)) {
      const before = last.get(at.kind)
      if (before !== undefined) {
        const message = `a ${at.kind.toUpperCase()} further down takes the place of this one`
        report('MultipleInstructionsDisallowed', message, before.range, before)
      }
      last.set(at.kind, at)
    }
    switch (at.kind) {
      case 'shell':
        hasShell = true
        break
      case 'cmd':
      case 'entrypoint':
        if (at.command.form === 'shell' && !hasShell) {
          const message = `write ${at.kind.toUpperCase()} as a JSON array, so that the program and not a shell gets signals`
          report('JSONArgsRecommended', message, at.range, at)
        }
        break
      case 'workdir':
        if (at.argument.text.startsWith('/') || at.argument.text.startsWith('$')) hasDirectory = true
        else if (!hasDirectory) {
          const message = `"${at.argument.text}" depends on the directory that the base image is in; write an absolute path`
          report('WorkdirRelativePath', message, at.argument.range, at)
        }
        break
      case 'expose':
        checkPorts(file, at.arguments, at)
        break
      case 'arg':
        for (const { name } of at.args) checkSecret(file, 'ARG', name, at)
        break
      case 'env':
        for (const { name } of at.pairs) checkSecret(file, 'ENV', name, at)
        break
      case 'copy':
      case 'add':
        checkSources(file, at)
        break
      default:
    }
  }
  return { hasDirectory, hasShell }
}

function checkPorts(
  { report }: LintFile,
  ports: readonly { readonly text: string; readonly range: StageInstruction['range'] }[],
  at: StageInstruction,
): void {
  for (const { text, range } of ports) {
    const [, protocol = ''] = text.split('/')
    if (!text.includes('$') && protocol !== protocol.toLowerCase()) {
      report('ExposeProtoCasing', `the protocol of "${text}" is not in lower case`, range, at)
    }
    if (!text.includes('$') && text.includes(':')) {
      const message = `"${text}" names an address or a port of the host, which EXPOSE has no use for`
      report('ExposeInvalidFormat', message, range, at)
    }
  }
}

const secret = /(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i
const harmless = /(?:^|_)(?:public|file|version)(?:_|$)/i

function checkSecret(
  { report }: LintFile,
  keyword: string,
  { text, range }: { readonly text: string; readonly range: StageInstruction['range'] },
  at: StageInstruction,
): void {
  if (!secret.test(text) || harmless.test(text)) return
  const message = `${keyword} ${text} can be read by everybody who has the image; use RUN --mount=type=secret`
  report('SecretsUsedInArgOrEnv', message, range, at)
}

function checkSources({ options, report }: LintFile, at: CopyInstruction | AddInstruction): void {
  if (options.ignore === undefined || (at.kind === 'copy' && at.from !== undefined)) return
  for (const source of at.sources) {
    if (source.kind !== 'path' || /[$*?[\\]/.test(source.path.text)) continue
    if (at.kind === 'add' && classifySource(source.path.text).kind !== 'local') continue
    const path = cleanPath(`/${source.path.text}`).slice(1)
    if (path === '' || !options.ignore.ignores(path)) continue
    report('CopyIgnoredFile', `the ignore file leaves "${source.path.text}" out of the context`, source.path.range, at)
  }
}
