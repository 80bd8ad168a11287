import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { attachedTo } from '@gantry/image'
import type { Descriptor } from '@gantry/oci'
import * as fc from 'fast-check'
import { World } from '../test/world.ts'
import {
  parseApkInstalled,
  parseDpkgStatus,
  parseOsRelease,
  parsePackageJson,
  parsePackageLock,
} from './package-databases.ts'
import { purlOf } from './purl.ts'

let world: World
before(async () => {
  world = await World.open()
})
after(() => world[Symbol.asyncDispose]())

interface Json {
  readonly [name: string]: Json
}

async function json(descriptor: Descriptor): Promise<Json> {
  await using body = await world.store.open(descriptor)
  return JSON.parse(Buffer.concat(await Array.fromAsync(body)).toString()) as Json
}

/** The documents of what a build attached, by media type. */
async function documents(attestations: readonly Descriptor[]): Promise<Map<string, Json>> {
  const found = new Map<string, Json>()
  for (const each of attestations) {
    const { layers } = (await json(each)) as unknown as { layers: Descriptor[] }
    for (const layer of layers) found.set(layer.annotations?.['in-toto.io/predicate-type'] ?? '', await json(layer))
  }
  return found
}

const files = {
  Dockerfile: [
    'FROM scratch',
    'ARG API_TOKEN',
    'ARG VERSION',
    'COPY status /var/lib/dpkg/status',
    'COPY os-release /etc/os-release',
    'COPY installed /lib/apk/db/installed',
    'COPY pkg.json /app/node_modules/@scope/one/package.json',
    'COPY pkg.json /app/node_modules/gone/package.json',
    'COPY other.json /app/node_modules/gone/package.json',
    '',
  ].join('\n'),
  status:
    'Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b7\nArchitecture: amd64\nDescription: a\n shell\n\nPackage: old\nStatus: deinstall ok config-files\nVersion: 1\n',
  'os-release': 'ID=debian\nVERSION_ID="12"\n',
  installed: 'C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\n\n',
  'pkg.json': '{"name":"@scope/one","version":"1.2.3","license":"MIT"}',
  'other.json': '{"name":"two","version":"2.0.0","license":"see LICENSE"}',
}
const secret = 'swordfish-in-a-token'
const buildArgs = { API_TOKEN: secret, VERSION: '7', HTTPS_PROXY: 'http://user:hunter2@proxy.example:3128' }

test('referrers: SLSA provenance and both SBOMs, found beside the name, of the digest that is pushed', async () => {
  const attest = { provenance: 'max', sbom: ['spdx', 'cyclonedx'] } as const
  const { descriptor, attestations = [] } = await world.build(files, { tags: ['reg.example/app:1'], attest, buildArgs })
  assert.equal(attestations.length, 3)
  const place = {
    blobs: world.store,
    descriptor,
    referrers: undefined,
    sibling: (tag: string) => world.store.resolve(`reg.example/app:${tag}`),
  }
  const listed = await attachedTo(place, descriptor.digest, {})
  for (const { digest } of attestations) assert.ok(listed.some((each) => each.descriptor.digest === digest))
  const found = await documents(attestations)
  const provenance = found.get('https://slsa.dev/provenance/v1')!
  assert.equal(provenance['predicateType'], 'https://slsa.dev/provenance/v1')
  assert.deepEqual(provenance['subject'], [
    { name: 'reg.example/app:1', digest: { sha256: descriptor.digest.slice('sha256:'.length) } },
  ])
  const spdx = found.get('https://spdx.dev/Document')!
  const purls = (spdx['packages'] as unknown as { externalRefs?: { referenceLocator: string }[] }[]).flatMap(
    ({ externalRefs = [] }) => externalRefs.map(({ referenceLocator }) => referenceLocator),
  )
  assert.deepEqual(purls, [
    'pkg:apk/debian/musl@1.2.4-r2?arch=x86_64&distro=debian-12',
    'pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12',
    'pkg:npm/%40scope/one@1.2.3',
    'pkg:npm/two@2.0.0',
  ])
  const cyclonedx = found.get('https://cyclonedx.org/bom')!
  assert.equal(cyclonedx['bomFormat'], 'CycloneDX')
  assert.equal((cyclonedx['components'] as unknown as unknown[]).length, 5)
  const all = JSON.stringify([...found.values()])
  assert.ok(!all.includes(secret) && !all.includes('hunter2') && !all.includes('proxy.example'))
  assert.match(all, /"VERSION":"7"/)
})

