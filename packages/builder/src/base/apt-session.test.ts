import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knowsPriorities, parsePlan, parseRequired } from './apt-session.ts'

test('parsePlan reads names, versions with an epoch and files, sorted by name', () => {
  const output = [
    "'http://mirror.example/pool/main/z/zlib/zlib1g_1.2.13.dfsg-1_amd64.deb' zlib1g_1%3a1.2.13.dfsg-1_amd64.deb 86700 SHA256:aa",
    "'http://mirror.example/pool/main/g/gcc-12/gcc-12-base_12.2.0-14%2bdeb12u1_amd64.deb' gcc-12-base_12.2.0-14+deb12u1_amd64.deb 37596 MD5Sum:8d",
    '',
  ].join('\n')
  assert.deepEqual(parsePlan(output), [
    {
      name: 'gcc-12-base',
      version: '12.2.0-14+deb12u1',
      architecture: 'amd64',
      file: 'gcc-12-base_12.2.0-14+deb12u1_amd64.deb',
      uri: 'http://mirror.example/pool/main/g/gcc-12/gcc-12-base_12.2.0-14%2bdeb12u1_amd64.deb',
    },
    {
      name: 'zlib1g',
      version: '1:1.2.13.dfsg-1',
      architecture: 'amd64',
      file: 'zlib1g_1%3a1.2.13.dfsg-1_amd64.deb',
      uri: 'http://mirror.example/pool/main/z/zlib/zlib1g_1.2.13.dfsg-1_amd64.deb',
    },
  ])
})

test('parsePlan refuses an answer without packages', () => {
  assert.throws(() => parsePlan('nothing to do\n'), { code: 'PACKAGES_UNAVAILABLE' })
})

test('an APT before 2.3.14 is told the names of required packages', () => {
  assert.equal(knowsPriorities('apt 2.2.4 (amd64)\n'), false)
  for (const version of ['2.3.14', '2.4.13', '2.6.1', '3.0.3'])
    assert.equal(knowsPriorities(`apt ${version} (amd64)\n`), true, version)
  const lines =
    'Package: a\nPriority: required\nPackage: b\nPriority: optional\nPackage: c\nPackage: dash\nPriority: required\n'
  assert.deepEqual(parseRequired(`${lines}Package: a\nPriority: required\n`), ['a', 'dash'])
})
