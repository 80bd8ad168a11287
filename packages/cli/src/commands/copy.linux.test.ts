import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { createCodec } from '@gantry/codec'
import { copy, randomImage } from '@gantry/image'
import { openArchiveFile, openLayout } from '@gantry/store'
import { runTool } from '@gantry/testing'
import { gantry } from '../testing/scripted-daemon.ts'
import { transportWorld } from '../testing/transport-world.ts'

const codec = createCodec()
const world = await transportWorld()
after(async () => {
  await world[Symbol.asyncDispose]()
  await codec.close()
})

const layout = await openLayout(world.path('layout'), { codec, create: true })
const { source, descriptor } = await randomImage({ codec, seed: 1, layerBytes: 200_000 })
await copy(source, layout, descriptor)
await layout.tag('1', descriptor)

const env = { GANTRY_ROOT: world.root }
const main = new URL('../main.ts', import.meta.url).pathname
const command = `"${process.execPath}" --disable-warning=ExperimentalWarning -- "${main}"`

test('archives are streamed from and to other programs', async () => {
  const [ours, packed, again] = ['ours.tar', 'packed.tar.gz', 'again.tar'].map((name) => world.path(name))
  await runTool('sh', ['-c', `${command} copy --quiet oci:${layout.path}:1 docker-archive:-:localhost/app:1 > ${ours}`])
  await runTool('sh', ['-c', `gzip -c ${ours} > ${packed}`])
  await runTool('sh', ['-c', `${command} copy -q oci-archive:- oci-archive:-:renamed < ${packed} | cat > ${again}`])
  await using archive = await openArchiveFile(again!, { codec })
  assert.deepEqual(
    archive.entries.map((entry) => [entry.name, entry.descriptor.digest]),
    [['renamed', descriptor.digest]],
  )
  assert.ok((await readFile(ours!)).length > 400_000)
})

test('the digest is printed, and as JSON what happens', async () => {
  const to = `oci:${world.path('to')}:1`
  const quiet = await gantry(['copy', '--quiet', `oci:${layout.path}:1`, to], { env })
  assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, `${descriptor.digest}\n`, ''])
  const json = await gantry(['copy', '--progress', 'json', `oci:${layout.path}:1`, `oci:${world.path('other')}:1`], {
    env,
  })
  const lines = json.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const { milliseconds, transferred, ...summary } = lines.at(-1)!
  assert.deepEqual(summary, {
    kind: 'summary',
    verb: 'copy',
    reference: `oci:${world.path('other')}:1`,
    digest: descriptor.digest,
    reused: 0,
  })
  assert.ok(Number(transferred) > 400_000 && Number(milliseconds) >= 0)
  assert.ok(lines.some(({ kind, status }) => kind === 'layer' && status === 'Copied'))
})

test('the exit code says whether it was copied, and the message which side failed', async () => {
  const missing = await gantry(['copy', `oci:${layout.path}:2`, `oci:${world.path('x')}`], { env })
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /^gantry: Cannot find ".*:2": it has "1"\n/)
  const usage = await gantry(['copy', '--format', 'zip', 'a', 'b'], { env })
  assert.equal(usage.code, 125)
  const nobody = await gantry(['copy', `oci:${layout.path}:1`, '127.0.0.1:1/app:1'], { env })
  assert.equal(nobody.code, 1)
  assert.match(nobody.stderr, /the sink could not take it/)
})
