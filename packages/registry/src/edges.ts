import type { Digest, ManifestOrIndex } from '@gantry/oci'

/** How a manifest or index leads to something. */
export type EdgeKind = 'config' | 'layer' | 'manifest' | 'subject'

/** One thing that a manifest or index leads to. */
export interface Edge {
  readonly kind: EdgeKind
  readonly child: Digest
}

/** Everything that a manifest or index leads to, each once. */
export function edgesOf(content: ManifestOrIndex): readonly Edge[] {
  const edges: Edge[] = []
  const { subject } = content.kind === 'manifest' ? content.manifest : content.index
  if (content.kind === 'index') {
    for (const { digest } of content.index.manifests) edges.push({ kind: 'manifest', child: digest })
  } else {
    const { config, layers } = content.manifest
    edges.push({ kind: 'config', child: config.digest })
    for (const { digest } of layers) edges.push({ kind: 'layer', child: digest })
  }
  if (subject !== undefined) edges.push({ kind: 'subject', child: subject.digest })
  return [...new Map(edges.map((edge) => [`${edge.kind} ${edge.child}`, edge])).values()]
}
