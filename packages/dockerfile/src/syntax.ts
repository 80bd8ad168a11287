import type { Heredoc } from './heredoc.ts'
import type { Rule } from './lint/rules.ts'
import type { Range, Text } from './range.ts'

/** What every instruction has. */
interface InstructionBase {
  /** From the keyword to the end of the last continued line or heredoc. */
  readonly range: Range
  readonly keyword: Range
  /** The instruction on one line, continuations joined, as written. */
  readonly written: string
  /** Comments on the lines directly above, without `#`. */
  readonly comments: readonly string[]
}

/** A command: words to execute, or a line for the shell. */
export type CommandLine =
  | { readonly form: 'exec'; readonly words: readonly string[]; readonly range: Range }
  | { readonly form: 'shell'; readonly text: string; readonly range: Range }

/** A name with a value, both unexpanded. */
export interface Pair {
  readonly name: Text
  readonly value: Text
}

/** `FROM [--platform=P] IMAGE [AS NAME]`; the name is in lower case. */
export interface FromInstruction extends InstructionBase {
  readonly kind: 'from'
  readonly image: Text
  readonly name: Text | undefined
  readonly platform: Text | undefined
}

/** `ARG NAME[=DEFAULT]...` */
export interface ArgInstruction extends InstructionBase {
  readonly kind: 'arg'
  readonly args: readonly { readonly name: Text; readonly value: Text | undefined }[]
}

/** `ENV NAME=VALUE...` or `LABEL NAME=VALUE...`; the old form `ENV NAME VALUE` has one pair. */
export interface PairsInstruction extends InstructionBase {
  readonly kind: 'env' | 'label'
  readonly pairs: readonly Pair[]
}

/** `WORKDIR PATH`, `USER NAME`, `STOPSIGNAL SIGNAL`, `MAINTAINER NAME`: one argument, which may contain blanks. */
export interface TextInstruction extends InstructionBase {
  readonly kind: 'workdir' | 'user' | 'stopsignal' | 'maintainer'
  readonly argument: Text
}

/** `EXPOSE PORT...` or `VOLUME PATH...` */
export interface ListInstruction extends InstructionBase {
  readonly kind: 'expose' | 'volume'
  readonly arguments: readonly Text[]
}

/** A source of COPY or ADD: a path in the context (for ADD perhaps an address), or a heredoc that becomes a file. */
export type CopySource =
  | { readonly kind: 'path'; readonly path: Text }
  | { readonly kind: 'heredoc'; readonly heredoc: Heredoc }

/** What COPY and ADD have in common. */
interface FilesInstruction extends InstructionBase {
  readonly sources: readonly CopySource[]
  readonly destination: Text
  readonly chown: Text | undefined
  readonly chmod: Text | undefined
  /** A layer of its own, which knows nothing of those below it. */
  readonly link: boolean
  /** Patterns of what is left out, as an ignore file has them. */
  readonly excludes: readonly Text[]
}

/** `COPY [--from=F] [--chown=O] [--chmod=M] [--link] [--parents] [--exclude=P]... SOURCE... DESTINATION` */
export interface CopyInstruction extends FilesInstruction {
  readonly kind: 'copy'
  readonly from: Text | undefined
  readonly parents: boolean
}

/** `ADD [--chown=O] [--chmod=M] [--link] [--exclude=P]... [--checksum=D] [--keep-git-dir] [--unpack] SOURCE... DESTINATION` */
export interface AddInstruction extends FilesInstruction {
  readonly kind: 'add'
  readonly checksum: Text | undefined
  /** `undefined` when not given: then the address may say it. */
  readonly keepGitDir: boolean | undefined
  /** `undefined` when not given: local archives are unpacked then, and downloaded ones are not. */
  readonly unpack: boolean | undefined
}

/** One `--mount` of RUN: its fields as written, in order, keys in lower case. See `resolveMount`. */
export interface RunMount {
  readonly range: Range
  readonly fields: readonly { readonly key: string; readonly value: string | undefined }[]
}

/** `RUN [--mount=M]... [--network=N] [--security=S] [--device=D]... COMMAND`; heredocs belong to the shell form only. */
export interface RunInstruction extends InstructionBase {
  readonly kind: 'run'
  readonly command: CommandLine
  readonly heredocs: readonly Heredoc[]
  readonly mounts: readonly RunMount[]
  readonly network: 'default' | 'none' | 'host'
  readonly security: 'sandbox' | 'insecure'
  readonly devices: readonly { readonly name: string; readonly required: boolean; readonly range: Range }[]
}

/** `ONBUILD INSTRUCTION`: what a build that starts from this image does first. */
export interface OnbuildInstruction extends InstructionBase {
  readonly kind: 'onbuild'
  /** The instruction as images carry it: on one line, followed by the bodies of its heredocs. */
  readonly trigger: string
  readonly instruction: Exclude<StageInstruction, OnbuildInstruction>
}

/** `CMD COMMAND` or `ENTRYPOINT COMMAND` */
export interface CommandInstruction extends InstructionBase {
  readonly kind: 'cmd' | 'entrypoint'
  readonly command: CommandLine
}

/** `SHELL ["EXECUTABLE", "ARGUMENT"...]` */
export interface ShellInstruction extends InstructionBase {
  readonly kind: 'shell'
  readonly words: readonly string[]
}

/** `HEALTHCHECK NONE` or `HEALTHCHECK [FLAGS] CMD COMMAND`; durations are nanoseconds, 0 when not given. */
export interface HealthcheckInstruction extends InstructionBase {
  readonly kind: 'healthcheck'
  readonly command: CommandLine | undefined
  readonly interval: number
  readonly timeout: number
  readonly startPeriod: number
  readonly startInterval: number
  readonly retries: number
}

/** Whatever stands in a stage after its FROM. */
export type StageInstruction =
  | ArgInstruction
  | PairsInstruction
  | TextInstruction
  | ListInstruction
  | CopyInstruction
  | AddInstruction
  | RunInstruction
  | CommandInstruction
  | ShellInstruction
  | HealthcheckInstruction
  | OnbuildInstruction

/** Any instruction. */
export type Instruction = FromInstruction | StageInstruction

/** One stage: a FROM and what follows it. */
export interface Stage {
  /** Position among the stages, from 0. */
  readonly index: number
  readonly name: string | undefined
  readonly from: FromInstruction
  readonly instructions: readonly StageInstruction[]
}

/** What may stand in comments at the very top. `syntax` and `check` are kept as written. */
export interface Directives {
  readonly syntax: string | undefined
  readonly escape: '\\' | '`'
  readonly check: string | undefined
}

/** Something that works but is better written otherwise; `rule` is BuildKit's name for it. */
export interface Warning {
  readonly rule: Rule
  readonly message: string
  readonly range: Range
}

/** A parsed Dockerfile. */
export interface Dockerfile {
  readonly file: string
  readonly source: string
  readonly directives: Directives
  /** ARGs before the first FROM. */
  readonly globals: readonly ArgInstruction[]
  readonly stages: readonly Stage[]
  readonly warnings: readonly Warning[]
}
