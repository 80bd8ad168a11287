import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { generateSigningKey } from '@gantry/codec'
import { expectCode } from '@gantry/testing'
import { readTar } from '@gantry/tar'
import { append } from '../commands/append.ts'
import { catalog } from '../commands/catalog.ts'
import { copy } from '../commands/copy.ts'
import { flatten } from '../commands/flatten.ts'
import { imageAttach } from '../commands/image-attach.ts'
import { imageDetach } from '../commands/image-detach.ts'
import { imageDiff } from '../commands/image-diff.ts'
import { imageExport } from '../commands/image-export.ts'
import { imagePrune } from '../commands/image-prune.ts'
import { history } from '../commands/history.ts'
import { imageInspect } from '../commands/image-inspect.ts'
import { images } from '../commands/images.ts'
import { importImage } from '../commands/import.ts'
import { manifest } from '../commands/manifest.ts'
import { mutate } from '../commands/mutate.ts'
import { rebase } from '../commands/rebase.ts'
import { referrers } from '../commands/referrers.ts'
import { rmi } from '../commands/rmi.ts'
import { sign } from '../commands/sign.ts'
import { systemDf } from '../commands/system-df.ts'
import { tags } from '../commands/tags.ts'
import { tree } from '../commands/tree.ts'
import { validate } from '../commands/validate.ts'
import { verify } from '../commands/verify.ts'
import { runCommand } from '../testing/run-command.ts'
import { transportWorld, type TransportWorld } from '../testing/transport-world.ts'

/** A world whose store has `app:1`, made of a directory. */
async function withImage(): Promise<TransportWorld> {
  const world = await transportWorld()
  await mkdir(world.path('fs/etc'), { recursive: true })
  await writeFile(world.path('fs/etc/motd'), 'hello\n')
  await runCommand(
    world,
    importImage,
    '--created',
    '0',
    '-c',
    'CMD ["/bin/true"]',
    '-c',
    'ENV A=1',
    world.path('fs'),
    'app:1',
  )
  return world
}

async function json(world: TransportWorld, command: typeof tree, ...line: string[]): Promise<unknown> {
  return JSON.parse((await runCommand(world, command, ...line)).out)
}

