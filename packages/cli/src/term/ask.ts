import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/** Asks a question on standard error and reads a line from the terminal. */
export async function ask(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await reader.question(question)).trim()
  } finally {
    reader.close()
  }
}

/** As `ask`, but what is typed is not shown. */
export async function askSecret(question: string): Promise<string> {
  process.stderr.write(question)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  try {
    return await reader.question('')
  } finally {
    reader.close()
    process.stderr.write('\n')
  }
}

/** Everything on standard input, as text; 64 KiB at most. */
export async function readInput(): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > 65_536) throw new Error('standard input is longer than 64 KiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
