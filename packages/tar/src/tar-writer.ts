import { TarError } from './errors.ts'
import { headerBlocks, type HeaderOptions } from './header-blocks.ts'
import { blockBytes, type TarHeader } from './header.ts'

const zeroBlocks = new Uint8Array(2 * blockBytes)

/**
 * Makes the parts of an archive that are not file content, for callers that write it themselves:
 * for each entry `header`, then the body, then `padding`; `end` at last.
 */
export class TarWriter {
  readonly #options: HeaderOptions

  constructor(options: HeaderOptions = {}) {
    this.#options = options
  }

  /**
   * The blocks before an entry's body.
   *
   * @throws {TarError} HEADER_INVALID
   */
  header(header: TarHeader): Uint8Array {
    return headerBlocks(header, this.#options)
  }

  /** What fills a body of that size up to a whole block; often empty. Not to be written to. */
  padding(size: number): Uint8Array {
    if (!Number.isSafeInteger(size) || size < 0) throw new TarError('HEADER_INVALID', `Cannot pad a size of ${size}`)
    return zeroBlocks.subarray(0, (blockBytes - (size % blockBytes)) % blockBytes)
  }

  /** The two blocks of zeros at an archive's end. Not to be written to. */
  end(): Uint8Array {
    return zeroBlocks
  }
}
