/** Results of cases as a file: `=== name`, then a line for each thing that is compared. */
export function formatGolden(results: readonly (readonly [name: string, lines: readonly string[]])[]): string {
  return results.map(([name, lines]) => `=== ${name}\n${lines.map((line) => `${line}\n`).join('')}`).join('')
}

/** Reads what `formatGolden` wrote. */
export function parseGolden(text: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    text
      .split(/^=== /m)
      .slice(1)
      .map((part) => {
        const [name = '', ...lines] = part.trimEnd().split('\n')
        return [name, lines] as const
      }),
  )
}