describe('commands of image tools', () => {
  test('import makes an image of a directory with Dockerfile instructions', async () => {
    await using world = await withImage()
    const config = (await json(world, manifest, '--config', 'app:1')) as { config: object; created: string }
    assert.deepEqual(config.config, { Cmd: ['/bin/true'], Env: ['A=1'] })
    assert.equal(config.created, '1970-01-01T00:00:00Z')
    await expectCode(runCommand(world, importImage, '-c', 'RUN x', world.path('fs'), 'app:2'), 'SPEC_INVALID')
    await expectCode(runCommand(world, importImage, 'https://example.com/x.tar', 'app:2'), 'UNSUPPORTED')
  })

  test('mutate, append and flatten name their result beside the image, and make the same digest again', async () => {
    await using world = await withImage()
    await runCommand(world, mutate, '-e', 'B=2', '-e', 'A-', '-l', 'x=y', '-t', 'app:2', 'app:1')
    await writeFile(world.path('new'), 'new\n')
    await mkdir(world.path('more'))
    await writeFile(world.path('more/x'), 'more\n')
    const line = [
      '-q',
      '--mtime',
      '0',
      '--owner',
      '1:2',
      '--prefix',
      '/opt',
      '-t',
      'app:3',
      'app:2',
      world.path('more'),
    ]
    const first = await runCommand(world, append, ...line)
    assert.equal((await runCommand(world, append, ...line)).out, first.out)
    const { out: flat } = await runCommand(world, flatten, '-q', '-t', 'app:4', 'app:3')
    assert.match(flat, /^sha256:[0-9a-f]{64}\n$/)
    const { out } = await runCommand(world, tree, '--files', 'app:4')
    assert.deepEqual(
      out
        .trimEnd()
        .split('\n')
        .map((each) => each.split(/\s+/).slice(-1)[0]),
      ['/etc', '/etc/motd', '/opt', '/opt/x'],
    )
    assert.equal((await runCommand(world, validate, 'app:1', 'app:2', 'app:3', 'app:4')).code, 0)
    const { out: names } = await runCommand(world, tags, 'store:app')
    assert.equal(names, '1\n2\n3\n4\n')
  })

  test('a result without a name is refused, and so are entries that mean nothing', async () => {
    await using world = await withImage()
    await expectCode(runCommand(world, mutate, '-e', 'A=1', 'app:1'), 'INVALID')
    await expectCode(runCommand(world, mutate, '-e', 'A', '-t', 'app:2', 'app:1'), 'INVALID')
    await expectCode(runCommand(world, mutate, '--created', 'yesterday', '-t', 'app:2', 'app:1'), 'INVALID')
    await expectCode(runCommand(world, mutate, '--cmd', '[1]', '-t', 'app:2', 'app:1'), 'INVALID')
  })

  test('an image of a registry is changed in the registry', async () => {
    await using world = await withImage()
    const { host } = await world.registry()
    await runCommand(world, copy, '-q', 'store:app:1', `${host}/app:1`)
    await runCommand(world, mutate, '--user', 'web', '-t', `${host}/app:2`, `docker://${host}/app:1`)
    const config = (await json(world, manifest, '--config', `docker://${host}/app:2`)) as { config: { User: string } }
    assert.equal(config.config.User, 'web')
    assert.equal((await runCommand(world, tags, `${host}/app`)).out, '1\n2\n')
    assert.equal((await runCommand(world, catalog, host)).out, 'app\n')
    await expectCode(runCommand(world, catalog, 'no host/x'), 'INVALID')
  })

  test('image diff tells what differs, and by its exit code', async () => {
    await using world = await withImage()
    await runCommand(world, mutate, '-e', 'A=2', '-t', 'app:2', 'app:1')
    assert.equal((await runCommand(world, imageDiff, '--exit-code', 'app:1', 'app:1')).code, 0)
    const { code, out } = await runCommand(world, imageDiff, '--exit-code', 'app:1', 'app:2')
    assert.equal(code, 1)
    assert.match(out, /^- config\.Env\.A: "1"\n\+ config\.Env\.A: "2"$/m)
    assert.equal((await runCommand(world, imageDiff, 'app:1', 'app:2')).code, 0)
    const found = (await json(world, imageDiff, '--format', 'json', 'app:1', 'app:2')) as {
      same: boolean
      files: unknown[]
    }
    assert.deepEqual([found.same, found.files], [false, []])
  })

  test('image export writes what a container sees', async () => {
    await using world = await withImage()
    await runCommand(world, imageExport, '-o', world.path('out.tar'), 'app:1')
    const bytes = await readFile(world.path('out.tar'))
    const paths: string[] = []
    for await (const { header } of readTar(
      (async function* () {
        yield bytes
      })(),
    ))
      paths.push(header.path)
    assert.deepEqual(paths, ['etc', 'etc/motd'])
  })

  test('tree tells layers, files and changes', async () => {
    await using world = await withImage()
    await mkdir(world.path('over/etc'), { recursive: true })
    await writeFile(world.path('over/etc/motd'), 'changed text\n')
    await runCommand(world, append, '-t', 'app:2', 'app:1', world.path('over'))
    const { out } = await runCommand(world, tree, '--layer', '-1', 'app:2')
    // The directory has the time at which it was made, which may be the same second.
    assert.match(out, /^[ ~] d.*\/etc\n~ -.* 13 {2}\/etc\/motd\n$/)
    const found = (await json(world, tree, '--format', 'json', 'app:2')) as { wastedBytes: number; layers: unknown[] }
    assert.deepEqual([found.wastedBytes, found.layers.length], [6, 2])
    await expectCode(runCommand(world, tree, '--layer', '3', 'app:2'), 'INVALID')
  })

  test('rebase finds the bases that the image tells', async () => {
    await using world = await withImage()
    const { host } = await world.registry()
    await runCommand(world, copy, '-q', 'store:app:1', `${host}/base:1`)
    const { out: digest } = await runCommand(world, manifest, '--digest', `docker://${host}/base:1`)
    await runCommand(world, append, '-t', `${host}/app:1`, `docker://${host}/base:1`, world.path('fs'))
    const told = [
      '-a',
      `org.opencontainers.image.base.name=${host}/base:1`,
      '-a',
      `org.opencontainers.image.base.digest=${digest.trim()}`,
    ]
    await runCommand(world, mutate, ...told, '-t', `${host}/app:2`, `docker://${host}/app:1`)
    await runCommand(world, mutate, '-e', 'A=newer', '-t', `${host}/base:1`, `docker://${host}/base:1`)
    await runCommand(world, rebase, '-t', `${host}/app:3`, `docker://${host}/app:2`)
    const config = (await json(world, manifest, '--config', `docker://${host}/app:3`)) as { config: { Env: string[] } }
    assert.deepEqual(config.config.Env, ['A=newer'])
    assert.equal((await runCommand(world, validate, `docker://${host}/app:3`)).code, 0)
    await expectCode(runCommand(world, rebase, '-t', `${host}/app:4`, `docker://${host}/app:1`), 'INVALID')
  })

  test('validate exits with 1 for what is damaged', async () => {
    await using world = await withImage()
    await runCommand(world, copy, '-q', 'store:app:1', `oci:${world.path('layout')}:1`)
    const layer = (await json(world, manifest, `oci:${world.path('layout')}:1`)) as { layers: { digest: string }[] }
    await writeFile(world.path(`layout/blobs/sha256/${layer.layers[0]?.digest.slice(7)}`), 'damaged')
    const { code, out } = await runCommand(world, validate, `oci:${world.path('layout')}:1`)
    assert.equal(code, 1)
    assert.match(out, /SIZE_MISMATCH|DIGEST_MISMATCH/)
  })
})

