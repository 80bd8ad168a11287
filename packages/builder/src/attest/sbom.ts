import { hash } from 'node:crypto'
import type { Digest } from '@gantry/oci'
import { purlOf } from './purl.ts'
import type { ImagePackages } from './read-packages.ts'

/** What an SBOM is about. */
export interface SbomSubject {
  /** For people: a name of the image. */
  readonly name: string
  readonly digest: Digest
  /** RFC 3339: the image's own time, so that equal images have equal SBOMs. */
  readonly created: string
}

/** The forms of SBOMs. */
export type SbomFormat = 'spdx' | 'cyclonedx'

/** An SBOM with its media type, and the predicate type that in-toto statements have it under. */
export const sbomTypes: Readonly<Record<SbomFormat, { readonly mediaType: string; readonly predicateType: string }>> = {
  spdx: { mediaType: 'application/spdx+json', predicateType: 'https://spdx.dev/Document' },
  cyclonedx: { mediaType: 'application/vnd.cyclonedx+json', predicateType: 'https://cyclonedx.org/bom' },
}

/** Writes an SBOM. Equal content makes equal documents. */
export function writeSbom(format: SbomFormat, subject: SbomSubject, content: ImagePackages): object {
  return format === 'spdx' ? spdx(subject, content) : cyclonedx(subject, content)
}

/** @see https://spdx.github.io/spdx-spec/v2.3/ */
function spdx({ name, digest, created }: SbomSubject, { packages, distribution }: ImagePackages): object {
  const root = 'SPDXRef-image'
  const idOf = (index: number): string => `SPDXRef-package-${index + 1}`
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `urn:uuid:${uuidOf(`spdx ${digest}`)}`,
    creationInfo: { created, creators: ['Tool: gantry'] },
    packages: [
      {
        SPDXID: root,
        name,
        versionInfo: digest,
        downloadLocation: 'NOASSERTION',
        filesAnalyzed: false,
        primaryPackagePurpose: 'CONTAINER',
        checksums: [{ algorithm: 'SHA256', checksumValue: digest.slice('sha256:'.length) }],
      },
      ...packages.map((each, index) => ({
        SPDXID: idOf(index),
        name: each.name,
        versionInfo: each.version,
        downloadLocation: 'NOASSERTION',
        filesAnalyzed: false,
        sourceInfo: `found in /${each.path}`,
        licenseConcluded: 'NOASSERTION',
        licenseDeclared: isExpression(each.license) ? each.license : 'NOASSERTION',
        copyrightText: 'NOASSERTION',
        externalRefs: [
          {
            referenceCategory: 'PACKAGE-MANAGER',
            referenceType: 'purl',
            referenceLocator: purlOf(each, distribution),
          },
        ],
      })),
    ],
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: root },
      ...packages.map((_, index) => ({
        spdxElementId: root,
        relationshipType: 'CONTAINS',
        relatedSpdxElement: idOf(index),
      })),
    ],
  }
}

/** @see https://cyclonedx.org/docs/1.6/json/ */
function cyclonedx({ name, digest, created }: SbomSubject, { packages, distribution }: ImagePackages): object {
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(`cyclonedx ${digest}`)}`,
    version: 1,
    metadata: {
      timestamp: created,
      tools: { components: [{ type: 'application', name: 'gantry' }] },
      component: { 'bom-ref': digest, type: 'container', name, version: digest },
    },
    components: [
      ...(distribution === undefined
        ? []
        : [
            {
              'bom-ref': 'operating-system',
              type: 'operating-system',
              name: distribution.id,
              version: distribution.version,
            },
          ]),
      ...packages.map((each) => {
        const purl = purlOf(each, distribution)
        const [, scope, short] = /^(@[^/]+)\/(.+)$/.exec(each.kind === 'npm' ? each.name : '') ?? []
        return {
          'bom-ref': `${purl}#${each.path}`,
          type: 'library',
          ...(scope === undefined ? {} : { group: scope }),
          name: short ?? each.name,
          version: each.version,
          ...(isExpression(each.license) ? { licenses: [{ expression: each.license }] } : {}),
          purl,
          properties: [{ name: 'gantry:path', value: `/${each.path}` }],
        }
      }),
    ],
  }
}

/** Whether a text can stand where an SPDX expression must. */
function isExpression(text: string | undefined): text is string {
  return text !== undefined && /^\(*[\w.+-]+\)*(?: (?:AND|OR|WITH) \(*[\w.+-]+\)*)*$/.test(text)
}

/** A UUID (version 8) that stands for a text. */
function uuidOf(text: string): string {
  const hex = hash('sha256', text, 'hex')
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
