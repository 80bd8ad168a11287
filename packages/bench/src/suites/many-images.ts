import { createHash } from 'node:crypto'
import { writeTar, type TarInput } from '@gantry/tar'

/** The label that each of them has. */
export const manyImagesLabel = 'gantry.bench=many'

/**
 * A docker archive of many images, each with a name and a configuration of its own, over one layer that has one small file.
 * @returns the tar in pieces
 */
export async function* manyImages(count: number, nameOf: (at: number) => string): AsyncGenerator<Uint8Array> {
  const layer = Buffer.concat(await Array.fromAsync(writeTar([fileOf('file', Buffer.from('content\n'))])))
  const [label = '', labelled = ''] = manyImagesLabel.split('=')
  const entries = [fileOf('layer.tar', layer)]
  const manifest: { Config: string; RepoTags: string[]; Layers: string[] }[] = []
  for (let at = 0; at < count; at++) {
    const config = Buffer.from(
      JSON.stringify({
        architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
        os: 'linux',
        created: '2024-01-01T00:00:00Z',
        config: { Cmd: ['/file'], Labels: { [label]: labelled, at: String(at) } },
        rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
        history: [{ created: '2024-01-01T00:00:00Z', created_by: 'COPY file /' }],
      }),
    )
    const path = `${sha256(config)}.json`
    entries.push(fileOf(path, config))
    manifest.push({ Config: path, RepoTags: [nameOf(at)], Layers: ['layer.tar'] })
  }
  yield* writeTar([...entries, fileOf('manifest.json', Buffer.from(JSON.stringify(manifest)))])
}

function fileOf(path: string, content: Buffer): TarInput {
  return {
    header: { path, type: 'file', mode: 0o644, uid: 0, gid: 0, size: content.length, mtime: 0 },
    body: [content],
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
