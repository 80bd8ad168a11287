import prettyMilliseconds from 'pretty-ms'

/** A greeting that says how long the program has run. */
export function greeting(name: string, uptime: number): string {
  return `hello ${name}, after ${prettyMilliseconds(uptime)}`
}
