import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differences, readIsolation } from './equality.ts'
import { inLanes } from './in-lanes.ts'
import { readOptions } from './options.ts'
import { isEmpty } from './peers/firewall.ts'
import { formatTable, isReached } from './report.ts'
import { measure, type Row } from './row.ts'
import { median, quantile } from './statistics.ts'
import { plotCrowd } from './scale/scale-plot.ts'
import { readTar } from '@gantry/tar'
import { manyImages } from './suites/many-images.ts'
import { pseudoRandomBytes } from './suites/build-context.ts'

describe('statistics', () => {
  test('the median of an even number is the mean of the two middle ones', () => assert.equal(median([4, 1, 3, 2]), 2.5))
  test('the median of none is no number', () => assert.ok(Number.isNaN(median([]))))
  test('quantiles are interpolated', () => assert.equal(quantile([0, 10], 0.9), 9))
})

describe('measure', () => {
  test('does the sides alternately, beginning with another one each round, and leaves warm-ups out', async () => {
    const done: string[] = []
    const side = (name: string): { name: string; run: (round: number) => Promise<number> } => ({
      name,
      run: async (round) => {
        done.push(`${name}${round}`)
        return round
      },
    })
    const row = await measure([side('a'), side('b')], { suite: 's', title: 't', runs: 2 })
    assert.deepEqual(done, ['a-1', 'b-1', 'b0', 'a0', 'a1', 'b1'])
    assert.deepEqual(row.samples, { a: [0, 1], b: [0, 1] })
  })
})

describe('report', () => {
  const row: Row = {
    suite: 'start',
    title: 'run',
    unit: 'ms',
    samples: { docker: [100, 300, 200], gantry: [50, 70, 60] },
    goals: [{ against: 'docker', atMost: 0.4 }, { atMost: 50 }],
  }
  const docker = { name: 'docker', version: '28.5.2' }
  const gantry = { name: 'gantry', version: '0.1.0' }

  test('prints medians, the ratio, and whether goals are reached', () => {
    const [, line = ''] = formatTable([row], [gantry, docker]).split('\n')
    assert.match(line, /^start: run\s+60\.0 ms\s+200 ms\s+0\.30\s+≤ 0\.40 of docker ✔, ≤ 50 ms ✘$/)
  })

  test('a goal may be a floor', () => {
    const rate: Row = { ...row, unit: 'MiB/s', samples: { docker: [100], gantry: [96] } }
    const text = formatTable([{ ...rate, goals: [{ against: 'docker', atLeast: 0.95 }] }], [gantry, docker])
    assert.match(text, /≥ 0\.95 of docker ✔/)
    assert.equal(isReached(rate, { atLeast: 97 }, [gantry, docker]), false)
  })

  test('says that a ratio is not comparable, and why', () => {
    const old = { ...docker, version: '20.10.24', notComparable: 'docker 20.10.24 is older than 28' }
    const table = formatTable([row], [gantry, old])
    assert.match(table, /not comparable/)
    assert.match(table, /older than 28/)
    assert.equal(isReached(row, { against: 'docker', atMost: 0.4 }, [gantry, old]), undefined)
  })
})

describe('equality', () => {
  const text = (caps: string): string =>
    `CapInh:\t0\nCapPrm:\t${caps}\nCapEff:\t${caps}\nCapBnd:\t${caps}\nCapAmb:\t0\nNoNewPrivs:\t0\nSeccomp:\t2\n--masks\n/proc/kcore rw\n/proc/sys ro\n--limits\npids.max max`

  test('finds no difference where there is none', () => {
    assert.deepEqual(differences(readIsolation(text('a8')), readIsolation(text('a8')), ['one', 'two']), [])
  })

  test('names what differs', () => {
    const [only, ...more] = differences(readIsolation(text('a8')), readIsolation(text('ff')), ['one', 'two'])
    assert.match(only ?? '', /^capabilities: one has .*CapPrm a8.*; two has .*CapPrm ff/)
    assert.deepEqual(more, [])
  })
})

describe('isEmpty', () => {
  test('base chains that accept count as nothing', () => {
    const listing =
      'table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy accept;\n\t}\n}\n'
    assert.equal(isEmpty(listing), true)
  })
  test('a rule and a policy that drops count', () => {
    assert.equal(isEmpty('table ip filter {\n\tchain A {\n\t\tip saddr 10.0.0.0/8 drop\n\t}\n}'), false)
    assert.equal(
      isEmpty('table ip f {\n\tchain A {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}'),
      false,
    )
  })
})

describe('readOptions', () => {
  test('takes several suites', () => assert.deepEqual(readOptions(['--only', 'start,build']).only, ['start', 'build']))
  test('leaves peers out', () => {
    assert.deepEqual(readOptions(['--without', 'podman']).without, ['podman'])
    assert.deepEqual(readOptions([]).without, [])
  })
  for (const line of [['--only', 'nothing'], ['--without', 'gantry'], ['--runs', '0'], ['--what'], ['extra']]) {
    test(`refuses ${line.join(' ')}`, () => {
      assert.throws(() => readOptions(line), { code: 'USAGE' })
    })
  }
})

test('a crowd has 1,000 containers unless it is told otherwise; the plot has both charts', () => {
  assert.equal(readOptions(['--scale']).containers, 1000)
  assert.equal(readOptions(['--scale', '--containers', '7']).containers, 7)
  const svg = plotCrowd({ started: [500, 1000], memory: [{ running: 2, monitors: 1 << 20, daemon: 1 << 20 }] })
  assert.equal(svg.match(/<path d="M56\.0/g)?.length, 11)
  assert.doesNotMatch(svg, /NaN|Infinity/)
})

test('inLanes does no more at a time than it was told, and throws what failed when all have ended', async () => {
  let [now, most, done] = [0, 0, 0]
  const work = inLanes(3, Array(10).keys(), async (at) => {
    most = Math.max(most, ++now)
    await Promise.resolve()
    now--
    if (at === 4) throw new Error('the fifth')
    done++
  })
  await assert.rejects(work, /the fifth/)
  assert.deepEqual([most, done], [3, 9])
})

test('manyImages is a docker archive with one layer and as many configurations as images', async () => {
  const files: string[] = []
  for await (const { header } of readTar(manyImages(3, (at) => `localhost/many-${at}`))) files.push(header.path)
  assert.equal(files.length, 5)
  assert.equal(new Set(files).size, 5)
  assert.deepEqual([files[0], files.at(-1)], ['layer.tar', 'manifest.json'])
})

test('pseudoRandomBytes are the same for the same seed, and others for another', () => {
  assert.deepEqual(pseudoRandomBytes(7, 100), pseudoRandomBytes(7, 100))
  assert.notDeepEqual(pseudoRandomBytes(7, 100), pseudoRandomBytes(9, 100))
})
