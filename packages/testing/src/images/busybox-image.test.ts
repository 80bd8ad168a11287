import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore, openImage, validateImage } from '@gantry/image'
import { readTar } from '@gantry/tar'
import { testCodec } from '../blobs/test-codec.ts'
import { busyboxMissing } from '../fixtures/busybox-layer.ts'
import { busyboxImage } from './busybox-image.ts'
import { hostPlatform } from './host-platform.ts'

test(
  'the busybox image is whole, for this machine, and reproducible',
  { skip: busyboxMissing() ?? false },
  async () => {
    const codec = testCodec()
    const store = new MemoryStore(codec)
    const image = await busyboxImage(store, codec)
    assert.deepEqual(await validateImage(await openImage(store, image.descriptor, { codec }), { codec }), [])
    const config = await image.config()
    assert.equal(config.architecture, hostPlatform().architecture)
    const [layer] = await image.layers()
    assert.ok(layer)
    const paths: string[] = []
    for await (const { header } of readTar(await layer.openTar())) paths.push(header.path)
    for (const path of ['bin/busybox', 'bin/sh', 'etc/passwd', 'tmp', 'root']) assert.ok(paths.includes(path), path)
    const again = await busyboxImage(new MemoryStore(codec), codec)
    assert.equal(again.descriptor.digest, image.descriptor.digest)
  },
)
