/**
 * Splits one line of comma-separated values (RFC 4180): a field in double quotes may hold commas, and `""` is a quote in it.
 * Undefined when a quote is never closed or something follows one.
 */
export function readFields(line: string): readonly string[] | undefined {
  const fields: string[] = []
  let at = 0
  for (;;) {
    if (line[at] !== '"') {
      const comma = line.indexOf(',', at)
      const end = comma === -1 ? line.length : comma
      fields.push(line.slice(at, end))
      if (comma === -1) return fields
      at = comma + 1
      continue
    }
    let field = ''
    for (at++; ; at++) {
      const quote = line.indexOf('"', at)
      if (quote === -1) return undefined
      field += line.slice(at, quote)
      at = quote + 1
      if (line[at] !== '"') break
      field += '"'
    }
    fields.push(field)
    if (at === line.length) return fields
    if (line[at] !== ',') return undefined
    at++
  }
}
