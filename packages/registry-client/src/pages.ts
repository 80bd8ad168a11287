import { collect } from '@gantry/image'
import { parseJson } from '@gantry/oci'
import type { Ask, Asker } from './connection.ts'
import { RegistryError } from './registry-error.ts'
import type { HttpResponse } from './transport/transport.ts'

const longestPage = 8 * 1024 * 1024
const mostPages = 100_000

/** One page of a list, as JSON, and the answer it came in. */
export interface ListPage {
  readonly value: Readonly<Record<string, unknown>>
  readonly response: HttpResponse
}

/** Asks for a list page after page, as its `Link` headers lead. A 404, if accepted, is an empty list. */
export async function* pagesOf(connection: Asker, ask: Ask): AsyncGenerator<ListPage> {
  let url: string | undefined = ask.url
  for (let count = 0; url !== undefined && count < mostPages; count++) {
    const response = await connection.send({ ...ask, url })
    if (response.status >= 400) {
      await response.discard()
      return
    }
    const bytes = await collect(response.body, longestPage).catch((error: unknown) => {
      throw connection.failure(error, ask)
    })
    const value = bytes === undefined ? undefined : parseJson(bytes)
    if (typeof value !== 'object' || value === null) {
      throw new RegistryError('PROTOCOL', `${ask.purpose}: the registry did not answer with a list`, {
        status: response.status,
        registry: connection.registry,
      })
    }
    yield { value: value as Readonly<Record<string, unknown>>, response }
    const next = /<([^>]*)>\s*;\s*rel="?next"?/i.exec(response.header('link') ?? '')?.[1]
    const before: string = url
    url = next === undefined ? undefined : resolve(next, before)
    if (url === before) return
  }
}

/** Links are relative to the page, or absolute. */
function resolve(link: string, page: string): string | undefined {
  const nowhere = 'http://registry.invalid'
  const url = URL.parse(link, new URL(page, nowhere))
  return url?.origin === nowhere ? url.pathname + url.search : url?.href
}
