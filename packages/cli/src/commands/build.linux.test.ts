import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { parseOutput } from '../build/build-outputs.ts'
import { readAgents, readHosts, readSecrets } from '../build/read-build-inputs.ts'
import { gantry, type CliResult } from '../testing/scripted-daemon.ts'

const scratch = mkdtempSync(join(tmpdir(), 'gantry-build-cli-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const context = join(scratch, 'context')
mkdirSync(context)
writeFileSync(join(context, 'a'), 'hello')
writeFileSync(
  join(context, 'Dockerfile'),
  'FROM scratch AS small\nCOPY a /\n# app is it\nFROM scratch AS app\nARG X=1\nCOPY a /dir/\nCMD x\n',
)
const run = (...args: string[]): Promise<CliResult> =>
  gantry(args, { env: { GANTRY_ROOT: join(scratch, 'root'), GANTRY_RUN: join(scratch, 'run') } })

describe('gantry build', () => {
  test('--call tells what could be built without building', async () => {
    const check = await run('build', '--check', context)
    assert.equal(check.code, 1, check.stderr)
    assert.match(check.stdout, /Dockerfile:7:1: JSONArgsRecommended[^]*\^\^\^\^\^[^]*1 warning has been found/)
    const targets = await run('build', '--call', 'targets', '--format', 'json', context)
    assert.deepEqual(
      (JSON.parse(targets.stdout) as { name: string; description: string }[]).map(({ name, description }) => [
        name,
        description,
      ]),
      [
        ['small', ''],
        ['app', 'is it'],
      ],
    )
    assert.match((await run('build', '--call=outline', context)).stdout, /^TARGET: app\nDESCRIPTION: is it\n[^]*X +1/)
  })

  test('--output writes a directory, a tar and archives beside the store', async () => {
    const directory = join(scratch, 'out')
    const [oci, docker, metadata] = ['oci.tar', 'docker.tar', 'meta.json'].map((name) => join(scratch, name))
    const built = await run(
      'build',
      '-q',
      '-t',
      'localhost/app:1',
      '-o',
      directory,
      '-o',
      `type=oci,dest=${oci}`,
      '-o',
      `type=docker,dest=${docker}`,
      '--metadata-file',
      metadata!,
      context,
    )
    assert.equal(built.code, 0, built.stderr)
    assert.deepEqual(readdirSync(join(directory, 'dir')), ['a'])
    const list = (file: string): string => execFileSync('tar', ['tf', file], { encoding: 'utf8' })
    assert.match(list(oci!), /oci-layout/)
    assert.match(list(docker!), /manifest\.json/)
    const { 'containerimage.config.digest': id, 'image.name': name } = JSON.parse(
      readFileSync(metadata!, 'utf8'),
    ) as Record<string, string>
    assert.equal(`${id}\n`, built.stdout)
    assert.equal(name, 'localhost/app:1')
  })

  test('a flag that cannot be read ends with one error', async () => {
    const rows: readonly (readonly [args: readonly string[], said: RegExp])[] = [
      [['--secret', 'id=a,what=b'], /it has no "what"/],
      [['--secret', 'id=a,env=NOT_SET_HERE'], /NOT_SET_HERE is not set/],
      [['--output', 'type=zip'], /there is no type "zip"/],
      [['--output', 'type=local'], /it has no dest/],
      [['--build-context', 'x'], /not NAME=VALUE/],
      [['--add-host', 'x'], /not NAME:ADDRESS/],
      [['--platform', 'linux/'], /linux\//],
    ]
    for (const [args, said] of rows) {
      const { code, stderr } = await run('build', ...args, context)
      assert.notEqual(code, 0, args.join(' '))
      assert.match(stderr, said)
    }
  })
})

test('secrets: a file, a variable, or whatever has the name', () => {
  const env = { TOKEN: 't', NAME: 'n' }
  const value = (text: string) => ({ value: new TextEncoder().encode(text) })
  assert.deepEqual(readSecrets(['id=a,src=/f', 'id=b,env=NAME', 'id=TOKEN', 'src=/d/key', 'type=env,id=NAME'], env), {
    a: { path: '/f' },
    b: value('n'),
    TOKEN: value('t'),
    key: { path: '/d/key' },
    NAME: value('n'),
  })
})

test('agents: without SSH_AUTH_SOCK there is none; files are keys', async () => {
  await assert.rejects(readAgents(['default'], {}), { code: 'INVALID' })
  await assert.rejects(readAgents(['default=/no/such'], {}), { code: 'INVALID' })
  const key = join(context, 'a')
  assert.deepEqual(await readAgents([`git=${key}`], {}), { git: { keys: [key] } })
})

test('hosts and outputs: the forms that docker has', () => {
  assert.deepEqual(readHosts(['a:1.2.3.4', 'b=[::1]']), { a: '1.2.3.4', b: '::1' })
  assert.deepEqual(parseOutput('-'), { kind: 'tar', path: '-' })
  assert.deepEqual(parseOutput('/d'), { kind: 'local', path: '/d' })
  assert.deepEqual(parseOutput('type=registry'), { kind: 'push', name: undefined })
  assert.deepEqual(parseOutput('type=image,push=true,name=x'), { kind: 'push', name: 'x' })
  assert.deepEqual(parseOutput('type=docker'), { kind: 'store' })
})
