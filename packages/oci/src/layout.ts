import { Input } from './input.ts'
import { encodeJson, parseJson } from './json.ts'

/** The content of the `oci-layout` file that marks an image layout. */
export const layoutFile: Uint8Array = encodeJson({ imageLayoutVersion: '1.0.0' })

/** The annotation that carries a name in an image layout's `index.json`. */
export const refNameAnnotation = 'org.opencontainers.image.ref.name'

/**
 * Checks the content of an `oci-layout` file: version 1.0.0 of the image layout.
 *
 * @throws {OciError} LAYOUT_INVALID
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md#oci-layout-file
 */
export function parseLayoutFile(bytes: Uint8Array): void {
  const document = { what: 'oci-layout file', code: 'LAYOUT_INVALID' } as const
  const version = new Input(document, parseJson(bytes, document)).need('imageLayoutVersion')
  if (version.string() !== '1.0.0') version.fail('"1.0.0"')
}
