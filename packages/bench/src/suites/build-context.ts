import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const dockerfile = (image: string): string => `FROM ${image} AS tools
RUN mkdir /out && for i in 1 2 3 4 5 6 7 8 9; do echo $i > /out/$i; done

FROM ${image}
WORKDIR /app
COPY packages ./packages
RUN find packages -type f | wc -l > count
COPY source ./source
COPY --from=tools /out ./out
RUN cat source/* > all
CMD ["true"]
`

/** Writes a context like that of a service: 2,000 files of dependencies, 50 sources, one large file; the same bytes each time. */
export async function writeContext(directory: string, image: string): Promise<void> {
  const random = generator(42)
  for (let part = 0; part < 40; part++) {
    const place = join(directory, 'packages', `package-${part}`)
    await mkdir(place, { recursive: true })
    for (let file = 0; file < 50; file++)
      await writeFile(join(place, `file-${file}.js`), text(random, 1024 + (random() % 6144)))
  }
  await mkdir(join(directory, 'source'), { recursive: true })
  for (let file = 0; file < 50; file++) {
    await writeFile(join(directory, 'source', `file-${String(file).padStart(2, '0')}.txt`), text(random, 4096))
  }
  await writeFile(join(directory, 'packages', 'large.bin'), pseudoRandomBytes(7, 16 * 1024 * 1024))
  await writeFile(join(directory, 'Dockerfile'), dockerfile(image))
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
