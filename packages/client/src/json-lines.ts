/** Reads a stream of JSON values, one a line. @throws SyntaxError when a line is not JSON, RangeError when it is over 16 MiB */
export async function* jsonLines<T>(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<T, void, undefined> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of bytes) {
    text += decoder.decode(chunk, { stream: true })
    let from = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
      const line = text.slice(from, end).trim()
      from = end + 1
      if (line !== '') yield JSON.parse(line) as T
    }
    text = text.slice(from)
    if (text.length > 16 * 1024 * 1024) throw new RangeError('A line of a JSON stream is longer than 16 MiB')
  }
  const rest = text.trim()
  if (rest !== '') yield JSON.parse(rest) as T
}
