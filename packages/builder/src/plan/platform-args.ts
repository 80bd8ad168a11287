import { formatPlatform, type Platform } from '@gantry/oci'

/** The automatic ARGs: TARGETPLATFORM, BUILDPLATFORM and their parts, and TARGETSTAGE. */
export function platformArgs(
  build: Platform,
  target: Platform,
  stage: string | undefined,
): ReadonlyMap<string, string> {
  const of = (prefix: string, platform: Platform): [string, string][] => [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform['os.version'] ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ]
  return new Map([...of('BUILD', build), ...of('TARGET', target), ['TARGETSTAGE', stage ?? 'default']])
}
