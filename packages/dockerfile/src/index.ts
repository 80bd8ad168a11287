export { type AddressMistake, type AddSource, classifySource, type GitSource, parseGitSource } from './add-source.ts'
export { type Check, checkDockerfile } from './lint/check-dockerfile.ts'
export { type CheckSettings, parseCheckSettings } from './lint/check-settings.ts'
export type { CheckOptions } from './lint/lint-file.ts'
export { type Rule, rules } from './lint/rules.ts'
export { cleanPath, joinPath } from './clean-path.ts'
export { renderDiagnostic, type Diagnostic } from './diagnostic.ts'
export { formatDuration, parseDuration } from './duration.ts'
export { DockerfileError, type DockerfileErrorCode, type DockerfileErrorDetails } from './error.ts'
export { expand, type ExpandOptions, type Expansion, ExpansionError } from './expand.ts'
export { heredocBody, type Heredoc, type HeredocWord, parseHeredocWord } from './heredoc.ts'
export { parseIgnoreFile, type IgnoreMatcher, type IgnoreState, type IgnoreVerdict } from './ignore.ts'
export { type ModeChange, parseMode } from './mode.ts'
export { type Mount, type MountMistake, type MountScope, resolveMount } from './mount.ts'
export { listTargets, type Outline, type OutlineArg, type OutlineNeed, outlineOf, type TargetInfo } from './outline.ts'
export { largestDockerfile, parseDockerfile, parseTrigger } from './parse.ts'
export { parsePathPattern, type PathPattern } from './path-pattern.ts'
export type { Position, Range, Text } from './range.ts'
export { expandBody, expandText, globalScope, type GlobalScopeOptions, proxyArgs, type Variables } from './scope.ts'
export {
  type NamedContext,
  resolveStages,
  type ResolvedStage,
  type StageGraph,
  type StageOptions,
  type StageSource,
} from './stages.ts'
export { suggest } from './suggest.ts'
export type {
  AddInstruction,
  ArgInstruction,
  CommandInstruction,
  CommandLine,
  CopyInstruction,
  CopySource,
  Directives,
  Dockerfile,
  FromInstruction,
  HealthcheckInstruction,
  Instruction,
  ListInstruction,
  OnbuildInstruction,
  Pair,
  PairsInstruction,
  RunInstruction,
  RunMount,
  ShellInstruction,
  Stage,
  StageInstruction,
  TextInstruction,
  Warning,
} from './syntax.ts'