for (const place of ['registry', 'registry without referrers', 'store', 'layout'] as const) {
  describe(`what refers to an image in a ${place}`, () => {
    async function at(world: TransportWorld): Promise<string> {
      if (place === 'store') return 'store:app:1'
      if (place === 'layout') {
        await runCommand(world, copy, '-q', 'store:app:1', `oci:${world.path('layout')}:1`)
        return `oci:${world.path('layout')}:1`
      }
      const isOld = place === 'registry without referrers'
      const { host } = await world.registry(async ({ path }) =>
        isOld && path.includes('/referrers/') ? { status: 404, headers: {} } : undefined,
      )
      await runCommand(world, copy, '-q', 'store:app:1', `${host}/app:1`)
      return `docker://${host}/app:1`
    }

    test('is attached, listed and taken away', async () => {
      await using world = await withImage()
      const image = await at(world)
      await writeFile(world.path('sbom.json'), '{"spdxVersion": "SPDX-2.3"}')
      await writeFile(world.path('report.txt'), 'fine\n')
      const { out: sbom } = await runCommand(world, imageAttach, '-q', '--sbom', world.path('sbom.json'), image)
      await runCommand(
        world,
        imageAttach,
        '--type',
        'application/vnd.example.report',
        '-a',
        'k=v',
        image,
        `${world.path('report.txt')}:text/plain`,
      )
      const list = async (...line: string[]): Promise<string[]> => {
        const index = (await json(world, referrers, '--format', 'json', ...line, image)) as {
          manifests: { artifactType: string }[]
        }
        return index.manifests.map(({ artifactType }) => artifactType).toSorted((a, b) => (a < b ? -1 : 1))
      }
      assert.deepEqual(await list(), ['application/spdx+json', 'application/vnd.example.report'])
      assert.deepEqual(await list('--type', 'application/spdx+json'), ['application/spdx+json'])
      await runCommand(world, imageDetach, image, sbom.trim())
      assert.deepEqual(await list(), ['application/vnd.example.report'])
      await expectCode(runCommand(world, imageDetach, image, sbom.trim()), 'NOT_FOUND')
      await expectCode(runCommand(world, imageAttach, image, world.path('report.txt')), 'INVALID')
      await expectCode(runCommand(world, imageAttach, '--sbom', world.path('report.txt'), image), 'INVALID')
    })

    test('is a signature that its key verifies, and no other', async () => {
      await using world = await withImage()
      const image = await at(world)
      for (const name of ['one', 'two']) {
        const pair = generateSigningKey({ type: name === 'one' ? 'ecdsa-p256' : 'ed25519' })
        await writeFile(world.path(`${name}.key`), pair.privateKey)
        await writeFile(world.path(`${name}.pub`), pair.publicKey)
      }
      assert.equal((await runCommand(world, verify, '--key', world.path('one.pub'), image)).code, 1)
      await runCommand(world, sign, '--key', world.path('one.key'), '-a', 'stage=release', image)
      const good = await runCommand(
        world,
        verify,
        '--key',
        world.path('two.pub'),
        '--key',
        world.path('one.pub'),
        '-a',
        'stage=release',
        image,
      )
      assert.equal(good.code, 0)
      assert.match(good.out, /^Good: sha256:[0-9a-f]{64} \(bundle\) with .*one\.pub stage="release"$/m)
      // The digest that was verified, not that of the signature, is what is to be pulled.
      const digest = (await runCommand(world, manifest, '--digest', image)).out.trim()
      assert.match(digest, /^sha256:[0-9a-f]{64}$/)
      assert.ok(good.out.endsWith(`@${digest}\n`), good.out)
      assert.equal((await runCommand(world, verify, '--key', world.path('two.pub'), image)).code, 1)
      assert.equal((await runCommand(world, verify, '--key', world.path('one.pub'), '-a', 'stage=test', image)).code, 1)
      assert.equal(
        (await runCommand(world, verify, '--key', world.path('one.pub'), '--type', 'https://spdx.dev/Document', image))
          .code,
        1,
      )
      await expectCode(runCommand(world, verify, image), 'INVALID')
      await expectCode(runCommand(world, sign, image), 'INVALID')
    })
  })
}

