import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gantry, type CliResult } from '../testing/scripted-daemon.ts'
import { attestOptions } from './read-attest.ts'

const scratch = mkdtempSync(join(tmpdir(), 'gantry-attest-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const context = join(scratch, 'context')
mkdirSync(context)
writeFileSync(join(context, 'status'), 'Package: bash\nVersion: 5\n')
writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY status /var/lib/dpkg/status\n')
const run = (...args: string[]): Promise<CliResult> =>
  gantry(args, { env: { GANTRY_ROOT: join(scratch, 'root'), GANTRY_RUN: join(scratch, 'run') } })

test('attestations are listed with the image, and go along into a layout', async () => {
  const layout = join(scratch, 'out.tar')
  const args = ['--provenance=mode=max', '--sbom=spdx,cyclonedx', '-t', 'localhost/app:1']
  const built = await run('build', ...args, '-o', `type=oci,dest=${layout}`, context)
  assert.equal(built.code, 0, built.stderr)
  for (const place of ['store:localhost/app:1', `oci-archive:${layout}`]) {
    const listed = await run('referrers', place)
    for (const type of ['in-toto', 'spdx', 'cyclonedx'])
      assert.match(listed.stdout, new RegExp(type), `${place} ${listed.stderr}`)
  }
})

test('--verify says that two builds are the same', async () => {
  const verified = await run('build', '--verify', context)
  assert.equal(verified.code, 0, verified.stderr)
  assert.match(verified.stderr, /\nVerified: two builds made sha256:[0-9a-f]{64}\n/)
})

test('the words of attestations', () => {
  const read = (provenance?: string, sbom?: string): unknown =>
    attestOptions({ provenance, sbom, 'attest-style': undefined }).attest
  assert.equal(read(), undefined)
  assert.equal(read('false', 'false'), undefined)
  assert.deepEqual(read('true', 'true'), { provenance: 'min', sbom: ['spdx'] })
  assert.deepEqual(read('mode=max', 'cyclonedx,spdx'), { provenance: 'max', sbom: ['cyclonedx', 'spdx'] })
  assert.throws(() => read('mode=most'), { code: 'INVALID' })
  assert.throws(() => read(undefined, 'csv'), { code: 'INVALID' })
})
