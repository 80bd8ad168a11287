import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { coalesce, createCodec, digestOf, rechunk, systemHasher } from './index.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-codec-'))
const codec = createCodec()
after(async () => {
  await codec.close()
  rmSync(directory, { recursive: true, force: true })
})

const big = Buffer.concat([randomBytes(3_000_000), Buffer.alloc(2_000_000, 'gantry ')])
const small = Buffer.from('{"schemaVersion":2}')
const expected = (bytes: Uint8Array, algorithm = 'sha256'): string =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts)
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield big.subarray(0, 100_000)
  throw new Error('the source failed')
}

const codeIs = (code: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === code

describe('hashers', () => {
  for (const [name, bytes] of Object.entries({ nothing: Buffer.alloc(0), small, big })) {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      test(`${algorithm} of ${name}, on a worker and at once`, async () => {
        const worker = codec.hasher(algorithm)
        const system = systemHasher(algorithm)
        for await (const piece of pieces(bytes, 70_001)) {
          await worker.update(piece)
          await system.update(piece)
        }
        assert.equal(await worker.digest(), expected(bytes, algorithm))
        assert.equal(await system.digest(), expected(bytes, algorithm))
        assert.equal(digestOf(bytes, algorithm), expected(bytes, algorithm))
      })
    }
  }

  test('a chunk may be changed after it was taken', async () => {
    const hasher = codec.hasher('sha256')
    const chunk = Buffer.alloc(400_000)
    for (const value of [1, 2, 3, 4, 5]) {
      chunk.fill(value)
      await hasher.update(chunk)
    }
    const all = Buffer.concat([1, 2, 3, 4, 5].map((value) => Buffer.alloc(400_000, value)))
    assert.equal(await hasher.digest(), expected(all))
  })

  test('many at once each get their own', async () => {
    const inputs = Array.from({ length: 20 }, (_, index) => Buffer.alloc(1_500_000, index + 1))
    const digests = await Promise.all(
      inputs.map(async (bytes) => {
        const hasher = codec.hasher('sha256')
        for await (const piece of pieces(bytes, 100_000)) await hasher.update(piece)
        return hasher.digest()
      }),
    )
    assert.deepEqual(
      digests,
      inputs.map((bytes) => expected(bytes)),
    )
  })
})

describe('stage', () => {
  for (const [name, bytes] of Object.entries({ nothing: Buffer.alloc(0), small, big })) {
    test(`writes and hashes ${name}`, async () => {
      const path = join(directory, `stage-${name}`)
      {
        await using file = await codec.stage(path)
        for await (const piece of pieces(bytes, 65_536)) await file.write(piece)
        assert.equal(file.size, bytes.length)
        assert.equal(await file.digest('sha512'), expected(bytes, 'sha512'))
        assert.equal(await file.digest('sha256'), expected(bytes))
        await file.sync()
      }
      assert.ok(readFileSync(path).equals(bytes))
    })
  }

  test('goes on where a file ends, in parts of any size', async () => {
    const path = join(directory, 'parts')
    const bounds = [0, 10, 20, 600_000, 600_001, 4_000_000, big.length]
    for (const [index, start] of bounds.slice(0, -1).entries()) {
      await using file = await codec.stage(path, { append: index > 0 })
      assert.equal(file.size, start)
      await file.write(big.subarray(start, bounds[index + 1]))
      await file.flush()
      assert.equal(await file.digest('sha256'), expected(big.subarray(0, bounds[index + 1])))
    }
    assert.ok(readFileSync(path).equals(big))
  })

  test('flushes in between without losing count', async () => {
    const path = join(directory, 'flushes')
    await using file = await codec.stage(path)
    for await (const piece of pieces(big, 99_999)) {
      await file.write(piece)
      await file.flush()
    }
    assert.equal(await file.digest('sha256'), expected(big))
    assert.ok(readFileSync(path).equals(big))
  })

  test('reports what the file system says, with its code', async () => {
    await using full = await codec.stage('/dev/full', { append: true })
    await assert.rejects(async () => {
      for await (const piece of pieces(big, 65_536)) await full.write(piece)
      await full.flush()
    }, codeIs('ENOSPC'))
    await using again = await codec.stage('/dev/full', { append: true })
    await again.write(small)
    await assert.rejects(again.flush(), codeIs('ENOSPC'))
    writeFileSync(join(directory, 'there'), '')
    await using there = await codec.stage(join(directory, 'there'))
    await there.write(small)
    await assert.rejects(there.flush(), codeIs('EEXIST'))
  })

  test('fails what is under way when the workers end, and refuses more', async () => {
    const other = createCodec()
    await using file = await other.stage(join(directory, 'dies'))
    await file.write(big)
    await other.close()
    await assert.rejects(async () => {
      await file.write(big)
      await file.flush()
    })
    const hasher = other.hasher('sha256')
    await assert.rejects(async () => hasher.update(big), codeIs('CODEC_CLOSED'))
  })
})

