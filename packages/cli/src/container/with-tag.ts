/** An image's name with the tag that is meant when it has none: `alpine` is `alpine:latest`. Digests and ids stay. */
export function withTag(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1)
  return name.includes(':') || name.includes('@') ? image : `${image}:latest`
}
