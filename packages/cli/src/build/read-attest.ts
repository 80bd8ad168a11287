import type { AttestOptions, BuildOptions } from '@gantry/builder'
import { CliError } from '../cli-error.ts'

/** `--provenance`, `--sbom` and `--attest-style`. @throws CliError INVALID */
export function attestOptions(flags: {
  readonly 'attest-style': AttestOptions['style'] | undefined
  readonly provenance: string | undefined
  readonly sbom: string | undefined
}): Pick<BuildOptions, 'attest'> {
  const provenance = provenanceOf(flags.provenance)
  const sbom = formatsOf(flags.sbom)
  if (provenance === undefined && sbom.length === 0) return {}
  const style = flags['attest-style']
  return {
    attest: { sbom, ...(provenance === undefined ? {} : { provenance }), ...(style === undefined ? {} : { style }) },
  }
}

function provenanceOf(written: string | undefined): AttestOptions['provenance'] {
  switch (written) {
    case undefined:
    case 'false':
      return undefined
    case 'true':
    case 'min':
    case 'mode=min':
      return 'min'
    case 'max':
    case 'mode=max':
      return 'max'
    default:
      throw new CliError('INVALID', `Cannot read --provenance "${written}"`, {
        hint: 'Use true, mode=min, mode=max or false',
      })
  }
}

function formatsOf(written: string | undefined): NonNullable<AttestOptions['sbom']> {
  if (written === undefined || written === 'false') return []
  return written.split(',').map((word) => {
    const format = word.replace(/^format=/, '')
    if (format === 'true') return 'spdx'
    if (format === 'spdx' || format === 'cyclonedx') return format
    throw new CliError('INVALID', `Cannot read --sbom "${written}"`, { hint: 'Use true, spdx, cyclonedx or false' })
  })
}
