import { parseJson } from '@gantry/oci'
import { ImageError } from '../../errors.ts'

const encoder = new TextEncoder()

/** The payload type of in-toto statements. */
export const statementType = 'application/vnd.in-toto+json'

/**
 * The bytes that a DSSE signature is of.
 *
 * @see https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
 */
export function preAuthentication(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = encoder.encode(payloadType)
  const head = encoder.encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `)
  const bytes = new Uint8Array(head.length + payload.length)
  bytes.set(head)
  bytes.set(payload, head.length)
  return bytes
}

/** An in-toto statement, as far as verifying asks. */
export interface Statement {
  readonly predicateType: string
  /** Digests of the subjects by algorithm, such as `sha256`. */
  readonly subjects: readonly Readonly<Record<string, string>>[]
  readonly annotations: readonly Readonly<Record<string, string>>[]
}

/**
 * Reads an in-toto statement, version 0.1 or 1.
 *
 * @throws {ImageError} SIGNATURE_INVALID
 * @see https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md
 */
export function parseStatement(payload: Uint8Array): Statement {
  const value = parseJson(payload, { what: 'in-toto statement' })
  const type = textOf(value, '_type') ?? ''
  const predicateType = textOf(value, 'predicateType')
  const subject = memberOf(value, 'subject')
  if (!type.startsWith('https://in-toto.io/Statement/v') || predicateType === undefined || !Array.isArray(subject)) {
    throw new ImageError('SIGNATURE_INVALID', 'Cannot read the signed statement: it is no in-toto statement')
  }
  return {
    predicateType,
    subjects: subject.map((each: unknown) => textsOf(memberOf(each, 'digest'))),
    annotations: subject.map((each: unknown) => textsOf(memberOf(each, 'annotations'))),
  }
}

/** A member of a value from outside that may be anything. */
export function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.getOwnPropertyDescriptor(value, key)?.value as unknown
}

/** A member that is a text. */
export function textOf(value: unknown, key: string): string | undefined {
  const member = memberOf(value, key)
  return typeof member === 'string' ? member : undefined
}

/** The texts of a map. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value).filter((each): each is [string, string] => typeof each[1] === 'string'),
  )
}
