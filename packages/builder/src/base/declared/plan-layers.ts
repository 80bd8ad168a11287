import type { TarInput } from '@gantry/tar'
import type { TreeNode } from './root-tree.ts'
import type { UnpackedPackage, UnpackedRoot } from './unpack-packages.ts'

/** A layer of an image: what the history calls it, and its files. */
export interface PlannedLayer {
  readonly title: string
  readonly entries: readonly TreeNode[]
}

/**
 * Spreads an image over layers by how often they change: the largest source packages in layers of their own, the other
 * packages together, then Node, what was made here (accounts, certificates, dpkg's records), and the declared files. A
 * security update of one package changes its layer and the small one of what was made here.
 *
 * @param most layers of packages
 */
export function planLayers(root: UnpackedRoot, most: number): readonly PlannedLayer[] {
  const nodes = root.tree.entries()
  const sizes = new Map<string, number>()
  for (const { owner, header } of nodes)
    if (owner !== undefined) sizes.set(owner, (sizes.get(owner) ?? 0) + header.size)
  const groups = Map.groupBy(root.packages, sourceOf)
  const weight = (members: readonly UnpackedPackage[]): number =>
    members.reduce((sum, { name }) => sum + (sizes.get(name) ?? 0), 0)
  const heavy = [...groups]
    .toSorted(([a, left], [b, right]) => weight(right) - weight(left) || (a < b ? -1 : 1))
    .slice(0, Math.max(0, most - 1))
    .map(([source]) => source)
    .toSorted()
  const titleOf = new Map<string, string>()
  for (const each of root.packages) {
    const source = sourceOf(each)
    titleOf.set(each.name, heavy.includes(source) ? source : 'packages')
  }
  titleOf.set('/node', 'node')
  titleOf.set('/files', 'files')
  const titles = ['packages', ...heavy, 'node', 'system', 'files']
  const byTitle = Map.groupBy(nodes, ({ owner }) => (owner === undefined ? 'system' : (titleOf.get(owner) ?? 'system')))
  const at = new Map(nodes.map((node) => [node.header.path, node]))
  return titles.flatMap((title) => {
    const members = byTitle.get(title) ?? []
    return members.length === 0 ? [] : [{ title, entries: withDirectories(members, at) }]
  })
}

function sourceOf({ name, fields }: UnpackedPackage): string {
  return (fields.get('source') ?? name).replace(/ \(.*/, '')
}

/** Adds the directories above, so that a layer unpacked alone has the right modes. A hard link comes after its file. */
function withDirectories(members: readonly TreeNode[], all: ReadonlyMap<string, TreeNode>): readonly TreeNode[] {
  const found = new Map(members.map((node) => [node.header.path, node]))
  for (const { header } of members) {
    for (let slash = header.path.lastIndexOf('/'); slash > 0; slash = header.path.lastIndexOf('/', slash - 1)) {
      const above = all.get(header.path.slice(0, slash))
      if (above === undefined || found.has(above.header.path)) break
      found.set(above.header.path, above)
    }
  }
  const isLink = ({ header }: TreeNode): number => (header.type === 'hardlink' ? 1 : 0)
  return [...found.values()].toSorted(
    (a, b) => isLink(a) - isLink(b) || (a.header.path < b.header.path ? -1 : a.header.path > b.header.path ? 1 : 0),
  )
}

/** The entries of a layer as they are written: nothing is younger than the image. */
export function* layerEntries({ entries }: PlannedLayer, root: UnpackedRoot): Generator<TarInput> {
  for (const node of entries) {
    const { header, owner } = node
    const mtime = owner === undefined ? root.epoch : Math.min(header.mtime, root.epoch)
    yield { header: { ...header, mtime }, ...(header.type === 'file' ? { body: root.body(node) } : {}) }
  }
}
