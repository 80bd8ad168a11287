import { proxyArgs } from '@gantry/dockerfile'
import { describeUse, type NetworkUse } from '../egress/network-use.ts'
import { type Digest, digestHex } from '@gantry/oci'

/** What an image was made from, for its provenance. */
export interface BuildFacts {
  /** The Dockerfile's path as it was given, and its text. */
  readonly dockerfile: { readonly file: string; readonly text: string }
  /** The address of a context from elsewhere; missing for a directory of this machine. */
  readonly contextUri: string | undefined
  readonly target: string | undefined
  readonly platform: string
  readonly buildArgs: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  /** The ids of secrets and SSH agents that could be asked for. */
  readonly secrets: readonly string[]
  readonly ssh: readonly string[]
  readonly network: string
  readonly epoch: number
  /** Images, downloads and commits that went into it. */
  readonly materials: readonly Material[]
  /** Hosts that steps reached, where that was recorded. */
  readonly reached: readonly NetworkUse[]
  readonly steps: readonly { readonly text: string; readonly layer: Digest }[]
}

/** Something that a build took from elsewhere. */
export interface Material {
  readonly uri: string
  /** By algorithm, in hex. */
  readonly digest: Readonly<Record<string, string>>
}

/** `min` leaves out the values of build arguments, the Dockerfile and the steps. */
export type ProvenanceMode = 'min' | 'max'

/** The predicate type of SLSA's provenance, version 1. */
export const provenanceType = 'https://slsa.dev/provenance/v1'
const buildType = 'urn:gantry:build:dockerfile:v1'

/** As the check SecretsUsedInArgOrEnv has it. */
const secretName = /(?:^|_)(?:api_?key|auth|credentials?|key|password|pword|passwd|secret|token)(?:$|_)/i
const publicName = /public|file|version/i

/**
 * Tells how an image was made, as SLSA's predicate. There are no times of the build and no name of the machine in it: equal builds have
 * equal provenance. What may be secret is not in it: values of build arguments with such names, proxies, passwords in addresses.
 * @see https://slsa.dev/spec/v1.0/provenance
 */
export function writeProvenance(facts: BuildFacts, mode: ProvenanceMode): object {
  const { dockerfile, contextUri, target, platform, network, epoch } = facts
  const args = Object.entries(facts.buildArgs)
    .filter(([name]) => !proxyArgs.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  const isWhole = mode === 'max'
  const shown = args.map(([name, value]) => [name, mayBeSecret(name) ? '(hidden)' : withoutPassword(value)] as const)
  return {
    buildDefinition: {
      buildType,
      externalParameters: {
        configSource: {
          ...(contextUri === undefined ? {} : { uri: withoutPassword(contextUri) }),
          path: dockerfile.file,
        },
        request: {
          frontend: 'dockerfile.v0',
          platform,
          ...(target === undefined ? {} : { target }),
          ...(isWhole ? { args: Object.fromEntries(shown) } : { argNames: args.map(([name]) => name) }),
          ...(isWhole ? { labels: facts.labels, network, secrets: facts.secrets, ssh: facts.ssh } : {}),
        },
      },
      internalParameters: {
        sourceDateEpoch: epoch,
        ...(isWhole ? { dockerfile: dockerfile.text, steps: facts.steps } : {}),
      },
      // What came from hosts that steps reached has no digest: the host is all that is known.
      resolvedDependencies: [
        ...facts.materials.map(({ uri, digest }) => ({ uri: withoutPassword(uri), digest })),
        ...facts.reached
          .filter(({ allowed }) => allowed)
          .map((use) => ({ uri: `tcp://${describeUse(use)}`, annotations: { reachedBy: 'RUN' } })),
      ].toSorted((a, b) => (a.uri < b.uri ? -1 : 1)),
    },
    runDetails: {
      builder: { id: 'urn:gantry:builder' },
    },
  }
}

/** An in-toto statement about an image. @see https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md */
export function statementOf(
  subject: { readonly name: string; readonly digest: Digest },
  predicateType: string,
  predicate: object,
): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: subject.name, digest: { sha256: digestHex(subject.digest) } }],
    predicateType,
    predicate,
  }
}

function mayBeSecret(name: string): boolean {
  return secretName.test(name) && !publicName.test(name)
}

/** An address without a password, and without what may be a token in its query. */
function withoutPassword(text: string): string {
  const hidden = text.replaceAll(/\/\/[^\s/@]*@/g, '//')
  return /^https?:/.test(hidden) ? hidden.replace(/\?[^#]*/, '') : hidden
}
