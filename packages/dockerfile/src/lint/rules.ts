/**
 * What is looked for in a Dockerfile that works but is better written otherwise. The names are BuildKit's
 * (https://docs.docker.com/reference/build-checks/), so that skip comments mean the same.
 */
export const rules = {
  ConsistentInstructionCasing: 'Instructions are all in upper case, or all in lower case',
  CopyIgnoredFile: 'COPY and ADD cannot take what the ignore file leaves out',
  DuplicateStageName: 'Every stage has a name of its own',
  ExposeInvalidFormat: 'EXPOSE names ports, not addresses and mappings',
  ExposeProtoCasing: 'Protocols of EXPOSE are in lower case',
  FromAsCasing: 'FROM and AS are written in the same case',
  FromPlatformFlagConstDisallowed: 'FROM --platform is not a constant',
  InvalidBaseImagePlatform: 'The base image is for the platform that was asked for',
  InvalidDefaultArgInFrom: 'With the defaults of its ARGs, FROM names an image',
  InvalidDefinitionDescription: 'A comment above ARG or FROM begins with the name that it describes',
  JSONArgsRecommended: 'CMD and ENTRYPOINT are in the exec form, so that the program gets signals',
  LegacyKeyValueFormat: 'ENV and LABEL are written NAME=VALUE',
  MaintainerDeprecated: 'A label says who maintains an image, not MAINTAINER',
  MultipleInstructionsDisallowed: 'A stage has one CMD, one ENTRYPOINT and one HEALTHCHECK',
  NoEmptyContinuation: 'No empty line inside of a continued instruction',
  RedundantTargetPlatform: 'FROM is for the target platform without being told',
  ReservedStageName: 'No stage is called "scratch" or "context"',
  SecretsUsedInArgOrEnv: 'Secrets are mounted; ARG and ENV are there for everybody to read',
  StageNameCasing: 'Names of stages are in lower case',
  UndefinedArgInFrom: 'FROM uses only ARGs that stand before the first FROM',
  UndefinedVar: 'Variables are declared before they are used',
  WorkdirRelativePath: 'The first WORKDIR of a stage is absolute',
} as const

/** The name of a rule. */
export type Rule = keyof typeof rules

/** Rules that are looked at only when they are asked for. */
export const experimentalRules: ReadonlySet<Rule> = new Set<Rule>(['InvalidDefinitionDescription'])