test('provenance: min has names of build arguments and no values', async () => {
  const { attestations = [] } = await world.build(files, {
    tags: ['reg.example/min:1'],
    attest: { provenance: 'min' },
    buildArgs,
  })
  const [text] = [...(await documents(attestations)).values()].map((each) => JSON.stringify(each))
  assert.match(text!, /"argNames":\["API_TOKEN","VERSION"\]/)
  assert.doesNotMatch(text!, /COPY|hunter2|swordfish/)
})

test('attestations: the same build has the same ones, cached or not, and the image is the same without them', async () => {
  const attest = { provenance: 'max', sbom: ['spdx'] } as const
  const build = (noCache: boolean): ReturnType<typeof world.build> =>
    world.build(files, { tags: ['reg.example/same:1'], attest, noCache })
  const [one, two] = [await build(true), await build(false)]
  assert.deepEqual(one.attestations, two.attestations)
  assert.equal(one.imageId, (await world.build(files)).imageId)
})

test('attestations: what a collection leaves is whole', async () => {
  const attest = { provenance: 'min', sbom: ['cyclonedx'] } as const
  const { attestations = [] } = await world.build(files, { tags: ['reg.example/kept:1'], attest })
  await world.store.gc({ grace: 0 })
  assert.equal((await documents(attestations)).size, 2)
})

test('index: as BuildKit has it, for one platform too', async () => {
  const attest = { provenance: 'min', sbom: ['spdx'], style: 'index' } as const
  const { descriptor } = await world.build(files, {
    tags: ['reg.example/index:1'],
    attest,
    platform: { os: 'linux', architecture: world.ports.host.arch },
  })
  const { manifests } = (await json(descriptor)) as unknown as { manifests: Descriptor[] }
  assert.equal(manifests.length, 2)
  assert.deepEqual(manifests[1]!.platform, { architecture: 'unknown', os: 'unknown' })
  assert.deepEqual(manifests[1]!.annotations, {
    'vnd.docker.reference.digest': manifests[0]!.digest,
    'vnd.docker.reference.type': 'attestation-manifest',
  })
  const { layers } = (await json(manifests[1]!)) as unknown as { layers: Descriptor[] }
  assert.deepEqual(
    layers.map(({ mediaType, annotations }) => [mediaType, annotations]),
    [
      ['application/vnd.in-toto+json', { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v1' }],
      ['application/vnd.in-toto+json', { 'in-toto.io/predicate-type': 'https://spdx.dev/Document' }],
    ],
  )
})

test('lockfile: production packages, where nothing is installed', () => {
  const lock = JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': { name: 'app', version: '1.0.0' },
      'node_modules/a': { version: '1.0.0', license: 'ISC' },
      'node_modules/a/node_modules/@s/b': { version: '2.0.0' },
      'node_modules/dev': { version: '3.0.0', dev: true },
      'node_modules/own': { link: true, resolved: 'packages/own' },
    },
  })
  assert.deepEqual(
    parsePackageLock(lock, 'l').map((each) => purlOf(each, undefined)),
    ['pkg:npm/a@1.0.0', 'pkg:npm/%40s/b@2.0.0'],
  )
})

test('os-release: with and without quotes', () => {
  assert.deepEqual(parseOsRelease('NAME="X Y"\nID=alpine\nVERSION_ID=3.20.1\n'), { id: 'alpine', version: '3.20.1' })
  assert.equal(parseOsRelease('PRETTY_NAME=x'), undefined)
})

test('package databases: whatever a file holds, it is packages or none', () => {
  const line = fc.oneof(
    fc.constantFrom(
      'Package: a',
      'Version: 1',
      'P:a',
      'V:1',
      'Status: install ok installed',
      '',
      ' ',
      ':',
      'ID=',
      '{"packages":{"node_modules/":1}}',
    ),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(line), fc.json(), (lines, value) => {
      for (const text of [lines.join('\n'), value]) {
        for (const parse of [parseDpkgStatus, parseApkInstalled, parsePackageJson, parsePackageLock]) {
          for (const { name, version } of parse(text, 'p')) assert.ok(name !== '' && typeof version === 'string')
        }
        parseOsRelease(text)
      }
    }),
  )
})
