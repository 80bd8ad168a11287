/** What an error says, with what it was caused by. */
export function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown }
  const own = error instanceof Error ? error.message : String(error)
  return cause instanceof Error ? `${own} (${cause.message})` : own
}
