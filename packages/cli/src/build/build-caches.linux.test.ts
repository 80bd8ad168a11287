import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gantry, type CliResult } from '../testing/scripted-daemon.ts'
import { parseCacheFrom, parseCacheTo } from './build-caches.ts'

const scratch = mkdtempSync(join(tmpdir(), 'gantry-build-caches-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const context = join(scratch, 'context')
mkdirSync(context)
writeFileSync(join(context, 'a'), 'hello')
writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY a /\n')
const run = (root: string, ...args: string[]): Promise<CliResult> =>
  gantry(args, { env: { GANTRY_ROOT: join(scratch, root), GANTRY_RUN: join(scratch, 'run') } })

test('places of caches: the forms that docker has, and more', () => {
  assert.deepEqual(parseCacheFrom('reg.example/app:cache'), { type: 'registry', ref: 'reg.example/app:cache' })
  assert.deepEqual(parseCacheFrom('type=registry,ref=a/b'), { type: 'registry', ref: 'a/b' })
  assert.deepEqual(parseCacheFrom('type=local,src=/c'), { type: 'local', path: '/c', tag: 'latest' })
  assert.deepEqual(parseCacheTo('type=inline'), { place: { type: 'inline' }, mode: 'max', mounts: [] })
  assert.deepEqual(parseCacheTo('type=store,ref=localhost/c,mode=min,mounts=/root/.npm;apt'), {
    place: { type: 'store', ref: 'localhost/c' },
    mode: 'min',
    mounts: ['/root/.npm', 'apt'],
  })
  assert.equal(parseCacheTo('type=local,dest=/c,mounts=all').mounts, 'all')
})

test('places of caches: what makes no sense is refused', () => {
  const rows = ['type=zip', 'type=local', 'type=registry', 'type=local,dest=/c,mode=most', 'type=local,dest=/c,what=1']
  for (const row of rows) assert.throws(() => parseCacheTo(row), { code: 'INVALID' }, row)
  assert.throws(() => parseCacheFrom('type=inline'), { code: 'INVALID' })
})

test('a cache goes through a directory from one root to another, and --why says where it came from', async () => {
  const cache = join(scratch, 'cache')
  const first = await run('one', 'build', '--cache-to', `type=local,dest=${cache}`, '--why', context)
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stderr, /why: runs: no build before had this step/)
  const second = await run('two', 'build', '--cache-from', `type=local,src=${cache}`, '--why', context)
  assert.equal(second.code, 0, second.stderr)
  assert.match(second.stderr, /why: cached: imported from .*cache\n/)
  const json = await run('two', 'build', '--why', '--progress', 'json', context)
  const reasons = json.stderr
    .split('\n')
    .filter((line) => line.includes('"kind":"reason"'))
    .map((line) => (JSON.parse(line) as { reason: unknown }).reason)
  assert.deepEqual(reasons, [{ kind: 'hit', how: 'key', changes: [] }])
})

test('a cache in the store, and one that is not there', async () => {
  const to = await run('one', 'build', '--cache-to', 'type=store,ref=localhost/cache:app', context)
  assert.equal(to.code, 0, to.stderr)
  const from = await run('three', 'build', '--cache-from', 'type=local,src=/no/such/cache', context)
  assert.equal(from.code, 0, from.stderr)
  assert.match(from.stderr, /WARN: CacheImport: cannot use the cache \/no\/such\/cache/)
})

test('the build cache: what it takes, what would go, what goes, under each of its names', async () => {
  await run('one', 'build', context)
  const du = await run('one', 'builder', 'du')
  assert.match(du.stdout, /^ID +TYPE +SIZE +SHARED +LAST USED +DESCRIPTION\n[^]*step[^]*COPY a \/\n[^]*Reclaimable:/)
  const json = await run('one', 'buildx', 'du', '--format', 'json')
  assert.match(json.stdout, /"Type":"step"/)
  const dry = await run('one', 'build', 'prune', '--dry-run')
  assert.match(dry.stdout, /step +[\d.]+kB +.*COPY a \/[^]*would be reclaimed/)
  const young = await run('one', 'builder', 'prune', '-f', '-v', '--filter', 'until=1h')
  assert.doesNotMatch(young.stdout, /COPY a/)
  const roomy = await run('one', 'buildx', 'prune', '-f', '-v', '--keep-storage', '1GB')
  assert.doesNotMatch(roomy.stdout, /COPY a/)
  const gone = await run('one', 'build', 'prune', '-f', '-v')
  assert.match(gone.stdout, /COPY a[^]*Total reclaimed space: [\d.]+kB/)
  assert.doesNotMatch((await run('one', 'build', 'df')).stdout, /COPY a/)
  const rows = [['--filter', 'colour=red'], ['--filter', 'until=never'], ['--keep-storage', 'much'], []]
  for (const row of rows) assert.notEqual((await run('one', 'builder', 'prune', ...row)).code, 0, row.join(' '))
})