describe('content of the store', () => {
  test('what refers to an image is no image, and goes with the last of its names', async () => {
    await using world = await withImage()
    await writeFile(world.path('sbom.json'), '{"spdxVersion": "SPDX-2.3"}')
    await runCommand(world, imageAttach, '--sbom', world.path('sbom.json'), 'store:app:1')
    assert.equal((await runCommand(world, images, '-q')).out.trimEnd().split('\n').length, 1)
    assert.match((await runCommand(world, tags, '-a', 'store:app')).out, /^sha256-[0-9a-f]{64}$/m)
    assert.match((await runCommand(world, rmi, 'app:1')).out, /^Deleted: sha256:/m)
    assert.equal((await runCommand(world, tags, '-a', 'store:app')).out, '')
  })

  test('image prune -a removes images that are not used, as far as the filters say', async () => {
    await using world = await withImage()
    await runCommand(world, mutate, '-l', 'keep=no', '-t', 'app:2', 'app:1')
    const { out } = await runCommand(world, imagePrune, '-af', '--filter', 'label=keep')
    assert.match(out, /^untagged: app:2$/m)
    assert.match(out, /^Total reclaimed space: [1-9]/m)
    assert.equal((await runCommand(world, images, '--format', '{{.Tag}}')).out, '1\n')
    assert.doesNotMatch(
      (await runCommand(world, imagePrune, '-af', '--filter', 'until=1960-01-01', '--filter', 'label!=x')).out,
      /Deleted/,
    )
    await expectCode(runCommand(world, imagePrune, '-af', '--filter', 'name=x'), 'SPEC_INVALID')
    await expectCode(runCommand(world, imagePrune, '-f', '--filter', 'until=soon'), 'SPEC_INVALID')
    assert.match((await runCommand(world, imagePrune, '-af')).out, /^untagged: app:1$/m)
  })

  test('image inspect and history tell everything of the configuration', async () => {
    await using world = await withImage()
    const changes = [
      '-c',
      'HEALTHCHECK --interval=5s CMD ["true"]',
      '-c',
      'ONBUILD RUN x',
      '-c',
      'SHELL ["/bin/ash"]',
      '-c',
      'STOPSIGNAL 9',
      '-m',
      'made by hand',
    ]
    await runCommand(world, importImage, '--created', '86400', ...changes, world.path('fs'), 'app:2')
    const [found] = JSON.parse((await runCommand(world, imageInspect, 'app:2')).out) as {
      Config: Record<string, unknown>
      Comment: string
      RepoTags: string[]
    }[]
    assert.deepEqual(found?.Config['Healthcheck'], { Test: ['CMD', 'true'], Interval: 5_000_000_000 })
    assert.deepEqual(
      [found?.Config['OnBuild'], found?.Config['Shell'], found?.Config['StopSignal']],
      [['RUN x'], ['/bin/ash'], '9'],
    )
    assert.deepEqual([found?.Comment, found?.RepoTags], ['made by hand', ['app:2']])
    assert.equal((await runCommand(world, imageInspect, '--format', '{{.Os}}', 'app:2')).out, 'linux\n')
    assert.equal((await runCommand(world, imageInspect, 'none:1')).code, 1)
    const { out } = await runCommand(
      world,
      history,
      '--no-trunc',
      '--format',
      '{{.CreatedBy}}|{{.Comment}}|{{.CreatedAt}}',
      'app:2',
    )
    assert.equal(out, 'import|made by hand|1970-01-02T00:00:00Z\n')
  })

  test('filters of images that are not known are refused', async () => {
    await using world = await withImage()
    await expectCode(runCommand(world, images, '-f', 'colour=red'), 'SPEC_INVALID')
    await expectCode(runCommand(world, images, '-f', 'dangling=perhaps'), 'SPEC_INVALID')
    assert.equal((await runCommand(world, images, '-q', '-f', 'label!=x')).out.split('\n').length, 2)
  })

  test('system df counts what images share once', async () => {
    await using world = await withImage()
    await runCommand(world, mutate, '-l', 'a=b', '-t', 'app:2', 'app:1')
    const { out } = await runCommand(world, systemDf, '-v')
    const rows = out.split('\n').filter((line) => line.startsWith('app '))
    const sizes = rows.map((line) =>
      line
        .split(/\s{2,}/)
        .slice(4, 7)
        .map(bytesOf),
    )
    for (const [size = 0, shared = 0, unique = 0] of sizes) {
      assert.ok(shared > unique && unique > 0)
      assert.ok(Math.abs(size - shared - unique) <= 20)
    }
    const total = bytesOf(/^(\S+) in all/m.exec(out)?.[1] ?? '')
    const [first, second] = sizes
    assert.ok(Math.abs(total - ((first?.[0] ?? 0) + (second?.[2] ?? 0))) <= 20, out)
  })
})

function bytesOf(text: string): number {
  const [, number = '', unit = ''] = /^([\d.]+)(k?)B$/.exec(text) ?? []
  return Number(number) * (unit === 'k' ? 1000 : 1)
}
