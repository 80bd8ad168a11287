import {
  formatReference,
  isDigest,
  OciError,
  parseReference,
  refNameAnnotation,
  type Descriptor,
  type Index,
} from '@gantry/oci'

/** Containerd's annotation for a full name in an archive's `index.json`. */
export const imageNameAnnotation = 'io.containerd.image.name'

/** One entry of the `index.json` of an image layout. */
export interface LayoutEntry {
  /** The name as the layout has it: a tag, a full name, or whatever the tool that made it wrote. */
  readonly name?: string
  /** The full name, where the layout tells the repository too. */
  readonly reference?: string
  /** Without the annotations that name it. */
  readonly descriptor: Descriptor
}

/** The entries of a layout's `index.json`, in its order. */
export function layoutEntries({ manifests }: Index): readonly LayoutEntry[] {
  return manifests.map((manifest) => {
    const { annotations = {}, ...descriptor } = manifest
    const { [refNameAnnotation]: short, [imageNameAnnotation]: long, ...others } = annotations
    const name = short ?? long
    const reference = fullName(long) ?? (short !== undefined && /[/:]/.test(short) ? fullName(short) : undefined)
    return {
      ...(name === undefined ? {} : { name }),
      ...(reference === undefined ? {} : { reference }),
      descriptor: Object.keys(others).length === 0 ? descriptor : { ...descriptor, annotations: others },
    }
  })
}

/**
 * The entry that a name or digest means: the one with exactly this name, else the one whose full name it is, written short
 * or long. Undefined when there is none.
 */
export function findLayoutEntry(entries: readonly LayoutEntry[], wanted: string): LayoutEntry | undefined {
  if (isDigest(wanted)) return entries.find(({ descriptor }) => descriptor.digest === wanted)
  const exact = entries.findLast(({ name, reference }) => name === wanted || reference === wanted)
  const full = exact === undefined ? fullName(wanted) : undefined
  return exact ?? (full === undefined ? undefined : entries.findLast(({ reference }) => reference === full))
}

// Any text may stand in the annotation; what is no reference names nothing for us.
function fullName(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return formatReference(parseReference(text))
  } catch (error) {
    if (error instanceof OciError) return undefined
    throw error
  }
}
