import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AptSession } from '../apt-session.ts'
import { parseBaseFile } from './base-file.ts'
import { choosePackages } from './choose-packages.ts'
import { parseControl } from './debian-control.ts'

/** An archive of packages with what they depend on, and an APT that knows nothing else. */
function archive(packages: Readonly<Record<string, string>>): (installed: string) => Promise<AptSession> {
  return (installed) => {
    const there = new Set(parseControl(installed).map((fields) => fields.get('package')))
    const visit = (name: string, found: Set<string>): Set<string> => {
      const depends = packages[name]
      if (there.has(name) || found.has(name) || depends === undefined) return found
      found.add(name)
      for (const each of depends.split(', ').filter((text) => text !== '')) visit(each, found)
      return found
    }
    const paragraph = (name: string): string =>
      `Package: ${name}\nVersion: 1\nDepends: ${packages[name] ?? ''}\nFilename: pool/${name}.deb\nSize: 1\nSHA256: ${'0'.repeat(64)}\n`
    return Promise.resolve({
      archives: '',
      settings: [],
      update: () => Promise.resolve(),
      download: () => Promise.resolve(),
      plan: (names) =>
        Promise.resolve(
          [...names.reduce((found, name) => visit(name, found), new Set<string>())].toSorted().map((name) => ({
            name,
            version: '1',
            architecture: 'amd64',
            file: `${name}.deb`,
            uri: `http://mirror.example/pool/${name}.deb`,
          })),
        ),
      describe: (plan) => Promise.resolve(plan.map(({ name }) => paragraph(name)).join('\n')),
    })
  }
}

const packages = {
  'base-files': 'awk',
  awk: '',
  'ca-certificates': 'openssl, debconf',
  openssl: 'libssl3',
  libssl3: 'libc6',
  libc6: '',
  debconf: 'perl-base',
  'perl-base': 'dpkg',
  dpkg: '',
  bash: '',
  dash: '',
  coreutils: '',
  server: 'openssl, bash',
  client: 'openssl',
}

async function chosen(change: object): Promise<readonly string[]> {
  const declared = parseBaseFile(JSON.stringify({ name: 'x', ...change }), 'f')
  const found = await choosePackages(declared, { id: 'debian', codename: 'bookworm' }, archive(packages))
  return found.map(({ planned }) => planned.name)
}

describe('choosePackages', () => {
  test('what only maintainer scripts need stays out', async () => {
    assert.deepEqual(await chosen({ packages: ['ca-certificates', 'libc6'] }), [
      'base-files',
      'ca-certificates',
      'libc6',
    ])
  })

  test('a tool that somebody else needs comes', async () => {
    assert.deepEqual(await chosen({ packages: ['ca-certificates', 'client'] }), [
      'base-files',
      'ca-certificates',
      'client',
      'libc6',
      'libssl3',
      'openssl',
    ])
  })

  test('a tool that is asked for comes with what it needs', async () => {
    assert.deepEqual(await chosen({ packages: ['debconf'], without: ['dpkg'] }), ['base-files', 'debconf', 'perl-base'])
  })

  test('a shell that comes unasked is named, with who needs it', async () => {
    await assert.rejects(chosen({ packages: ['server'] }), {
      code: 'SHELL_WANTED',
      message: /bash, which server needs/,
    })
    assert.ok(!(await chosen({ packages: ['server'], without: ['bash'] })).includes('bash'))
    assert.ok((await chosen({ packages: ['server'], include: { shell: true } })).includes('bash'))
    assert.ok((await chosen({ packages: ['server', 'bash'] })).includes('bash'))
  })

  test('a package manager that comes unasked is named', async () => {
    const declared = { packages: ['perl-base', 'dpkg'] }
    assert.ok((await chosen(declared)).includes('dpkg'), 'asked for by name')
  })
})
