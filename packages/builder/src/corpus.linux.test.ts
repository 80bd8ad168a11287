import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { busyboxMissing } from '@gantry/testing'
import { readCorpus } from './test/corpus/corpus.ts'
import { CorpusWorld, forEachCase } from './test/corpus/corpus-world.ts'
import { formatGolden, parseGolden } from './test/corpus/golden-file.ts'
import type { CorpusCase, Peer } from './test/corpus/parse-cases.ts'
import { buildahMissing, type CorpusPeer, dockerMissing, openBuildah, openDocker } from './test/corpus/peers.ts'

const skip = process.getuid?.() === 0 ? (busyboxMissing() ?? false) : 'needs root, to run containers'
const golden = join(import.meta.dirname, 'test/corpus/golden')
const writes = process.env['GANTRY_GOLDEN'] === 'write'

describe('the corpus of Dockerfiles', { skip, concurrency: false }, () => {
  const files = readCorpus()
  const cases = files.flatMap((file) => file.cases)
  const results = new Map<CorpusCase, readonly string[]>()
  let world: CorpusWorld

  before(async () => {
    world = await CorpusWorld.open()
    await forEachCase(cases, async (item) => void results.set(item, await world.build(item)))
  })
  after(async () => world[Symbol.asyncDispose]())

  test('has what it should have', () => {
    assert.ok(cases.length >= 150, String(cases.length))
    assert.ok(cases.filter(({ trap }) => trap !== undefined).length >= 20)
  })

  for (const file of files) {
    test(`${file.name}: each image is as it was recorded`, async (t) => {
      const path = join(golden, `${file.name}.txt`)
      if (writes) {
        mkdirSync(golden, { recursive: true })
        writeFileSync(path, formatGolden(file.cases.map((item) => [item.name, results.get(item)!])))
      }
      const recorded = parseGolden(readFileSync(path, 'utf8'))
      assert.deepEqual(
        [...recorded.keys()],
        file.cases.map(({ name }) => name),
      )
      for (const item of file.cases) {
        await t.test(item.name, () => {
          const expected = item.error === undefined ? undefined : `error ${item.error.code} ${item.error.place}`
          if (expected !== undefined) assert.deepEqual(results.get(item), [expected])
          assert.deepEqual(results.get(item), recorded.get(item.name))
        })
      }
    })
  }

  test('each image is what docker build makes', { skip: dockerMissing() ?? false }, async (t) => {
    await using docker = await openDocker(world)
    const wrong = await comparePeer('docker', docker, { t, results, normalize: (lines) => lines })
    assert.deepEqual(wrong.texts, [])
  })

  const noBuildah =
    process.env['GANTRY_TEST_BUILDAH'] === undefined
      ? 'takes two minutes: set GANTRY_TEST_BUILDAH to compare with it'
      : (buildahMissing() ?? false)
  test(
    'most images are what buildah makes, but for its history and what it mounts on',
    { skip: noBuildah },
    async (t) => {
      await using buildah = await openBuildah(world)
      const { same, texts } = await comparePeer('buildah', buildah, { t, results, normalize: ofBuildah })
      // Versions of buildah differ in what of the language they know, so that cases say nothing of it.
      for (const text of texts) t.diagnostic(text)
      assert.ok(same >= 180, `only ${same} are the same`)
    },
  )
})

/**
 * What buildah's images tell in other words: the history, its own label, fields that the OCI's config does not have or that say
 * nothing, and the empty files that some of its versions leave where they mounted something.
 */
function ofBuildah(lines: readonly string[]): string[] {
  return lines
    .filter((line) => !/^(?:history|ArgsEscaped|Healthcheck|Shell|OnBuild) |^WorkingDir "\/"$/.test(line))
    .filter((line) => !/^\/etc\/(?:hostname|hosts|resolv\.conf) file 755 0:0 ""$/.test(line))
    .map((line) => line.replace(/,?"io\.buildah\.version":"[^"]*"/, '').replace('{,', '{'))
    .filter((line) => line !== 'Labels {}')
}

/** Builds every case with a peer too. What a case says of a peer has to be so: a difference that is gone is an error here. */
async function comparePeer(
  name: Peer,
  peer: CorpusPeer,
  options: {
    readonly t: { readonly diagnostic: (message: string) => void }
    readonly results: ReadonlyMap<CorpusCase, readonly string[]>
    readonly normalize: (lines: readonly string[]) => readonly string[]
  },
): Promise<{ readonly same: number; readonly texts: readonly string[] }> {
  const { t, results, normalize } = options
  const counts = { identical: 0, refusedByBoth: 0, differs: 0, refused: 0 }
  const wrong: string[] = []
  await forEachCase([...results.keys()], async (item) => {
    const ours = normalize(results.get(item)!)
    const theirs = await peer.build(item).catch((error: Error) => ({ failure: error.message }))
    const refused = 'failure' in theirs
    const isSame = refused ? item.error !== undefined : ours.join('\n') === normalize(theirs.lines).join('\n')
    const expects = item.refused.has(name) ? 'refused' : item.differs.has(name) ? 'differs' : 'same'
    const found = isSame ? 'same' : refused ? 'refused' : 'differs'
    if (found === 'same') counts[refused ? 'refusedByBoth' : 'identical']++
    else counts[found]++
    if (found === expects) return
    wrong.push(
      `${item.name}: ${found}, not ${expects}${refused ? `: ${theirs.failure}` : difference(ours, normalize(theirs.lines))}`,
    )
  })
  t.diagnostic(`${peer.version}: ${JSON.stringify(counts)} of ${results.size}`)
  return { same: counts.identical + counts.refusedByBoth, texts: wrong }
}

function difference(ours: readonly string[], theirs: readonly string[]): string {
  const only = (sign: string, some: readonly string[], others: readonly string[]): string[] =>
    some.filter((line) => !others.includes(line)).map((line) => `\n  ${sign} ${line}`)
  return [...only('ours  ', ours, theirs), ...only('theirs', theirs, ours)].join('')
}
