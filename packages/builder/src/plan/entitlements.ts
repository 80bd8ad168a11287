import { DockerfileError, type Range, type RunInstruction } from '@gantry/dockerfile'
import { BuildError } from '../build-error.ts'

/** What a build may allow, checked. @throws BuildError OPTIONS_INVALID */
export function allowed(entitlements: readonly string[] = []): readonly string[] {
  for (const each of entitlements) {
    if (each === 'security.insecure' || /^device(?:=.+)?$/.test(each)) continue
    throw new BuildError('OPTIONS_INVALID', `Cannot allow "${each}": there is no such entitlement`, {
      hint: 'security.insecure, device, or device=VENDOR/CLASS=NAME',
    })
  }
  return entitlements
}

/** Refuses what a RUN asks for that whoever builds did not allow. @throws DockerfileError NOT_ALLOWED */
export function checkEntitlements(
  { dockerfile, allow }: { readonly dockerfile: { readonly file: string }; readonly allow: readonly string[] },
  { security, devices, range }: Pick<RunInstruction, 'security' | 'devices' | 'range'>,
): void {
  const { file } = dockerfile
  const refuse = (message: string, at: Range, entitlement: string): never => {
    throw new DockerfileError('NOT_ALLOWED', message, { file, range: at, hint: `allow it with --allow ${entitlement}` })
  }
  if (security === 'insecure' && !allow.includes('security.insecure')) {
    const message = 'RUN --security=insecure has all that root on this machine has, and this build does not allow it'
    refuse(message, range, 'security.insecure')
  }
  for (const { name, range: at } of devices) {
    const [kind = ''] = name.split('=')
    if (['device', `device=${name}`, `device=${kind}`].some((each) => allow.includes(each))) continue
    const message = `RUN --device=${name} reaches a device of this machine, and this build does not allow it`
    refuse(message, at, `device=${name}`)
  }
}
