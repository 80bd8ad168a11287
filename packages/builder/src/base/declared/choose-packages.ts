import type { AptSession, PlannedPackage } from '../apt-session.ts'
import { requiredPackages } from '../apt-session.ts'
import { BaseError } from '../base-error.ts'
import type { Distribution } from '../distribution.ts'
import type { DeclaredBase } from './base-file.ts'
import { dependenciesOf, parseControl, type ControlFields } from './debian-control.ts'
import { packageManagers, scriptTools, shells } from './script-tools.ts'

/** A package that was chosen, with what the lists say of it. */
export interface ChosenPackage {
  readonly planned: PlannedPackage
  readonly fields: ControlFields
}

/**
 * Chooses the packages of an image: what the declaration names and what that needs, without what only maintainer scripts
 * need, for no script is run.
 *
 * @param open an APT that takes the given packages for installed
 * @throws BaseError SHELL_WANTED when a shell or a package manager would get in without being asked for
 */
export async function choosePackages(
  declared: DeclaredBase,
  { id }: Distribution,
  open: (installed: string) => Promise<AptSession>,
): Promise<readonly ChosenPackage[]> {
  const wanted = wantedPackages(declared, id)
  const tools = new Set(declared.include.packageManager ? [] : scriptTools.keys())
  for (const name of wanted) tools.delete(name)
  for (;;) {
    const pretended = [...tools, ...declared.without]
    const apt = await open(pretend(pretended))
    const plan = await apt.plan(wanted)
    const chosen = withFields(plan, parseControl(await apt.describe(plan)))
    const missing = needed(chosen, tools)
    if (missing.length === 0) {
      refuseShells(chosen, declared)
      return chosen
    }
    for (const name of missing) tools.delete(name)
  }
}

function wantedPackages({ packages, include }: DeclaredBase, id: Distribution['id']): readonly string[] {
  return [
    ...new Set([
      // Scanners tell the release by its os-release.
      'base-files',
      ...(include.shell ? ['dash', 'coreutils'] : []),
      ...(include.packageManager
        ? ['?essential', requiredPackages, 'apt', id === 'debian' ? 'debian-archive-keyring' : 'ubuntu-keyring']
        : []),
      ...(include.node === undefined ? [] : ['libc6', 'libstdc++6', 'libatomic1']),
      ...packages,
    ]),
  ]
}

/** What dpkg's status would say if these were installed in every version. */
function pretend(names: readonly string[]): string {
  return names
    .map(
      (name) =>
        `Package: ${name}\nStatus: install ok installed\nPriority: optional\nMaintainer: nobody\nArchitecture: all\nMulti-Arch: foreign\nVersion: 999:0\nDescription: not in the image\n`,
    )
    .join('\n')
}

function withFields(plan: readonly PlannedPackage[], paragraphs: readonly ControlFields[]): readonly ChosenPackage[] {
  return plan.map((planned) => {
    const fields = paragraphs.find(
      (each) =>
        each.get('package') === planned.name &&
        each.get('version') === planned.version &&
        decodeURIComponent(planned.uri).endsWith(`/${each.get('filename') ?? '\0'}`),
    )
    if (fields?.has('sha256') === true) return { planned, fields }
    const message = `Cannot lock ${planned.name} ${planned.version}: its repository gives no SHA-256 for it`
    throw new BaseError('PACKAGES_UNAVAILABLE', message)
  })
}

/** The tools that somebody needs when it runs. */
function needed(chosen: readonly ChosenPackage[], tools: ReadonlySet<string>): readonly string[] {
  const has = new Set(chosen.map(({ planned }) => planned.name))
  return [...tools].filter((tool) => {
    const scripts = scriptTools.get(tool)
    if (scripts === undefined || scripts === 'everybody') return false
    return chosen.some(
      ({ planned, fields }) =>
        !scripts.includes(planned.name) &&
        dependenciesOf(fields).some((group) => group.includes(tool) && !group.some((name) => has.has(name))),
    )
  })
}

function refuseShells(chosen: readonly ChosenPackage[], { include, packages }: DeclaredBase): void {
  for (const [kinds, allowed, what, setting] of [
    [packageManagers, include.packageManager, 'a package manager', 'packageManager'],
    [shells, include.shell, 'a shell', 'shell'],
  ] as const) {
    if (allowed) continue
    const found = chosen.find(({ planned }) => kinds.has(planned.name) && !packages.includes(planned.name))
    if (found === undefined) continue
    const { name } = found.planned
    const by = chosen.filter(({ fields }) => dependenciesOf(fields).some((group) => group.includes(name)))
    const who = by.length === 0 ? '' : `, which ${by.map(({ planned }) => planned.name).join(', ')} needs`
    throw new BaseError('SHELL_WANTED', `Cannot make an image without ${what}: it would have ${name}${who}`, {
      hint: `ask for it with "include": { "${setting}": true }, or leave it out with "without": ["${name}"]`,
    })
  }
}
