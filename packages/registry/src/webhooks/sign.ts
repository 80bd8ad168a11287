import { createHmac, timingSafeEqual } from 'node:crypto'

/** The header with the signature of a message. */
export const signatureHeader = 'Gantry-Signature'

/** Signs a message: `t=<seconds>,v1=<hex HMAC-SHA256 of "<seconds>.<body>">`. The time is part of it, so that an old one can be refused. */
export function signMessage(secret: string, body: string, seconds: number): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

/** Whether a message was signed with the secret, within the time given (default: five minutes). For those who receive them. */
export function verifySignature(
  secret: string,
  message: { readonly body: string; readonly signature: string },
  options: { readonly now?: number; readonly tolerance?: number } = {},
): boolean {
  const { now = Date.now(), tolerance = 300_000 } = options
  const [, seconds, sent] = /^t=(\d{1,12}),v1=([\da-f]{64})$/.exec(message.signature) ?? []
  if (seconds === undefined || sent === undefined) return false
  if (Math.abs(now - Number(seconds) * 1000) > tolerance) return false
  const expected = createHmac('sha256', secret).update(`${seconds}.${message.body}`).digest()
  return timingSafeEqual(Buffer.from(sent, 'hex'), expected)
}
