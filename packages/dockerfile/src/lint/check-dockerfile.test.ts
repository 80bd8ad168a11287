import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIgnoreFile } from '../ignore.ts'
import { parseDockerfile } from '../parse.ts'
import { checkDockerfile } from './check-dockerfile.ts'
import { parseCheckSettings } from './check-settings.ts'
import { rules } from './rules.ts'

const automatic = new Map(
  ['TARGETPLATFORM', 'BUILDPLATFORM', 'TARGETARCH'].map((name): [string, string] => [name, 'x']),
)
const ignore = parseIgnoreFile('secret\n*.log\n!keep.log')

/** `rule:line` of each finding. */
const found = (text: string): string[] =>
  checkDockerfile(parseDockerfile(text), { automatic, ignore }).warnings.map(
    ({ rule, range }) => `${rule}:${range.start.line}`,
  )

const rows: readonly (readonly [text: string, findings: readonly string[]])[] = [
  ['FROM a\nCMD ["x"]', []],
  ['FROM a as b', ['FromAsCasing:1']],
  ['from a as b', []],
  ['FROM a AS Build', ['StageNameCasing:1']],
  ['FROM a AS b\nFROM c AS b', ['DuplicateStageName:2']],
  ['FROM a AS scratch', ['ReservedStageName:1']],
  ['FROM a\nrun x\nRUN y', ['ConsistentInstructionCasing:2']],
  ['from a\nrun x\nRUN y', ['ConsistentInstructionCasing:3']],
  ['FROM a\nRun x', ['ConsistentInstructionCasing:2']],
  ['FROM a\nRUN x \\\n\n y', ['NoEmptyContinuation:2']],
  ['FROM a\nENV b c', ['LegacyKeyValueFormat:2']],
  ['FROM a\nMAINTAINER b', ['MaintainerDeprecated:2']],
  ['FROM a\nCMD x', ['JSONArgsRecommended:2']],
  ['FROM a\nENTRYPOINT x', ['JSONArgsRecommended:2']],
  ['FROM a AS b\nSHELL ["c"]\nCMD x\nFROM b\nCMD y', []],
  ['FROM a\nCMD ["x"]\nCMD ["y"]', ['MultipleInstructionsDisallowed:2']],
  ['FROM a\nHEALTHCHECK NONE\nHEALTHCHECK CMD x', ['MultipleInstructionsDisallowed:2']],
  ['FROM a\nWORKDIR b', ['WorkdirRelativePath:2']],
  ['FROM a\nWORKDIR /b\nWORKDIR c', []],
  ['FROM a AS b\nWORKDIR /b\nFROM b\nWORKDIR c', []],
  ['FROM a\nEXPOSE 80/TCP', ['ExposeProtoCasing:2']],
  ['FROM a\nEXPOSE 127.0.0.1:80:80', ['ExposeInvalidFormat:2']],
  ['FROM a\nARG API_TOKEN\nENV db_password=x', ['SecretsUsedInArgOrEnv:2', 'SecretsUsedInArgOrEnv:3']],
  ['FROM a\nARG PUBLIC_KEY\nENV TOKEN_FILE=x\nARG MONKEY', []],
  ['FROM a\nCOPY secret x.log keep.log /b', ['CopyIgnoredFile:2', 'CopyIgnoredFile:2']],
  ['FROM a\nCOPY --from=c secret /b\nADD https://h/x.log /b\nCOPY *.log .', []],
  ['FROM a:$V', ['UndefinedArgInFrom:1', 'InvalidDefaultArgInFrom:1']],
  ['ARG V\nFROM a:$V', ['InvalidDefaultArgInFrom:2']],
  ['ARG V=1\nFROM a:$V', []],
  ['ARG V\nFROM a:${V:-1}', []],
  ['FROM --platform=$TARGETPLATFORM a', ['RedundantTargetPlatform:1']],
  ['FROM --platform=$BUILDPLATFORM a', []],
  ['FROM --platform=linux/amd64 a', ['FromPlatformFlagConstDisallowed:1']],
  ['FROM --platform=linux/amd64 a AS build_amd64', []],
  ['FROM --platform=$NOPE a', ['UndefinedArgInFrom:1']],
  ['FROM a\nCOPY $b .', ['UndefinedVar:2']],
  ['FROM a\nARG b\nCOPY $b .\nENV c=1\nUSER $c', []],
  ['FROM a\nLABEL x=${b:-c} y=${d+e}', []],
  ['FROM a\nENV x=1 y=$x', ['UndefinedVar:2']],
  ['FROM a\nARG x=1 y=$x', []],
  ['FROM a\nENV PATH=$PATH:/x', []],
  ['FROM a\nRUN echo $x', []],
  ['FROM a\nRUN --mount=type=cache,target=$x true', ['UndefinedVar:2']],
  ['FROM a AS b\nARG x\nFROM b\nUSER $x', []],
  ['FROM a\nARG x\nFROM b\nUSER $x', ['UndefinedVar:4']],
  ['ARG x=1\nFROM a\nUSER $x', ['UndefinedVar:3']],
  ['# check=skip=JSONArgsRecommended\nFROM a\nCMD x', []],
  ['# check=skip=all\nFROM a\nCMD x', []],
  ['FROM a\n# check=skip=JSONArgsRecommended,Other\nCMD x\nENTRYPOINT y', ['JSONArgsRecommended:4']],
  ['# what\n\n# check=skip=JSONArgsRecommended\nFROM a\nCMD x\nFROM b\nCMD y', ['JSONArgsRecommended:7']],
  ['# check=experimental=all\n\n# something\nFROM a AS b\n# b is good\nARG b', ['InvalidDefinitionDescription:4']],
  ['# something\nFROM a AS b', []],
]

test('check: what is found where', async (t) => {
  for (const [text, findings] of rows) await t.test(text, () => assert.deepEqual(found(text), findings))
})

test('check: every rule but the one about images is shown by a row', () => {
  const shown = new Set(rows.flatMap(([, findings]) => findings.map((finding) => finding.split(':')[0])))
  assert.deepEqual(
    Object.keys(rules).filter((rule) => !shown.has(rule)),
    ['InvalidBaseImagePlatform'],
  )
})

test('check: what images set is known; names that are near are offered', () => {
  const dockerfile = parseDockerfile('FROM a\nUSER $NODE_VERSION\nUSER $NODE_VERSOIN')
  const { warnings } = checkDockerfile(dockerfile, { environments: new Map([[0, ['NODE_VERSION']]]) })
  assert.equal(warnings.length, 1)
  assert.match(warnings[0]!.message, /did you mean \$NODE_VERSION/)
})

test('check: settings', () => {
  const settings = parseCheckSettings('skip=StageNameCasing, Nothing;error=true;experimental=all')
  assert.deepEqual(settings, { skip: new Set(['StageNameCasing']), experimental: 'all', error: true })
  assert.equal(parseCheckSettings('error=perhaps'), undefined)
  assert.equal(parseCheckSettings('skipp=x'), undefined)
  assert.equal(checkDockerfile(parseDockerfile('# check=error=true\nFROM a')).error, true)
})
