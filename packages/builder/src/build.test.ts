import assert from 'node:assert/strict'
import { chmodSync, linkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { listing, World } from './test/world.ts'

describe('build without RUN', { concurrency: false }, () => {
  let world: World
  before(async () => {
    world = await World.open()
  })
  after(() => world[Symbol.asyncDispose]())

  test('links never lead out of the context', async () => {
    const context = world.context({ Dockerfile: 'FROM scratch\nCOPY . /all\nCOPY in /in\n', 'd/x': '1' })
    symlinkSync('/etc', join(context, 'out'))
    symlinkSync('../../../../../../d', join(context, 'in'))
    symlinkSync('/', join(context, 'root'))
    const { layers } = await world.build(context)
    const links = (await world.layer(layers[0]!)).filter(({ type }) => type === 'symlink')
    assert.deepEqual(
      links.map(({ path, linkPath }) => [path, linkPath]),
      [
        ['all/in', '../../../../../../d'],
        ['all/out', '/etc'],
        ['all/root', '/'],
      ],
    )
    assert.deepEqual(
      (await world.layer(layers[1]!)).map(({ path }) => path),
      ['in', 'in/x'],
    )
    for (const source of ['out/passwd', '../../../../etc/passwd', 'root/etc/passwd']) {
      writeFileSync(join(context, 'Dockerfile'), `FROM scratch\nCOPY ${source} /p\n`)
      await assert.rejects(world.build(context), { code: 'SOURCE_UNKNOWN', line: 2 }, source)
    }
  })

  test('what is ignored is not there, what is re-included is', async () => {
    const { layers } = await world.build({
      Dockerfile: 'FROM scratch\nCOPY . /\n',
      '.dockerignore': '**\n!keep\n!deep/a/b\n',
      keep: '1',
      drop: '2',
      'deep/a/b': '3',
      'deep/a/c': '4',
      'other/x': '5',
    })
    assert.deepEqual(
      (await world.layer(layers[0]!)).map(({ path }) => path),
      ['deep', 'deep/a', 'deep/a/b', 'keep'],
    )
    const ignored = { Dockerfile: 'FROM scratch\nCOPY x /\n', '.dockerignore': 'x', x: '' }
    await assert.rejects(world.build(ignored), { code: 'SOURCE_UNKNOWN' })
  })

  test('wildcards, several sources, trailing slashes, implicit directories, modes, heredocs', async () => {
    const { layers } = await world.build({
      Dockerfile:
        'FROM scratch\nCOPY *.txt /t/\nCOPY --chmod=640 --chown=1:2 d one.txt /m/n/\nCOPY one.txt /renamed\nCOPY nothing* /none/\n' +
        'COPY <<EOF <<"Q" /h/\nhi $HOME\nEOF\nraw $HOME\nQ\n',
      'one.txt': '1',
      'two.txt 755': '2',
      'd/sub/x': '3',
    })
    const lines = await Promise.all(layers.map(async (id) => listing(await world.layer(id))))
    assert.deepEqual(lines, [
      ['directory 755 0:0 t', 'file 644 0:0 t/one.txt', 'file 755 0:0 t/two.txt'],
      [
        'directory 640 1:2 m',
        'directory 640 1:2 m/n',
        'file 640 1:2 m/n/one.txt',
        'directory 640 1:2 m/n/sub',
        'file 640 1:2 m/n/sub/x',
      ],
      ['file 644 0:0 renamed'],
      [],
      ['directory 755 0:0 h', 'file 644 0:0 h/EOF', 'file 644 0:0 h/Q'],
    ])
    const texts = (await world.layer(layers[4]!)).map(({ content }) => content)
    assert.deepEqual(texts, ['', 'hi \n', 'raw $HOME\n'])
  })

  test('hard links stay, sticky and set-id bits too', async () => {
    const context = world.context({ Dockerfile: 'FROM scratch\nCOPY d /\n', 'd/a': 'x', 'd/t/': '' })
    linkSync(join(context, 'd/a'), join(context, 'd/b'))
    chmodSync(join(context, 'd/a'), 0o4755)
    chmodSync(join(context, 'd/t'), 0o1777)
    const { layers } = await world.build(context)
    assert.deepEqual(listing(await world.layer(layers[0]!)), [
      'file 4755 0:0 a',
      'hardlink 4755 0:0 b',
      'directory 1777 0:0 t',
    ])
  })

  test('hard links do not reach across sources', async () => {
    const context = world.context({ Dockerfile: 'FROM scratch\nCOPY [ab] /\n', a: 'x' })
    linkSync(join(context, 'a'), join(context, 'b'))
    const { layers } = await world.build(context)
    assert.deepEqual(listing(await world.layer(layers[0]!)), ['file 644 0:0 a', 'file 644 0:0 b'])
  })

  test('WORKDIR of a user whom nobody knows belongs to root, with a warning', async () => {
    const { layers } = await world.build({ Dockerfile: 'FROM scratch\nUSER nobodyx\nWORKDIR /w\n' })
    assert.deepEqual(listing(await world.layer(layers[0]!)), ['directory 755 0:0 w'])
    assert.ok(world.events.some((event) => event.kind === 'warning' && event.rule === 'UnknownUser'))
  })

  test('a name that means a deletion in layers is refused', async () => {
    await assert.rejects(world.build({ Dockerfile: 'FROM scratch\nCOPY d /\n', 'd/.wh.x': '' }), {
      code: 'DESTINATION_INVALID',
    })
  })

  const refused: readonly (readonly [rule: string, dockerfile: string, code: string, line: number])[] = [
    ['a directory over a file', 'FROM scratch\nCOPY d /x/\nCOPY a /y/x\nCOPY d2 /y', 'DESTINATION_INVALID', 4],
    ['several files to a name', 'FROM scratch\nCOPY a b /c', 'DESTINATION_INVALID', 2],
    ['a missing source', 'FROM scratch\nCOPY gone /c', 'SOURCE_UNKNOWN', 2],
    ['a malformed pattern', 'FROM scratch\nCOPY a[ /c', 'ARGUMENT_INVALID', 2],
    ['a mode that is none', 'FROM scratch\nCOPY --chmod=u+q a /c', 'ARGUMENTS_INVALID', 2],
    ['a directory below a file', 'FROM scratch\nCOPY a /a\nCOPY a /a/b', 'DESTINATION_INVALID', 3],
    ['an unknown user', 'FROM scratch\nCOPY --chown=nobodyx a /a', 'USER_UNKNOWN', 2],
    ['an unknown image', 'FROM localhost/nothing', 'BASE_UNKNOWN', 1],
    ['a bad image name', 'FROM UPPER', 'BASE_UNKNOWN', 1],
    ['a bad port', 'FROM scratch\nEXPOSE 80/xyz', 'ARGUMENTS_INVALID', 2],
    ['a bad signal', 'FROM scratch\nSTOPSIGNAL SIGX', 'ARGUMENTS_INVALID', 2],
    ['an empty WORKDIR', 'FROM scratch\nWORKDIR $NOPE', 'ARGUMENTS_INVALID', 2],
    [
      'a foreign platform that must run',
      'FROM --platform=linux/mips64le scratch\nCOPY a /\nRUN x',
      'PLATFORM_UNSUPPORTED',
      3,
    ],
  ]
  for (const [rule, Dockerfile, code, line] of refused) {
    test(`refused: ${rule}`, async () => {
      const files = { Dockerfile, a: '1', b: '2', 'd/f': '3', 'd2/x/f': '4' }
      await assert.rejects(world.build(files), { code, line })
    })
  }

  test('COPY needs no container and no mount, and a chain of them is cached', async () => {
    const files = { Dockerfile: 'FROM scratch\nCOPY a /x/\nCOPY a /x/y/\nWORKDIR /x/y/z\nCOPY . .\n', a: '1' }
    const { layers } = await world.build(files)
    assert.deepEqual(world.ports.snapshots.list().layers, [])
    assert.deepEqual(listing(await world.layer(layers[1]!)), [
      'directory 755 0:0 x',
      'directory 755 0:0 x/y',
      'file 644 0:0 x/y/a',
    ])
    await world.build(files)
    assert.ok(world.steps().every(([, cached]) => cached))
  })

  test('owners that COPY itself brought are known to the next COPY', async () => {
    const { layers } = await world.build({
      Dockerfile: 'FROM scratch\nCOPY passwd /etc/passwd\nCOPY --chown=ann a /a\nUSER ann\nWORKDIR /home/ann\n',
      passwd: 'ann:x:31:32::/:/bin/sh\n',
      a: '',
    })
    const lines = (await Promise.all(layers.slice(1).map((id) => world.layer(id)))).flatMap(listing)
    assert.deepEqual(lines, ['file 644 31:32 a', 'directory 755 31:32 home', 'directory 755 31:32 home/ann'])
  })

  test('the Dockerfile has its own ignore file; its lower-case name and -f work', async () => {
    const context = world.context({
      'deploy/App.Dockerfile': 'FROM scratch\nCOPY . /\n',
      'deploy/App.Dockerfile.dockerignore': 'deploy\n.dockerignore\nb\n',
      '.dockerignore': 'a',
      a: '1',
      b: '2',
    })
    const { layers } = await world.build(context, { dockerfile: join(context, 'deploy/App.Dockerfile') })
    assert.deepEqual(listing(await world.layer(layers[0]!)), ['file 644 0:0 a'])
    assert.ok(await world.build({ dockerfile: 'FROM scratch\nLABEL a=b\n' }))
  })

  test('metadata is written as docker build writes it', async () => {
    const { config } = await world.build(
      {
        Dockerfile: `FROM scratch AS a
ARG V=1
LABEL b=2 a="1 $V"
CMD ["x"]
FROM a
ENTRYPOINT ["e", "\\"q\\""]
EXPOSE 8080 53/udp 90-91
VOLUME ["/v b"]
VOLUME /v
STOPSIGNAL SIGINT
HEALTHCHECK --interval=90s --retries=3 CMD curl x
USER u
SHELL ["/bin/bash", "-c"]
CMD echo $HOME
MAINTAINER me
`,
      },
      { labels: { z: 'cli', a: 'over' } },
    )
    assert.deepEqual(config.config, {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Entrypoint: ['e', '"q"'],
      Cmd: ['/bin/bash', '-c', 'echo $HOME'],
      ArgsEscaped: true,
      ExposedPorts: { '53/udp': {}, '8080/tcp': {}, '90/tcp': {}, '91/tcp': {} },
      Volumes: { '/v': {}, '/v b': {} },
      WorkingDir: '/',
      Labels: { a: 'over', b: '2', z: 'cli' },
      StopSignal: 'SIGINT',
      Healthcheck: { Test: ['CMD-SHELL', 'curl x'], Interval: 90e9, Retries: 3 },
      User: 'u',
      Shell: ['/bin/bash', '-c'],
    })
    assert.equal(config.author, 'me')
    assert.deepEqual(
      config.history?.map(({ created_by, empty_layer }) => [created_by, empty_layer]),
      [
        ['ARG V=1', true],
        ['LABEL b=2 a=1 1', true],
        ['CMD ["x"]', true],
        ['ENTRYPOINT ["e" "\\"q\\""]', true],
        ['EXPOSE [53/udp 8080/tcp 90/tcp 91/tcp]', true],
        ['VOLUME [/v b]', true],
        ['VOLUME [/v]', true],
        ['STOPSIGNAL SIGINT', true],
        [`HEALTHCHECK &{["CMD-SHELL" "curl x"] "1m30s" "0s" "0s" "0s" '\\x03'}`, true],
        ['USER u', true],
        ['SHELL [/bin/bash -c]', true],
        ['CMD ["/bin/bash" "-c" "echo $HOME"]', true],
        ['MAINTAINER me', true],
      ],
    )
  })

  test('ENTRYPOINT takes away an inherited CMD, not one of its own stage', async () => {
    const own = await world.build({ Dockerfile: 'FROM scratch\nCMD ["c"]\nENTRYPOINT ["e"]\n' })
    assert.deepEqual([own.config.config?.Entrypoint, own.config.config?.Cmd], [['e'], ['c']])
    const inherited = await world.build({ Dockerfile: 'FROM scratch AS a\nCMD ["c"]\nFROM a\nENTRYPOINT ["e"]\n' })
    assert.deepEqual([inherited.config.config?.Entrypoint, inherited.config.config?.Cmd], [['e'], undefined])
  })

  test('ARG: global, stage, build argument, inherited, after ENV, automatic, not leaking between siblings', async () => {
    const { config } = await world.build(
      {
        Dockerfile: `ARG G=g
FROM scratch AS base
ARG G
ARG D=d
FROM scratch AS sibling
LABEL sibling="[$G$D]"
FROM base
ARG TARGETARCH
ENV E=1
ARG E=2
LABEL values="$G $D $E $TARGETARCH $BUILDARCH"
COPY --from=sibling . /
`,
      },
      { buildArgs: { D: 'given' }, platform: { os: 'linux', architecture: 's390x' } },
    )
    assert.equal(config.config?.Labels?.['values'], 'g given 2 s390x ')
    assert.equal(config.architecture, 's390x')
    assert.deepEqual(config.config?.Env?.slice(1), ['E=1'])
  })

  test('a whole instruction sees the variables as they were before it', async () => {
    const { config } = await world.build({
      Dockerfile: 'FROM scratch\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\n',
    })
    assert.deepEqual(config.config?.Env?.slice(1), ['abc=bye', 'def=hello', 'ghi=bye'])
  })

  test('build arguments that nobody takes are warned of', async () => {
    await world.build(
      { Dockerfile: 'ARG G\nFROM scratch\nARG A\nLABEL a=$A$G\n' },
      { buildArgs: { A: '1', G: '2', X: '3', http_proxy: 'p' } },
    )
    const warnings = world.events.flatMap((event) => (event.kind === 'warning' ? event.message : []))
    assert.equal(warnings.at(-1), 'no ARG takes the build argument X')
  })

  test('a context, Dockerfile, name or target that is wrong', async () => {
    await assert.rejects(world.build(join(world.root, 'nowhere')), { code: 'CONTEXT_INVALID' })
    await assert.rejects(world.build({ a: '' }), { code: 'DOCKERFILE_UNREADABLE' })
    await assert.rejects(world.build({ Dockerfile: 'FROM scratch' }, { tags: ['Bad Name'] }), {
      code: 'OPTIONS_INVALID',
    })
    await assert.rejects(world.build({ Dockerfile: 'FROM scratch' }, { target: 'x' }), { code: 'STAGE_UNKNOWN' })
    const options = { buildArgs: { SOURCE_DATE_EPOCH: 'yesterday' } }
    await assert.rejects(world.build({ Dockerfile: 'FROM scratch' }, options), { code: 'OPTIONS_INVALID' })
  })

  test('layers that were collected are made again', async () => {
    const files = { Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'collected' }
    const first = await world.build(files)
    await world.store.delete(first.layers[0]!)
    const second = await world.build(files)
    assert.equal(second.digest, first.digest)
    assert.ok(world.store.size(first.layers[0]!) !== undefined)
    assert.deepEqual(
      world.steps().map(([, cached]) => cached),
      [false],
    )
  })

  test('a full disk ends in one clear error and leaves nothing', async () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const store = Object.create(world.store, { ingest: { value: () => Promise.reject(full) } }) as typeof world.store
    const other = Object.create(world, { ports: { value: { ...world.ports, store } } }) as World
    const files = { Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'full' }
    await assert.rejects(other.build(files), { code: 'DISK_FULL', line: 2 })
    world.assertClean()
  })

  test('events: the plan first, each step started and done, the result last', async () => {
    await world.build(
      { Dockerfile: 'FROM scratch AS a\nCOPY x /\nFROM scratch\nARG N=v\nCOPY x /$N\nWORKDIR /\n', x: '1' },
      { tags: ['t:1'] },
    )
    const [source, plan, ...rest] = world.events
    assert.ok(source?.kind === 'dockerfile' && source.text.startsWith('FROM scratch AS a'))
    assert.ok(plan?.kind === 'plan')
    assert.deepEqual(
      plan.steps.map(({ stageName, position, total, text }) => [stageName, position, total, text]),
      [
        ['stage-1', 1, 2, 'COPY x /$N'],
        ['stage-1', 2, 2, 'WORKDIR /'],
      ],
    )
    assert.deepEqual(
      rest.flatMap((event) => (event.kind === 'progress' ? [] : [event.kind])),
      ['step-start', 'step-done', 'step-start', 'step-done', 'done'],
    )
    const start = rest.find((event) => event.kind === 'step-start')
    assert.equal(start?.kind === 'step-start' && start.step.text, 'COPY x /v')
    const done = rest.at(-1)
    assert.deepEqual(done?.kind === 'done' && done.tags, ['docker.io/library/t:1'])
  })
})
