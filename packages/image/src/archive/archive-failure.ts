import { OciError } from '@gantry/oci'
import { TarError } from '@gantry/tar'
import { ImageError } from '../errors.ts'

/** Says of what is wrong with an archive that it is the archive's; other failures stay as they are. */
export function archiveFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error.message.startsWith('Cannot load ')) return error
  // A codec's error of damaged bytes: codecs are given, so its class is not known here.
  const isDamage = 'code' in error && (error.code === 'STREAM_DAMAGED' || error.code === 'STREAM_TOO_LARGE')
  if (!isDamage && !(error instanceof ImageError || error instanceof TarError || error instanceof OciError))
    return error
  const code = error instanceof ImageError ? error.code : 'ARCHIVE_INVALID'
  const side = error instanceof ImageError && error.side !== undefined ? { side: error.side } : {}
  return new ImageError(code, `Cannot load the archive: ${error.message}`, { cause: error, ...side })
}
