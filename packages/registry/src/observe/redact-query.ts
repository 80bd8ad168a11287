/** Parameters that say nothing that must not be seen. What is not among them may be a secret: tokens travel in queries, too. */
const harmless = new Set([
  'account',
  'artifactType',
  'digest',
  'digest-algorithm',
  'from',
  'kind',
  'last',
  'mount',
  'n',
  'ns',
  'order',
  'q',
  'repository',
  'scope',
  'service',
  'sort',
  'tag',
])

/** A query for a log: `?n=5&token=***`, empty when there is none. */
export function redactQuery(query: URLSearchParams): string {
  const pairs = [...query].map(([name, value]) => {
    return `${encodeURIComponent(name)}=${harmless.has(name) ? encodeURIComponent(value) : '***'}`
  })
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
