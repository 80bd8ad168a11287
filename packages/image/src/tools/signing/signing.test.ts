import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generateSigningKey, openSigningKey, openVerifyingKey } from '@gantry/codec'
import { encodeJson, MediaType, type Descriptor } from '@gantry/oci'
import { expectCode, testCodec } from '@gantry/testing'
import { copy } from '../../copy.ts'
import { describeBytes, readerOf } from '../../bytes.ts'
import { MemoryStore } from '../../memory-store.ts'
import { randomImage } from '../../random-image.ts'
import { validateContent } from '../validate-content.ts'
import { assembleArtifact } from '../artifact.ts'
import { bundleType, encodeBundle, parseBundle } from './bundle.ts'
import { preAuthentication } from './envelope.ts'
import { signImage } from './sign-image.ts'
import { verifyImage } from './verify-image.ts'

const codec = testCodec()
const pair = generateSigningKey()
const signer = openSigningKey(pair.privateKey)
const key = openVerifyingKey(pair.publicKey, { name: 'ours' })
const stranger = openVerifyingKey(generateSigningKey({ type: 'ed25519' }).publicKey, { name: 'another' })

async function put(store: MemoryStore, bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
  const descriptor = await describeBytes(bytes, mediaType, codec)
  await store.put(descriptor, readerOf(bytes))
  return descriptor
}

async function signed(
  options: Partial<Parameters<typeof signImage>[1]> = {},
): Promise<{ store: MemoryStore; image: Descriptor; signature: Descriptor }> {
  const { source: store, descriptor: image } = await randomImage({ codec })
  const artifact = await signImage(image, { codec, signer, ...options })
  await copy(artifact.source, store, artifact.descriptor)
  return { store, image, signature: artifact.descriptor }
}

/** Work that may throw at once, as a promise. */
const attempt = (work: () => unknown): Promise<unknown> => Promise.resolve().then(work)

