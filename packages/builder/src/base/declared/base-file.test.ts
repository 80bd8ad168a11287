import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseBaseFile } from './base-file.ts'
import { compareLocks } from './compare-locks.ts'
import { declarationKey, formatLock, lockPath, parseLock, type BaseLock } from './base-lock.ts'

const least = { name: 'localhost/x', packages: ['libc6'] }

describe('parseBaseFile', () => {
  test('everything but name and packages has a default', () => {
    const found = parseBaseFile(JSON.stringify(least), 'gantry-base.json')
    assert.deepEqual(found.include, { shell: false, packageManager: false })
    assert.deepEqual(found.architectures, [])
    assert.equal(found.timezone, 'Etc/UTC')
  })

  test('a package manager comes with a shell, users with a home', () => {
    const text = JSON.stringify({
      ...least,
      include: { packageManager: true, node: '26.10.0' },
      users: [{ name: 'app', uid: 1000 }],
      expose: ['80'],
    })
    const { include, users, expose } = parseBaseFile(text, 'f')
    assert.deepEqual(include, { shell: true, packageManager: true, node: '26.10.0' })
    assert.deepEqual(users, [{ name: 'app', uid: 1000, gid: 1000, home: '/home/app', shell: '/usr/sbin/nologin' }])
    assert.deepEqual(expose, ['80/tcp'])
  })

  const bad: readonly [why: string, change: object][] = [
    ['no packages', { packages: [] }],
    ['a package name that is none', { packages: ['libc6=2'] }],
    ['an unknown member', { package: ['x'] }],
    ['an unknown member of include', { include: { zsh: true } }],
    ['an unknown architecture', { architectures: ['pdp11'] }],
    ['a source without suites', { sources: [{ url: 'http://mirror.example/debian', suites: [] }] }],
    ['an address of another kind', { sources: [{ url: 'ftp://mirror.example/debian', suites: ['x'] }] }],
    ['a file that leads out of the root', { files: [{ from: 'x', to: '/a/../../b' }] }],
    ['a user with the number of root', { users: [{ name: 'x', uid: 0 }] }],
    ['a user whose name breaks passwd', { users: [{ name: 'x:0', uid: 1 }] }],
    ['a home that breaks passwd', { users: [{ name: 'x', uid: 1, home: '/a:b' }] }],
    ['too many layers', { layers: 200 }],
  ]
  for (const [why, change] of bad) {
    test(`${why} is refused`, () => {
      const text = JSON.stringify({ ...least, ...change })
      assert.throws(
        () => parseBaseFile(text, 'f.json'),
        (error) => /^(DECLARATION_INVALID|PACKAGES_UNAVAILABLE)$/.test((error as { code: string }).code),
      )
    })
  }

  test('what is no JSON is shown with line and column', () => {
    assert.throws(() => parseBaseFile('{\n  "name": x\n}', 'f.json'), {
      code: 'DECLARATION_INVALID',
      message: /f\.json:2:11/,
    })
  })
})

const entry = {
  name: 'libc6',
  version: '2.36-9+deb12u1',
  architecture: 'amd64',
  filename: 'pool/main/g/glibc/libc6_2.36-9+deb12u1_amd64.deb',
  suite: 'bookworm',
  size: 10,
  sha256: 'a'.repeat(64),
}
const lock: BaseLock = {
  distribution: { id: 'debian', codename: 'bookworm' },
  declaration: 'sha256:1',
  architectures: { amd64: { packages: [entry] }, arm64: { packages: [{ ...entry, architecture: 'arm64' }] } },
}

describe('a lock', () => {
  test('is read as it is written, and names no host', () => {
    assert.deepEqual(parseLock(formatLock(lock), 'f'), lock)
    assert.doesNotMatch(formatLock(lock), /:\/\//)
  })

  test('lies beside its declaration', () => {
    assert.equal(lockPath('/a/gantry-base.json'), '/a/gantry-base.lock.json')
  })

  const damage: readonly [why: string, from: string | RegExp, to: string][] = [
    ['another version of the format', '"version": 1', '"version": 2'],
    ['a digest that is none', 'a'.repeat(64), 'A'.repeat(64)],
    ['a file outside of the mirror', 'pool/main', '../../main'],
    ['a file with an absolute path', '"pool/', '"/pool/'],
    ['no size', '"size":10', '"size":-1'],
  ]
  for (const [why, from, to] of damage) {
    test(`${why} is refused`, () => {
      assert.throws(() => parseLock(formatLock(lock).replace(from, to), 'f'), { code: 'LOCK_INVALID' })
    })
  }

  test('is stale when packages are declared anew, not when files or users are', () => {
    const of = (change: object): string => declarationKey(parseBaseFile(JSON.stringify({ ...least, ...change }), 'f'))
    assert.equal(of({ user: 'root', cmd: ['x'] }), of({}))
    assert.notEqual(of({ packages: ['libc6', 'zlib1g'] }), of({}))
    assert.notEqual(of({ without: ['openssl'] }), of({}))
    assert.notEqual(of({ architectures: ['arm64'] }), of({}))
  })

  test('compareLocks names what is new, gone and of another version', () => {
    const other = { ...entry, name: 'zlib1g', version: '1' }
    const after: BaseLock = {
      ...lock,
      architectures: { amd64: { packages: [{ ...entry, version: '2.37', sha256: 'b'.repeat(64) }, other] } },
    }
    assert.deepEqual(compareLocks(lock, after), [
      { architecture: 'amd64', name: 'libc6', from: '2.36-9+deb12u1', to: '2.37' },
      { architecture: 'amd64', name: 'zlib1g', to: '1' },
      { architecture: 'arm64', name: 'libc6', from: '2.36-9+deb12u1' },
    ])
    assert.equal(compareLocks(undefined, lock).length, 2)
    assert.deepEqual(compareLocks(lock, lock), [])
  })
})
