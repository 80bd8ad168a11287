import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { busyboxMissing, toolsMissing } from '@gantry/testing'
import type { BuildEvent } from './events.ts'
import { World } from './test/world.ts'

const skip = process.getuid?.() === 0 ? (busyboxMissing() ?? false) : 'needs root, to run containers'
const base = 'FROM localhost/busybox\n'

describe('RUN --mount', { skip, concurrency: false }, () => {
  let world: World
  before(async () => {
    world = await World.open()
    await world.busybox()
  })
  after(() => world[Symbol.asyncDispose]())

  const top = async (result: Awaited<ReturnType<World['build']>>): Promise<string[]> =>
    (await world.layer(result.layers.at(-1)!)).map(({ path, content }) =>
      content === '' ? path : `${path}=${content}`,
    )

  test('bind: what changed since the step got its key is not mounted under that key', async ({ mock }) => {
    const dockerfile = `${base}RUN --mount=target=/src cp /src/changes /out\n`
    const context = world.context({ Dockerfile: dockerfile, changes: 'before' })
    const { snapshots } = world.ports
    const prepare = snapshots.prepare.bind(snapshots)
    const changing = mock.method(snapshots, 'prepare', (...given: Parameters<typeof prepare>) => {
      writeFileSync(join(context, 'changes'), 'behind')
      return prepare(...given)
    })
    await assert.rejects(world.build(context), { code: 'SOURCE_CHANGED', line: 2 })
    changing.mock.restore()
    writeFileSync(join(context, 'changes'), 'before')
    assert.deepEqual(await top(await world.build(context)), ['out=before'])
    assert.deepEqual(world.steps(), [['RUN --mount=target=/src cp /src/changes /out', false]])
  })

  test('bind: the context without what is ignored, which nothing can write to', async () => {
    const files = {
      '.dockerignore': 'ignored',
      Dockerfile: `${base}RUN --mount=target=/src --mount=src=d/f,target=/one/file cp /src/d/f /out && cat /one/file >>/out && ! touch /src/x 2>/dev/null && ls /src >>/out\n`,
      'd/f': 'hi\n',
      ignored: 'x',
    }
    assert.deepEqual(await top(await world.build(files)), ['out=hi\nhi\nDockerfile\nd\n'])
    await world.build(files)
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [true],
    )
    await world.build({ ...files, ignored: 'y' })
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [true],
    )
    await world.build({ ...files, 'd/f': 'ho\n' })
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [false],
    )
    world.assertClean()
  })

  test('bind: from a stage, and what is written to it is thrown away', async () => {
    const result = await world.build({
      Dockerfile: `${base.trim()} AS tools\nRUN mkdir /t && echo a >/t/a\n${base}RUN --mount=from=tools,source=t,target=/t,rw echo b >/t/b && cat /t/* >/out\n`,
    })
    assert.deepEqual(await top(result), ['out=a\nb\n'])
    await assert.rejects(
      world.build({
        Dockerfile: `${base.trim()} AS tools\n${base}RUN --mount=from=tools,source=gone,target=/t true\n`,
      }),
      { code: 'SOURCE_UNKNOWN', line: 3 },
    )
    world.assertClean()
  })

  test('cache: is there again in the next build, is in no layer, and is no part of the key', async () => {
    const build = (command: string): Promise<Awaited<ReturnType<World['build']>>> =>
      world.build({
        Dockerfile: `${base}RUN --mount=type=cache,target=/root/.cache/x,mode=0700,uid=5,gid=6 ${command}\n`,
      })
    assert.deepEqual(await top(await build('echo 1 >/root/.cache/x/f')), [])
    assert.deepEqual(await top(await build('cat /root/.cache/x/f >/out; stat -c "%a %u %g" /root/.cache/x >>/out')), [
      'out=1\n700 5 6\n',
    ])
    await build('echo 1 >/root/.cache/x/f')
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [true],
    )
    world.assertClean()
  })

  test('cache: private ones are apart, locked ones wait for each other', async () => {
    const stages = (sharing: string): string =>
      [1, 2, 3]
        .map(
          (number) =>
            `${base.trim()} AS s${number}\nRUN --mount=type=cache,id=${sharing},target=/c,sharing=${sharing} ls /c >/seen; touch /c/${number}; sleep 0.3; ls /c >>/seen\n`,
        )
        .join('')
    const copies = 'FROM scratch\nCOPY --from=s1 /seen /1\nCOPY --from=s2 /seen /2\nCOPY --from=s3 /seen /3\n'
    const seen = async (sharing: string): Promise<string[]> => {
      const { layers } = await world.build({ Dockerfile: stages(sharing) + copies })
      const contents = await Promise.all(layers.map(async (layer) => (await world.layer(layer))[0]!.content))
      return contents.map((content) => content.trim().split('\n').join(''))
    }
    // Each saw only its own file.
    assert.deepEqual(
      (await seen('private')).map((text) => text.length),
      [1, 1, 1],
    )
    // Each saw those of the ones before it at its start, and then its own beside them.
    assert.deepEqual(
      (await seen('locked')).map((text) => text.length).toSorted((a, b) => a - b),
      [1, 3, 5],
    )
    world.assertClean()
  })

  test('cache: begins with the files that it is from', async () => {
    const result = await world.build({
      Dockerfile: `${base.trim()} AS seed\nRUN mkdir /s && echo seed >/s/f\n${base}RUN --mount=type=cache,id=seeded,from=seed,source=s,target=/c cat /c/f >/out; echo more >>/c/f\nRUN --mount=type=cache,id=seeded,from=seed,source=s,target=/c cat /c/f >/out2\n`,
    })
    assert.deepEqual(await top(result), ['out2=seed\nmore\n'])
  })

  test('tmpfs: is empty, has its size and leaves nothing', async () => {
    const result = await world.build({
      Dockerfile: `${base}RUN --mount=type=tmpfs,target=/deep/t,size=1m df -k /deep/t | tail -1 | awk '{print $2}' >/out; ! dd if=/dev/zero of=/deep/t/x bs=1M count=2 2>/dev/null\n`,
    })
    assert.deepEqual(await top(result), ['out=1024\n'])
  })

  test('network: none has only itself', async () => {
    const result = await world.build({ Dockerfile: `${base}RUN --network=none ls /sys/class/net >/out\n` })
    assert.deepEqual(await top(result), ['out=lo\n'])
  })

  test('secret: as a file and a variable; never in a layer, the history, the cache, an event or anything else that is kept', async () => {
    const secret = 'correct-horse-battery-staple'
    const file = join(world.context({ token: secret }), 'token')
    const run =
      'RUN --mount=type=secret,id=token,uid=3,mode=0440 --mount=type=secret,id=other,env=OTHER,required stat -c "%a %u %s" /run/secrets/token >/out; echo ${#OTHER} >>/out; cat /run/secrets/token; echo $OTHER\n'
    const secrets = { token: { path: file }, other: { value: Buffer.from(secret) } }
    const result = await world.build({ Dockerfile: base + run }, { secrets })
    assert.deepEqual(await top(result), [`out=440 3 ${secret.length}\n${secret.length}\n`])
    assert.ok(!JSON.stringify(world.events).includes(secret))
    assert.equal(world.output(), '******\n')
    writeFileSync(file, 'changed')
    await world.build({ Dockerfile: base + run }, { secrets: { ...secrets, other: { value: Buffer.from('changed') } } })
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [true],
    )
    const found = [...filesBelow(world.root)].filter((path) => path !== file && readFileSync(path).includes(secret))
    assert.deepEqual(found, [])
    world.assertClean()
  })

  test('secret: one that is needed and not given ends the build; another is left out', async () => {
    await assert.rejects(world.build({ Dockerfile: `${base}RUN --mount=type=secret,id=gone,required true\n` }), {
      code: 'SECRET_MISSING',
      line: 2,
    })
    const optional = await world.build({
      Dockerfile: `${base}RUN --mount=type=secret,id=gone ls /run/secrets 2>/dev/null | wc -l >/out\n`,
    })
    assert.deepEqual(await top(optional), ['out=0\n'])
    world.assertClean()
  })

  test('ssh: reaches the agent of the caller, through a socket that belongs to the user', async () => {
    const socket = join(world.root, 'agent')
    const asked: string[] = []
    const server = createServer((connection) => {
      connection.on('data', (data) => {
        asked.push(data.toString())
        connection.end('pong')
      })
    })
    await new Promise<void>((resolve) => server.listen(socket, resolve))
    try {
      const Dockerfile = `${base}USER 1234\nRUN --mount=type=ssh,required stat -c "%a %u" $SSH_AUTH_SOCK && echo ping | nc local:$SSH_AUTH_SOCK || true\n`
      await world.build({ Dockerfile }, { ssh: { default: { socket } } })
      assert.match(world.output(), /^600 1234$/m)
      await assert.rejects(world.build({ Dockerfile }, { noCache: true }), { code: 'SECRET_MISSING' })
    } finally {
      server.close()
    }
    world.assertClean()
  })

  test(
    'ssh: keys are held by an agent of the step',
    { skip: toolsMissing('ssh-agent', 'ssh-add', 'ssh-keygen') },
    async () => {
      const { execFileSync } = await import('node:child_process')
      const key = join(world.context({}), 'key')
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
      const Dockerfile = `${base}RUN --mount=type=ssh,id=git test -S $SSH_AUTH_SOCK && echo there\n`
      const { ledger } = world.ports
      const ends: string[] = []
      const look = (event: BuildEvent): void => {
        if (event.kind !== 'output') return
        const entries = ledger.owners('build').flatMap(({ owner }) => ledger.history(owner))
        ends.push(...entries.filter(({ sentence }) => sentence.includes('SSH agent')).map(({ undo }) => undo))
      }
      const { build } = await import('./build.ts')
      const context = world.context({ Dockerfile })
      await build({ context, environment: {}, ssh: { git: { keys: [key] } }, onEvent: look }, world.ports)
      // A build that is killed leaves no agent with keys: the ledger knows how to end it.
      assert.match(ends[0] ?? '', /^p?kill -KILL .*agent-0-own$/)
      await assert.rejects(
        world.build({ Dockerfile, x: '1' }, { noCache: true, ssh: { git: { keys: ['/no/such/key'] } } }),
        {
          code: 'SOURCE_UNREADABLE',
        },
      )
      world.assertClean()
    },
  )

  test('a target behind a link stays inside; mount points of others are not removed', async () => {
    const result = await world.build({
      Dockerfile: `${base}RUN ln -s /etc /link && mkdir -p /keep/empty\nRUN --mount=type=tmpfs,target=/link/sub --mount=type=tmpfs,target=/keep/empty touch /link/sub/x\n`,
    })
    assert.deepEqual(await top(result), [])
    assert.ok((await world.layer(result.layers.at(-2)!)).some(({ path }) => path === 'keep/empty'))
    world.assertClean()
  })
})

function* filesBelow(directory: string): Generator<string> {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats?.isDirectory() === true) yield* filesBelow(path)
    else if (stats?.isFile() === true) yield path
  }
}
