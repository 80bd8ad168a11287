import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Descriptor } from './descriptor.ts'
import { parseDigest } from './digest.ts'
import { MediaType } from './media-type.ts'
import { formatPlatform, matchesPlatform, normalizePlatform, parsePlatform, selectPlatform } from './platform.ts'

test('platforms are read and brought to one form', () => {
  const rows: readonly [text: string, normal: string][] = [
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['Linux/AMD64', 'linux/amd64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['macos/arm64', 'darwin/arm64'],
    ['linux/riscv64', 'linux/riscv64'],
  ]
  for (const [text, normal] of rows) {
    assert.equal(formatPlatform(parsePlatform(text)), normal, text)
    assert.deepEqual(normalizePlatform(parsePlatform(text)), parsePlatform(text), text)
  }
})

test('what is no platform is refused', () => {
  for (const text of ['', 'linux', 'linux/', '/amd64', 'a/b/c/d', 'linux/amd 64', 'linux/amd64/', 'linux//v8']) {
    assert.throws(() => parsePlatform(text), { code: 'PLATFORM_INVALID' }, text)
  }
})

test('an image runs where its platform suits', () => {
  const rows: readonly [wanted: string, have: string, runs: boolean][] = [
    ['linux/amd64', 'linux/amd64', true],
    ['linux/amd64', 'linux/arm64', false],
    ['linux/amd64', 'windows/amd64', false],
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm/v7', 'linux/arm/v6', true],
    ['linux/arm/v6', 'linux/arm/v7', false],
    ['linux/arm', 'linux/arm/v5', true],
    ['linux/arm64', 'linux/arm/v7', false],
    ['linux/arm64', 'linux/arm64/v9', false],
    ['linux/arm64/v9', 'linux/arm64', true],
    ['linux/amd64', 'linux/amd64/v2', false],
    ['linux/amd64/v3', 'linux/amd64/v2', true],
    ['linux/amd64/v3', 'linux/amd64', true],
    ['linux/amd64', 'unknown/unknown', false],
    ['linux/mips64le', 'linux/mips64le/softfloat', false],
  ]
  for (const [wanted, have, runs] of rows) {
    assert.equal(matchesPlatform(parsePlatform(wanted), parsePlatform(have)), runs, `${have} on ${wanted}`)
  }
})

test('the closest platform is chosen, the first of equals, or none', () => {
  const list = ['linux/arm/v5', 'linux/arm/v6', 'linux/amd64', 'linux/amd64', 'unknown/unknown'].map(
    (text, at): Descriptor => {
      const digest = parseDigest(`sha256:${String(at).repeat(64)}`)
      return { mediaType: MediaType.imageManifest, digest, size: 1, platform: parsePlatform(text) }
    },
  )
  const chosen = (text: string): number => list.indexOf(selectPlatform(list, parsePlatform(text))!)
  assert.equal(chosen('linux/arm/v7'), 1)
  assert.equal(chosen('linux/arm/v5'), 0)
  assert.equal(chosen('linux/amd64'), 2)
  assert.equal(chosen('linux/s390x'), -1)
  const { platform: _, ...bare } = list[2]!
  assert.equal(selectPlatform([bare], parsePlatform('linux/amd64')), undefined)
})

test('a wanted version of the system must be the one there is', () => {
  const have = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1' }
  assert.ok(matchesPlatform({ os: 'windows', architecture: 'amd64' }, have))
  assert.ok(matchesPlatform(have, have))
  assert.ok(!matchesPlatform({ ...have, 'os.version': '10.0.2' }, have))
})
