import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { expectCode } from '@gantry/testing'
import { generateSigningKey, isEncryptedKey, openSigningKey, openVerifyingKey, publicKeyOf } from './keys.ts'
import { openSecretBox, sealSecretBox } from './secret-box.ts'

const message = Buffer.from('what is signed')

/** Work that may throw at once, as a promise. */
const attempt = (work: () => unknown): Promise<unknown> => Promise.resolve().then(work)

describe('the secretbox', () => {
  // tests/secretbox.c of NaCl
  const key = Buffer.from('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389', 'hex')
  const nonce = Buffer.from('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37', 'hex')
  const plain = Buffer.from(
    'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705',
    'hex',
  )
  const sealed =
    'f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5'

  test('seals as NaCl does', () => {
    assert.equal(Buffer.from(sealSecretBox(plain, key, nonce)).toString('hex'), sealed)
  })

  test('opens what was sealed, and nothing that was changed', () => {
    const box = Buffer.from(sealed, 'hex')
    assert.deepEqual(Buffer.from(openSecretBox(box, key, nonce) ?? []), plain)
    for (const at of [0, 15, 16, box.length - 1]) {
      const changed = Buffer.from(box)
      changed[at] = changed[at]! ^ 1
      assert.equal(openSecretBox(changed, key, nonce), undefined)
    }
    assert.equal(openSecretBox(box.subarray(0, 10), key, nonce), undefined)
  })
})

describe('signing keys', () => {
  for (const type of ['ecdsa-p256', 'ed25519'] as const) {
    for (const passphrase of [undefined, '', 'secret words']) {
      test(`${type} with ${passphrase === undefined ? 'no' : JSON.stringify(passphrase)} passphrase signs what its public key verifies`, async () => {
        const pair = generateSigningKey({ type, ...(passphrase === undefined ? {} : { passphrase }) })
        assert.equal(isEncryptedKey(pair.privateKey), passphrase !== undefined)
        const options = passphrase === undefined ? {} : { passphrase }
        const signer = openSigningKey(pair.privateKey, options)
        const verifier = openVerifyingKey(pair.publicKey)
        const signature = await signer.sign(message)
        assert.equal(signer.keyId, verifier.keyId)
        assert.equal(publicKeyOf(pair.privateKey, options), pair.publicKey)
        assert.ok(await verifier.verify(message, signature))
        assert.ok(!(await verifier.verify(Buffer.from('something else'), signature)))
        assert.ok(!(await verifier.verify(message, Buffer.from('no signature'))))
        assert.ok(!(await verifier.verify(message, new Uint8Array())))
      })
    }
  }

  test('another passphrase does not open a key, and none is asked for', async () => {
    const { privateKey } = generateSigningKey({ passphrase: 'right' })
    await expectCode(
      attempt(() => openSigningKey(privateKey, { passphrase: 'wrong' })),
      'PASSPHRASE_WRONG',
    )
    await expectCode(
      attempt(() => openSigningKey(privateKey)),
      'PASSPHRASE_NEEDED',
    )
  })

  const encodings = [
    ['PKCS #8, encrypted', { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' }],
    ['PKCS #8', { type: 'pkcs8', format: 'pem' }],
    ['SEC1', { type: 'sec1', format: 'pem' }],
  ] as const
  for (const [name, encoding] of encodings) {
    test(`${name} of OpenSSL is read`, async () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
      const text = privateKey.export(encoding)
      const signer = openSigningKey(text, 'passphrase' in encoding ? { passphrase: 'right' } : {})
      const verifier = openVerifyingKey(publicKey.export({ type: 'spki', format: 'pem' }))
      assert.ok(await verifier.verify(message, await signer.sign(message)))
      if ('passphrase' in encoding) {
        await expectCode(
          attempt(() => openSigningKey(text, { passphrase: 'wrong' })),
          'PASSPHRASE_WRONG',
        )
        await expectCode(
          attempt(() => openSigningKey(text)),
          'PASSPHRASE_NEEDED',
        )
      }
    })
  }

  const refused: readonly [string, string, string][] = [
    ['a text that is not PEM', 'hello', 'KEY_INVALID'],
    ['PEM of nothing', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'KEY_INVALID'],
    [
      'a weak RSA key',
      generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
      'KEY_UNSUPPORTED',
    ],
    [
      'another curve',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
      'KEY_UNSUPPORTED',
    ],
    [
      'key agreement',
      generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
      'KEY_UNSUPPORTED',
    ],
  ]
  for (const [what, text, code] of refused) {
    test(`${what} is refused`, () =>
      expectCode(
        attempt(() => openSigningKey(text)),
        code,
      ))
  }

  test('a sealed key cannot choose how much memory is used', async () => {
    const sealed = {
      kdf: { name: 'scrypt', params: { N: 2 ** 30, r: 8, p: 1 }, salt: '' },
      cipher: { name: 'nacl/secretbox', nonce: Buffer.alloc(24).toString('base64') },
      ciphertext: '',
    }
    const text = `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${Buffer.from(JSON.stringify(sealed)).toString('base64')}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`
    await expectCode(
      attempt(() => openSigningKey(text, { passphrase: '' })),
      'KEY_INVALID',
    )
  })
})
