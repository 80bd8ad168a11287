import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFields } from './csv.ts'
import { resolveMount } from './mount.ts'
import { parseDockerfile } from './parse.ts'

const resolve = (text: string, variables: Readonly<Record<string, string>> = {}): unknown => {
  const [run] = parseDockerfile(`FROM x\nRUN --mount=${text} true`).stages[0]!.instructions
  assert.ok(run?.kind === 'run')
  const expand = (value: string): string => value.replace(/\$(\w+)/g, (_, name: string) => variables[name] ?? '')
  return JSON.parse(JSON.stringify(resolveMount(run.mounts[0]!, { expand, directory: '/work' })))
}

const good: readonly (readonly [text: string, mount: unknown])[] = [
  ['target=/a', { type: 'bind', target: '/a', source: '/', readonly: true }],
  ['from=0,src=b,dst=a,rw', { type: 'bind', target: '/work/a', source: 'b', from: '0', readonly: false }],
  ['type=bind,destination=/a,ro=false', { type: 'bind', target: '/a', source: '/', readonly: false }],
  [
    'type=cache,target=./a/',
    { type: 'cache', target: '/work/a', id: '/work/a', source: '/', sharing: 'shared', readonly: false },
  ],
  [
    'type=cache,id=x,target=/c,sharing=locked,mode=0700,uid=1,gid=2,ro',
    {
      type: 'cache',
      target: '/c',
      id: 'x',
      source: '/',
      sharing: 'locked',
      readonly: true,
      mode: 0o700,
      uid: 1,
      gid: 2,
    },
  ],
  ['type=tmpfs,target=/t,size=1.5k', { type: 'tmpfs', target: '/t', readonly: false, size: 1536 }],
  ['type=secret,id=s', { type: 'secret', id: 's', target: '/run/secrets/s', required: false }],
  ['type=secret,target=/etc/key', { type: 'secret', id: 'key', target: '/etc/key', required: false }],
  ['type=secret,id=s,env=KEY,required', { type: 'secret', id: 's', env: 'KEY', required: true }],
  ['type=secret,env=KEY', { type: 'secret', id: 'KEY', env: 'KEY', required: false }],
  ['type=ssh', { type: 'ssh', id: 'default', required: false }],
  [
    'type=ssh,id=a,target=sock,mode=600,required=1',
    { type: 'ssh', id: 'a', target: '/work/sock', mode: 0o600, required: true },
  ],
  [
    '"type=cache","target=/a,b"',
    { type: 'cache', target: '/a,b', id: '/a,b', source: '/', sharing: 'shared', readonly: false },
  ],
]

test('mount: what each becomes', async (t) => {
  for (const [text, mount] of good)
    await t.test(text, () => assert.deepEqual(resolve(text.replaceAll('"', '\\"')), mount))
})

const bad: readonly string[] = [
  'type=cache',
  'type=disk,target=/x',
  'target=/x,mode=700',
  'target=/x,what=1',
  'target',
  'target=/,type=bind',
  'target=/a/..',
  'type=cache,target=/x,sharing=none',
  'type=cache,target=/x,mode=9',
  'type=cache,target=/x,uid=a',
  'type=tmpfs,target=/x,from=y',
  'type=tmpfs,target=/x,size=big',
  'type=secret',
  'type=secret,id=a,source=b',
  'type=ssh,from=a',
  'type=bind,target=/x,required',
  'target=/x,readonly=maybe',
]

test('mount: mistakes are found when the file is read', async (t) => {
  for (const text of bad)
    await t.test(text, () => assert.throws(() => resolve(text), { code: 'FLAG_INVALID', line: 2 }))
})

test('mount: what has variables is looked at when they are known', () => {
  const variables = { T: '/x', S: 'locked', N: 'none' }
  assert.deepEqual(resolve('type=cache,target=$T,sharing=$S', variables), {
    type: 'cache',
    target: '/x',
    id: '/x',
    source: '/',
    sharing: 'locked',
    readonly: false,
  })
  assert.ok('message' in (resolve('type=cache,target=$T,sharing=$N', variables) as object))
})

test('comma-separated values', () => {
  assert.deepEqual(readFields('a,b,,c'), ['a', 'b', '', 'c'])
  assert.deepEqual(readFields('"a,b",c"d'), ['a,b', 'c"d'])
  assert.deepEqual(readFields('"say ""x"""'), ['say "x"'])
  assert.deepEqual(readFields(''), [''])
  assert.equal(readFields('"a'), undefined)
  assert.equal(readFields('"a"b'), undefined)
})
