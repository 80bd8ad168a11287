import type { Mount } from '@gantry/client'
import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import { parseBytes } from '../format/human-size.ts'

/**
 * Reads `--mount type=bind,source=/a,target=/b,readonly`. Relative bind sources are taken from the working directory.
 *
 * @throws CliError INVALID naming the part that does not fit.
 */
export function parseMount(text: string): Mount {
  const invalid = (why: string): CliError => new CliError('INVALID', `Cannot use the mount "${text}": ${why}`)
  const sized = (value: string): number => {
    try {
      return parseBytes(value)
    } catch (error) {
      throw invalid(error instanceof Error ? error.message : String(error))
    }
  }
  const mode = (value: string): number => {
    if (!/^[0-7]{3,4}$/.test(value)) throw invalid(`"${value}" is not an octal mode such as 1777`)
    return Number.parseInt(value, 8)
  }
  const isTrue = (value: string | undefined): boolean => {
    if (![undefined, 'true', '1', 'false', '0'].includes(value)) throw invalid(`"${value}" is neither true nor false`)
    return value !== 'false' && value !== '0'
  }
  const recursive = (value: string): Mount['BindOptions'] => {
    if (value === 'enabled') return {}
    if (value === 'disabled') return { NonRecursive: true }
    if (value === 'writable') return { ReadOnlyNonRecursive: true }
    if (value === 'readonly') return { ReadOnlyForceRecursive: true }
    throw invalid(`"${value}" is none of enabled, disabled, writable, readonly`)
  }
  const mount: Mount = { Type: 'volume', Target: '' }
  for (const part of splitFields(text)) {
    const [rawKey, value] = cut(part)
    const key = rawKey.toLowerCase()
    const needed = (): string => {
      if (value === undefined || value === '') throw invalid(`"${rawKey}" needs a value`)
      return value
    }
    switch (key) {
      case 'type': {
        const type = needed()
        if (type !== 'bind' && type !== 'volume' && type !== 'tmpfs' && type !== 'image')
          throw invalid(`the type "${type}" is not supported (use bind, volume, image or tmpfs)`)
        mount.Type = type
        break
      }
      case 'source':
      case 'src':
        mount.Source = needed()
        break
      case 'target':
      case 'dst':
      case 'destination':
        mount.Target = needed()
        break
      case 'readonly':
      case 'ro':
        mount.ReadOnly = isTrue(value)
        break
      case 'bind-propagation':
        mount.BindOptions = { ...mount.BindOptions, Propagation: needed() }
        break
      case 'bind-nonrecursive':
        mount.BindOptions = { ...mount.BindOptions, NonRecursive: isTrue(value) }
        break
      case 'bind-recursive':
        mount.BindOptions = { ...mount.BindOptions, ...recursive(needed()) }
        break
      case 'idmap':
        mount.BindOptions = { ...mount.BindOptions, IDMap: isTrue(value) }
        break
      case 'bind-create-src':
        mount.BindOptions = { ...mount.BindOptions, CreateMountpoint: isTrue(value) }
        break
      case 'image-subpath':
        mount.ImageOptions = { Subpath: needed() }
        break
      case 'volume-nocopy':
        mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: isTrue(value) }
        break
      case 'volume-subpath':
        mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: needed() }
        break
      case 'tmpfs-size':
        mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: sized(needed()) }
        break
      case 'tmpfs-mode':
        mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: mode(needed()) }
        break
      default:
        throw invalid(`unexpected key "${rawKey}"`)
    }
  }
  if (mount.Target === '') throw invalid('it has no target')
  if (mount.Type === 'bind') {
    if (mount.Source === undefined) throw invalid('a bind mount needs a source')
    mount.Source = resolve(mount.Source)
  }
  if (mount.Type === 'image' && mount.Source === undefined) throw invalid('an image mount needs a source')
  if (mount.Type === 'tmpfs' && mount.Source !== undefined) throw invalid('a tmpfs has no source')
  return mount
}

/** Splits at commas; a field in double quotes may hold some. */
function splitFields(text: string): string[] {
  return [...text.matchAll(/"((?:[^"]|"")*)"|([^,]+)/g)].map(
    (match) => match[1]?.replaceAll('""', '"') ?? match[2] ?? '',
  )
}

function cut(part: string): [string, string | undefined] {
  const equals = part.indexOf('=')
  return equals < 0 ? [part, undefined] : [part.slice(0, equals), part.slice(equals + 1)]
}
