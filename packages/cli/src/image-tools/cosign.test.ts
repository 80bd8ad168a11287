import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { generateSigningKey, openSigningKey, publicKeyOf } from '@gantry/codec'
import { randomImage } from '@gantry/image'
import { createRegistryClient } from '@gantry/registry-client'
import { copy } from '@gantry/image'
import { testCodec, toolsMissing } from '@gantry/testing'
import { referrers } from '../commands/referrers.ts'
import { sign } from '../commands/sign.ts'
import { verify } from '../commands/verify.ts'
import { runCommand } from '../testing/run-command.ts'
import { transportWorld, type TransportWorld } from '../testing/transport-world.ts'

const execute = promisify(execFile)
const passphrase = 'correct horse'

/** Runs cosign without any service: no transparency log, no configuration fetched, its files in the test's directory. */
async function cosign(world: TransportWorld, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute('cosign', args, {
    cwd: world.directory,
    env: { PATH: process.env['PATH'], HOME: world.directory, COSIGN_PASSWORD: passphrase, NO_PROXY: '127.0.0.1' },
  })
  return stdout
}

const offline = ['--tlog-upload=false', '--use-signing-config=false', '--allow-http-registry'] as const
const trusting = ['--insecure-ignore-tlog=true', '--allow-http-registry'] as const

async function withImage(): Promise<{ world: TransportWorld; image: string; digest: string }> {
  const world = await transportWorld()
  const { host } = await world.registry()
  const codec = testCodec()
  const { source, descriptor } = await randomImage({ codec })
  const repository = createRegistryClient({ codec }).repository({ registry: host, repository: 'app' })
  await copy(source, repository, descriptor)
  await repository.tag('1', descriptor)
  return { world, image: `${host}/app:1`, digest: `${host}/app@${descriptor.digest}` }
}

describe('cosign', { skip: toolsMissing('cosign') }, () => {
  for (const type of ['ecdsa-p256', 'ed25519'] as const) {
    test(`verifies what Gantry signed with ${type}`, async () => {
      const { world, image } = await withImage()
      await using _ = world
      const pair = generateSigningKey({ type })
      await writeFile(world.path('our.key'), pair.privateKey)
      await writeFile(world.path('our.pub'), pair.publicKey)
      await runCommand(world, sign, '--key', world.path('our.key'), '-a', 'stage=release', `docker://${image}`)
      await cosign(world, 'verify', '--key', 'our.pub', '-a', 'stage=release', ...trusting, image)
      await writeFile(world.path('other.pub'), generateSigningKey({ type }).publicKey)
      await assert.rejects(cosign(world, 'verify', '--key', 'other.pub', ...trusting, image))
    })
  }

  test('signs what Gantry verifies, as a bundle and under a tag', async () => {
    const { world, image, digest } = await withImage()
    await using _ = world
    await cosign(world, 'generate-key-pair')
    await cosign(world, 'sign', '--key', 'cosign.key', '-a', 'stage=release', ...offline, digest)
    const check = ['--key', world.path('cosign.pub'), '-a', 'stage=release', `docker://${image}`]
    const bundle = await runCommand(world, verify, ...check)
    assert.equal(bundle.code, 0, bundle.out)
    assert.match(bundle.out, /\(bundle\) with .*cosign\.pub stage="release"/)
    await cosign(
      world,
      'sign',
      '--key',
      'cosign.key',
      '--new-bundle-format=false',
      '-a',
      'stage=release',
      ...offline,
      digest,
    )
    const both = await runCommand(world, verify, ...check)
    assert.match(both.out, /\(simple-signing\) with .*cosign\.pub stage="release"/)
    assert.match((await runCommand(world, referrers, `docker://${image}`)).out, /sigstore\.bundle\.v0\.3/)
  })

  test('verifies attestations of Gantry, and the other way round', async () => {
    const { world, image, digest } = await withImage()
    await using _ = world
    await cosign(world, 'generate-key-pair')
    await writeFile(world.path('plain.key'), generateSigningKey().privateKey)
    await writeFile(world.path('plain.pub'), publicKeyOf(await readFile(world.path('plain.key'), 'utf8')))
    await writeFile(world.path('sbom.json'), '{"spdxVersion":"SPDX-2.3"}')
    const type = 'https://spdx.dev/Document'
    await runCommand(
      world,
      sign,
      '--key',
      world.path('plain.key'),
      '--predicate',
      world.path('sbom.json'),
      '--type',
      type,
      `docker://${image}`,
    )
    await cosign(world, 'verify-attestation', '--key', 'plain.pub', '--type', type, ...trusting, image)
    await cosign(world, 'attest', '--key', 'cosign.key', '--type', type, '--predicate', 'sbom.json', ...offline, digest)
    const checked = await runCommand(
      world,
      verify,
      '--key',
      world.path('cosign.pub'),
      '--type',
      type,
      `docker://${image}`,
    )
    assert.equal(checked.code, 0, checked.out)
  })

  test('encrypts keys that Gantry opens, and opens those of Gantry', async () => {
    const { world, digest } = await withImage()
    await using _ = world
    await cosign(world, 'generate-key-pair')
    const text = await readFile(world.path('cosign.key'), 'utf8')
    assert.equal(publicKeyOf(text, { passphrase }), await readFile(world.path('cosign.pub'), 'utf8'))
    assert.throws(() => openSigningKey(text, { passphrase: 'wrong' }))
    const pair = generateSigningKey({ passphrase })
    await writeFile(world.path('our.key'), pair.privateKey)
    assert.equal((await cosign(world, 'public-key', '--key', 'our.key')).trim(), pair.publicKey.trim())
    await cosign(world, 'sign', '--key', 'our.key', ...offline, digest)
  })
})
