import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { which } from '@gantry/process'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'
import { gantry } from '../testing/scripted-daemon.ts'

const skip = realDaemonMissing() ?? false
const withDocker = skip === false && which('docker') === undefined ? 'the docker client is not installed' : skip
const image = 'localhost/busybox'

describe('what nobody uses', { skip }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await gantry(args, { env: { GANTRY_ROOT: daemon.site.root } })
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`)
    return stdout.trimEnd()
  }
  const refused = async (pattern: RegExp, ...args: string[]): Promise<void> => {
    const { code, stderr } = await gantry(args, { env: { GANTRY_ROOT: daemon.site.root } })
    assert.equal(code, 1, args.join(' '))
    assert.match(stderr, pattern)
  }
  const ended = (...flags: string[]): Promise<string> => run('run', '-d', '--network', 'none', ...flags, image, 'true')

  test('stats are a table, a template and JSON; their numbers are the container’s', async () => {
    const id = await run('run', '-d', '--name', 'busy', '-m', '64m', image, 'sh', '-c', 'while :; do :; done')
    const table = await run('stats', '--no-stream')
    assert.match(
      table,
      /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS\n.* busy .*iB \/ 64MiB /,
    )
    const row = JSON.parse(await run('stats', '--no-stream', '--format', 'json', 'busy')) as Record<string, string>
    assert.ok(id.startsWith(row['ID'] ?? '-'))
    assert.ok(Number.parseFloat(row['CPUPerc'] ?? '') > 5, JSON.stringify(row))
    assert.equal(await run('stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}'), 'busy 1')
    await refused(/nothing-here/, 'stats', '--no-stream', 'nothing-here')
    await run('rm', '-f', 'busy')
  })

  test('docker’s stats are the same', { skip: withDocker }, async () => {
    await run('run', '-d', '--name', 'idle', image, 'sleep', '1000')
    const { stdout, code } = await daemon.docker('stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}')
    assert.deepEqual([code, stdout], [0, 'idle 1\n'])
    await run('rm', '-f', 'idle')
  })

  test('container prune takes what does not run, as the filters say', async () => {
    const [one, two] = [await ended('--label', 'keep=no'), await ended('--label', 'keep=yes')]
    const running = await run('run', '-d', '--network', 'none', image, 'sleep', '1000')
    await run('wait', one, two)
    await refused(/invalid filter 'nonsense'/, 'container', 'prune', '-f', '--filter', 'nonsense=1')
    await refused(/not a terminal/, 'container', 'prune')
    assert.match(await run('container', 'prune', '-f', '--filter', 'until=1h'), /^Total reclaimed space: 0B$/)
    const first = await run('container', 'prune', '-f', '--filter', 'label!=keep=yes')
    assert.match(first, new RegExp(`^Deleted Containers:\\n${one}\\n\\nTotal reclaimed space: `))
    assert.ok((await run('container', 'prune', '-f')).includes(two))
    assert.equal(await run('ps', '-aq', '--no-trunc'), running)
    await run('rm', '-f', running)
  })

  test('volume prune takes what has no name and no user; with --all what has a name, too', async () => {
    await run('volume', 'create', 'named')
    await run('volume', 'create', '--label', 'a=b', 'labelled')
    const used = await run('run', '-d', '--network', 'none', '-v', 'used:/data', '-v', '/anonymous', image, 'true')
    await run('wait', used)
    assert.match(await run('volume', 'prune', '-f'), /^Total reclaimed space: 0B$/)
    await run('rm', used)
    assert.match(await run('volume', 'prune', '-f'), /^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal/)
    assert.match(await run('volume', 'prune', '-af', '--filter', 'label=a'), /^Deleted Volumes:\nlabelled\n/)
    await refused(/invalid filter 'until'/, 'volume', 'prune', '-f', '--filter', 'until=1h')
    assert.match(await run('volume', 'prune', '-a', '-f'), /^Deleted Volumes:\nnamed\nused\n/)
    assert.equal(await run('volume', 'ls', '-q'), '')
  })

  test(
    'df counts an image once and tells what is stored twice; docker’s says the same',
    { skip: withDocker },
    async () => {
      await run('tag', image, 'localhost/again')
      await run('wait', await ended('--name', 'left'))
      const rows = (text: string): Record<string, Record<string, string>> =>
        Object.fromEntries(
          text
            .split('\n')
            .map((line) => JSON.parse(line) as Record<string, string>)
            .map((row) => [row['Type'] ?? '', row]),
        )
      const ours = rows(await run('df', '--format', 'json'))
      const { stdout, code, stderr } = await daemon.docker('system', 'df', '--format', 'json')
      assert.equal(code, 0, stderr)
      const theirs = rows(stdout.trimEnd())
      // Docker prints a digit more.
      const told = (row: Record<string, string> | undefined): unknown[] => [
        row?.['TotalCount'],
        Number.parseFloat(row?.['Size'] ?? '').toPrecision(2),
      ]
      for (const type of ['Images', 'Containers', 'Local Volumes'])
        assert.deepEqual(told(theirs[type]), told(ours[type]), type)
      assert.equal(ours['Images']?.['TotalCount'], '1')
      assert.match(await run('df', '-v'), /of them blob and unpacked +1 +[\d.]+[kM]B +0B\n/)
      assert.equal((await daemon.docker('system', 'df', '-v')).code, 0)
      await run('rm', 'left')
      assert.match(
        await run('image', 'prune', '--unpacked', '-f', '--filter', 'until=0s'),
        /reclaimed space: [\d.]+[kM]B$/,
      )
      await refused(/--unpacked/, 'image', 'prune', '--unpacked', '-a', '-f')
      assert.match(await run('df', '-v'), /of them blob and unpacked +0 +0B +0B\n/)
      await run('rmi', 'localhost/again')
    },
  )

  test('docker system prune works, and leaves volumes and what is in use', { skip: withDocker }, async () => {
    const running = await run('run', '-d', '--network', 'none', '-v', 'data:/data', image, 'sleep', '1000')
    await run('wait', await ended())
    await run('network', 'create', 'unused')
    const { code, stdout, stderr } = await daemon.docker('system', 'prune', '-f')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /Deleted Containers:\n[0-9a-f]{64}\n\nDeleted Networks:\nunused\n/)
    assert.equal(await run('ps', '-aq', '--no-trunc'), running)
    assert.equal(await run('volume', 'ls', '-q'), 'data')
    await run('rm', '-f', running)
  })

  test('system prune takes containers, networks, images and, when asked to, volumes', async () => {
    await run('wait', await ended('-v', '/anonymous'))
    await run('network', 'create', 'unused')
    await run('volume', 'create', 'data')
    await refused(/invalid filter 'dangling'/, 'system', 'prune', '-f', '--filter', 'dangling=true')
    await refused(/not supported with/, 'system', 'prune', '-f', '--volumes', '--filter', 'until=1h')
    const all = await run('system', 'prune', '-a', '-f', '--volumes')
    assert.match(all, /Deleted Containers:[^]*Deleted Networks:\nunused[^]*Deleted Volumes:[^]*Deleted Images:/)
    assert.equal(await run('images', '-q'), '')
    // A volume with a name is not touched.
    assert.equal(await run('volume', 'ls', '-q'), 'data')
  })
})