describe('compress', () => {
  for (const kind of ['gzip', 'zstd'] as const) {
    const inflate = kind === 'gzip' ? gunzipSync : zstdDecompressSync
    test(`${kind} gives the same bytes however the input came`, async () => {
      const once = await collect(codec.compress(kind, pieces(big, 1_000_000)))
      const often = await collect(codec.compress(kind, pieces(big, 1013)))
      assert.ok(once.equals(often))
      assert.ok(inflate(once).equals(big))
      assert.ok(once.length < big.length - 1_000_000)
    })

    test(`${kind} of nothing is a valid stream`, async () => {
      const bytes = await collect(codec.compress(kind, pieces(Buffer.alloc(0), 1)))
      assert.equal(inflate(bytes).length, 0)
      assert.equal((await collect(codec.decompress(kind, pieces(bytes, 100)))).length, 0)
    })

    test(`${kind} passes an error of its source on, and closes the source when the reader leaves`, async () => {
      await assert.rejects(collect(codec.compress(kind, failing())), /the source failed/)
      let closed = false
      const endless = async function* (): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield randomBytes(1_000_000)
        } finally {
          closed = true
        }
      }
      for await (const chunk of codec.compress(kind, endless())) if (chunk.length > 0) break
      await new Promise((resolve) => setTimeout(resolve, 20))
      assert.ok(closed)
    })
  }

  test('gzip says nothing of time and system, and the gzip program takes it', async () => {
    const bytes = await collect(codec.compress('gzip', pieces(big, 65_536)))
    assert.deepEqual([...bytes.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
    const path = join(directory, 'x.gz')
    writeFileSync(path, bytes)
    assert.ok(execFileSync('gzip', ['-dc', path], { maxBuffer: 10_000_000 }).equals(big))
  })
})

describe('decompress', () => {
  const packed = { gzip: gzipSync(big), zstd: zstdCompressSync(big) }
  for (const kind of ['gzip', 'zstd'] as const) {
    test(`${kind} gives the bytes back, of several members too`, async () => {
      assert.ok((await collect(codec.decompress(kind, pieces(packed[kind], 9973)))).equals(big))
      const twice = Buffer.concat([packed[kind], packed[kind]])
      assert.equal((await collect(codec.decompress(kind, pieces(twice, 65_536)))).length, big.length * 2)
    })

    for (const [name, bytes] of Object.entries({
      'is cut off': packed[kind].subarray(0, -100),
      'is something else': randomBytes(1000),
      'is empty': Buffer.alloc(0),
    })) {
      test(`${kind} refuses a stream that ${name}`, async () => {
        await assert.rejects(collect(codec.decompress(kind, pieces(bytes, 65_536))), codeIs('STREAM_DAMAGED'))
      })
    }

    test(`${kind} stops at the bound`, async () => {
      const bomb = kind === 'gzip' ? gzipSync(Buffer.alloc(50_000_000)) : zstdCompressSync(Buffer.alloc(50_000_000))
      let seen = 0
      await assert.rejects(async () => {
        const body = codec.decompress(kind, pieces(bomb, 65_536), { maxBytes: 1_000_000 })
        for await (const chunk of body) seen += chunk.length
      }, codeIs('STREAM_TOO_LARGE'))
      assert.ok(seen <= 1_000_000)
      const exact = codec.decompress(kind, pieces(packed[kind], 65_536), { maxBytes: big.length })
      assert.equal((await collect(exact)).length, big.length)
    })
  }
})

test('rechunk and coalesce keep the bytes', async () => {
  const chunks = []
  for await (const chunk of rechunk(pieces(big, 777), 100_000)) chunks.push(chunk)
  assert.ok(Buffer.concat(chunks).equals(big))
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.length === 100_000))
  const grown = []
  for await (const chunk of coalesce(pieces(big, 777), 65_536)) grown.push(chunk)
  assert.ok(Buffer.concat(grown).equals(big))
  assert.ok(grown.slice(0, -1).every((chunk) => chunk.length >= 65_536))
})

test('an idle codec lets the process end, a busy one is waited for', async () => {
  const program = `
    import { createCodec } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    const hasher = createCodec().hasher('sha256')
    await hasher.update(new Uint8Array(3_000_000))
    console.log(await hasher.digest())`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    timeout: 20_000,
  })
  assert.equal(stdout.trim(), expected(Buffer.alloc(3_000_000)))
})