describe('the envelope', () => {
  test('has the bytes of the specification’s example', () => {
    const bytes = preAuthentication('http://example.com/HelloWorld', Buffer.from('hello world'))
    assert.equal(Buffer.from(bytes).toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world')
  })
})

describe('a signature', () => {
  test('is an artifact that refers to the image, as cosign 3 writes it', async () => {
    const { store, image, signature } = await signed()
    assert.deepEqual(await validateContent(store, signature, { codec }), [])
    const [listed] = await Array.fromAsync(store.referrers(image.digest, bundleType))
    assert.equal(listed?.digest, signature.digest)
    assert.deepEqual(listed?.annotations, {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
    })
  })

  test('is good for the key that made it, and says which one that is', async () => {
    const { store, image, signature } = await signed({ annotations: { stage: 'release' } })
    const found = await verifyImage({ blobs: store, referrers: store }, image, { codec, keys: [stranger, key] })
    assert.deepEqual(
      found.map((each) => [each.digest, each.format, each.key?.name, each.annotations]),
      [[signature.digest, 'bundle', 'ours', { stage: 'release' }]],
    )
  })

  const refusals: readonly [string, Partial<Parameters<typeof verifyImage>[2]>, RegExp][] = [
    ['by a key that nobody asked for', { keys: [stranger] }, /none of the keys/],
    ['with another annotation than asked for', { annotations: { stage: 'release' } }, /annotation stage/],
  ]
  for (const [what, options, problem] of refusals) {
    test(`${what} is not good`, async () => {
      const { store, image } = await signed({ annotations: { stage: 'test' } })
      const [found] = await verifyImage({ blobs: store, referrers: store }, image, { codec, keys: [key], ...options })
      assert.equal(found?.key, undefined)
      assert.match(found?.problem ?? '', problem)
    })
  }

  test('of another image is not good for this one, though it refers to it', async () => {
    const { store, image } = await signed()
    const other = await randomImage({ codec, seed: 2 })
    await copy(other.source, store, other.descriptor)
    const artifact = await signImage(other.descriptor, { codec, signer })
    const bytes = await bundleBytes(artifact)
    const moved = await assembleArtifact(
      {
        artifactType: bundleType,
        blobs: [{ bytes, mediaType: bundleType }],
        subject: image,
        annotations: { moved: 'yes' },
      },
      codec,
    )
    await copy(moved.source, store, moved.descriptor)
    const found = await verifyImage({ blobs: store, referrers: store }, image, { codec, keys: [key] })
    const bad = found.find((each) => each.digest === moved.descriptor.digest)
    assert.match(bad?.problem ?? '', /another digest/)
    assert.equal(bad?.key, undefined)
  })

  test('of another statement does not count as a signature, and does when it is asked for', async () => {
    const type = 'https://spdx.dev/Document'
    const { store, image } = await signed({ predicate: { type, value: { name: 'sbom' } } })
    const place = { blobs: store, referrers: store }
    assert.deepEqual(await verifyImage(place, image, { codec, keys: [key] }), [])
    const [found] = await verifyImage(place, image, { codec, keys: [key], predicateType: type })
    assert.equal(found?.key?.name, 'ours')
  })

  test('that lies about its statement in the annotation is found out', async () => {
    const { store, image } = await signed()
    const attestation = await signImage(image, {
      codec,
      signer,
      predicate: { type: 'https://example.com/x', value: {} },
    })
    const lying = await assembleArtifact(
      {
        artifactType: bundleType,
        blobs: [{ bytes: await bundleBytes(attestation), mediaType: bundleType }],
        subject: image,
      },
      codec,
    )
    await copy(lying.source, store, lying.descriptor)
    const found = await verifyImage({ blobs: store, referrers: store }, image, { codec, keys: [key] })
    assert.match(found.find((each) => each.digest === lying.descriptor.digest)?.problem ?? '', /statement of/)
  })

  test('of the manifest itself is good too', async () => {
    const { source: store, descriptor: image } = await randomImage({ codec })
    const manifest = Buffer.from(await Array.fromAsync(await store.open(image)).then((chunks) => Buffer.concat(chunks)))
    const bundle = encodeJson({
      mediaType: bundleType,
      verificationMaterial: { publicKey: { hint: signer.keyId } },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: Buffer.from(image.digest.slice(7), 'hex').toString('base64') },
        signature: Buffer.from(await signer.sign(manifest)).toString('base64'),
      },
    })
    const artifact = await assembleArtifact(
      { artifactType: bundleType, blobs: [{ bytes: bundle, mediaType: bundleType }], subject: image },
      codec,
    )
    await copy(artifact.source, store, artifact.descriptor)
    const [found] = await verifyImage({ blobs: store, referrers: store }, image, { codec, keys: [key] })
    assert.equal(found?.key?.name, 'ours')
  })

  test('of cosign 1 and 2 beside the image is good when the digest in it is the image’s', async () => {
    for (const [digest, good] of [
      ['', true],
      [`sha256:${'0'.repeat(64)}`, false],
    ] as const) {
      const { source: store, descriptor: image } = await randomImage({ codec })
      const payload = encodeJson({
        critical: {
          identity: { 'docker-reference': 'reg.example/app' },
          image: { 'docker-manifest-digest': digest === '' ? image.digest : digest },
          type: 'cosign container image signature',
        },
        optional: { stage: 'release' },
      })
      const layer = await put(store, payload, 'application/vnd.dev.cosign.simplesigning.v1+json')
      const config = await put(store, encodeJson({}), MediaType.imageConfig)
      const annotations = {
        'dev.cosignproject.cosign/signature': Buffer.from(await signer.sign(payload)).toString('base64'),
      }
      const beside = await put(
        store,
        encodeJson({
          schemaVersion: 2,
          mediaType: MediaType.imageManifest,
          config,
          layers: [{ ...layer, annotations }],
        }),
        MediaType.imageManifest,
      )
      const tags: string[] = []
      const sibling = async (tag: string): Promise<Descriptor> => {
        tags.push(tag)
        return beside
      }
      const [found] = await verifyImage({ blobs: store, sibling }, image, { codec, keys: [key] })
      assert.deepEqual(tags, [`sha256-${image.digest.slice(7)}.sig`])
      assert.equal(found?.key?.name, good ? 'ours' : undefined)
      assert.equal(found?.format, 'simple-signing')
      if (good) assert.deepEqual(found?.annotations, { stage: 'release' })
    }
  })

  test('whose bundle is damaged is told as bad, and the others are still looked at', async () => {
    const { store, image } = await signed()
    const broken = await assembleArtifact(
      {
        artifactType: bundleType,
        blobs: [{ bytes: Buffer.from('{"mediaType":1'), mediaType: bundleType }],
        subject: image,
      },
      codec,
    )
    await copy(broken.source, store, broken.descriptor)
    const found = await verifyImage({ blobs: store, referrers: store }, image, { codec, keys: [key] })
    assert.deepEqual(
      found.map((each) => each.key?.name ?? 'none').toSorted((a, b) => (a < b ? -1 : 1)),
      ['none', 'ours'],
    )
  })
})

describe('parseBundle', () => {
  const envelope = { payloadType: 'a/b', payload: Buffer.from('x'), signature: Buffer.from('y'), keyId: 'k' }
  const whole = JSON.parse(Buffer.from(encodeBundle(envelope)).toString()) as Record<string, unknown>
  const rows: readonly [string, unknown][] = [
    ['another media type', { ...whole, mediaType: 'application/json' }],
    ['no content', { ...whole, dsseEnvelope: undefined }],
    ['no signature', { ...whole, dsseEnvelope: { payload: '', payloadType: 'a/b', signatures: [] } }],
    [
      'a payload that is not base64',
      { ...whole, dsseEnvelope: { payload: '***', payloadType: 'a/b', signatures: [{ sig: '' }] } },
    ],
    ['a list', []],
    ['null', null],
  ]
  for (const [what, value] of rows) {
    test(`refuses ${what}`, () =>
      expectCode(
        attempt(() => parseBundle(encodeJson(value))),
        'SIGNATURE_INVALID',
      ))
  }
})

async function manifestOf(artifact: Awaited<ReturnType<typeof signImage>>): Promise<{ layers: Descriptor[] }> {
  const chunks = await Array.fromAsync(await artifact.source.open(artifact.descriptor))
  return JSON.parse(Buffer.concat(chunks).toString()) as { layers: Descriptor[] }
}

async function bundleBytes(artifact: Awaited<ReturnType<typeof signImage>>): Promise<Uint8Array> {
  const { layers } = await manifestOf(artifact)
  return Buffer.concat(await Array.fromAsync(await artifact.source.open(layers[0]!)))
}
