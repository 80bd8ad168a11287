import assert from 'node:assert/strict'

/** Checks that work fails with an error of that code, its own or that of a cause. */
export async function expectCode(work: Promise<unknown>, code: string): Promise<void> {
  const error = await work.then(
    () => assert.fail(`expected the error ${code}, but nothing failed`),
    (reason: unknown) => reason,
  )
  const codes: unknown[] = []
  for (let each: unknown = error; each instanceof Error; each = each.cause) {
    codes.push((each as { code?: unknown }).code)
  }
  assert.ok(codes.includes(code), `expected the code ${code}, got ${codes.join(', ')}: ${String(error)}`)
}
