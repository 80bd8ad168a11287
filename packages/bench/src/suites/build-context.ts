import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const dockerfile = (image: string): string => `FROM ${image}
RUN mkdir /out && for i in 1 2 3 4 5 6 7 8 9; do echo $i > /out/$i; done
COPY . /app
RUN find /app -type f | wc -l > /count
CMD ["true"]
`

/** Writes a context like that of a service: 3,000 small files, one of 200 MB; the same bytes each time. */
export async function writeContext(directory: string, image: string): Promise<void> {
  const random = generator(42)
  for (let part = 0; part < 60; part++) {
    const place = join(directory, 'packages', `package-${part}`)
    await mkdir(place, { recursive: true })
    for (let file = 0; file < 50; file++)
      await writeFile(join(place, `file-${file}.js`), text(random, 1024 + (random() % 6144)))
  }
  await writeLarge(directory, 7)
  await writeFile(join(directory, 'Dockerfile'), dockerfile(image))
}

/** Writes the large file of the context, other bytes for another seed. */
export function writeLarge(directory: string, seed: number): Promise<void> {
  return writeFile(join(directory, 'large.bin'), pseudoRandomBytes(seed, 200_000_000))
}

/** Writes a context of very many small files, 100 in a directory; `text` is in all of them. */
export async function writeManyFiles(directory: string, count: number, text: string): Promise<void> {
  for (let part = 0; part * 100 < count; part++) {
    const place = join(directory, `part-${Math.floor(part / 100)}`, String(part))
    await mkdir(place, { recursive: true })
    await Promise.all(
      Array.from({ length: Math.min(100, count - part * 100) }, (_, file) =>
        writeFile(join(place, `file-${file}.js`), `export const value = ${part * 100 + file} // ${text}\n`),
      ),
    )
  }
  await writeFile(join(directory, 'Dockerfile'), 'FROM scratch\nCOPY . /app\n')
}

/** Bytes that look random, the same for the same seed. */
export function pseudoRandomBytes(seed: number, size: number): Buffer {
  const random = generator(seed)
  const words = new Uint32Array(Math.ceil(size / 4))
  for (let at = 0; at < words.length; at++) words[at] = random()
  return Buffer.from(words.buffer, 0, size)
}

// xorshift32
function generator(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

function text(random: () => number, size: number): string {
  let line = ''
  while (line.length < size) line += `export const value${random() % 1000} = ${random()}\n`
  return line.slice(0, size)
}
