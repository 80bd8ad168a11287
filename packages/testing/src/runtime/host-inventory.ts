import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Site } from '@gantry/linux'
import { runStatus } from '@gantry/process'

/** What of one Gantry's containers is on the host now: a sorted list of lines, empty when nothing is. Networks and their bridges, the
 * firewall's table and the name server belong to the host and are not in it; images and volumes are content and are not either. */
export async function hostInventory(site: Site): Promise<readonly string[]> {
  const found = [
    ...mounts(site),
    ...names('/run/netns')
      .filter((name) => name.startsWith(`${site.instance}-`))
      .map((name) => `netns ${name}`),
    ...bridgePorts(site),
    ...(await elements(site)),
    ...cgroups(site).map((path) => `cgroup ${path}`),
    ...processes(site),
    ...names(join(site.root, 'userns')).map((name) => `mapped root file system ${name}`),
    ...names(join(site.root, 'containers')).map((name) => `container directory ${name}`),
    ...['tasks', 'exits', 'oci', 'users'].flatMap((part) =>
      names(join(site.run, part)).map((name) => `run/${part}/${name}`),
    ),
  ]
  return found.toSorted()
}

function mounts({ root, run }: Site): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${root}/`) || path.startsWith(`${run}/`))
    .map((path) => `mount ${path}`)
}

/** Links in our bridges: the host's ends of containers' pairs. */
function bridgePorts({ instance }: Site): string[] {
  const suffix = instance.replace(/^gantry-?/, '')
  return names('/sys/class/net')
    .filter((name) => (suffix === '' ? /^gantry\d+$/.test(name) : name.startsWith(`gtry-${suffix}`)))
    .flatMap((bridge) => names(`/sys/class/net/${bridge}/brif`).map((link) => `link ${link} in ${bridge}`))
}

/** Elements of the maps of published ports. */
async function elements({ instance }: Site): Promise<string[]> {
  const table = instance.replaceAll(/[^a-zA-Z0-9_]/g, '_')
  const { code, stdout } = await runStatus('nft', ['-j', 'list', 'table', 'inet', table])
  if (code !== 0) return []
  const { nftables } = JSON.parse(stdout) as { nftables: { map?: { name: string; elem?: unknown[] } }[] }
  return nftables.flatMap(({ map }) =>
    map !== undefined && map.name.startsWith('ports')
      ? (map.elem ?? []).map((element) => `nft ${map.name} ${JSON.stringify(element)}`)
      : [],
  )
}

function cgroups({ instance }: Site): string[] {
  const roots = ['/sys/fs/cgroup', ...names('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)]
  return roots.flatMap((root) => directories(join(root, instance)).map((name) => join(root, instance, name)))
}

/** Processes in our control groups, and programs that were started with our paths, but for the daemon and the name server. */
function processes({ root, run, instance }: Site): string[] {
  return names('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const command = text(`/proc/${pid}/cmdline`).split('\0').join(' ').trim()
      if (command === '' || /\/daemon\/src\/main\.ts|daemon\.js|aardvark-dns/.test(command)) return []
      const ours =
        command.includes(`${root}/`) ||
        command.includes(`${run}/`) ||
        text(`/proc/${pid}/cgroup`).includes(`/${instance}/`)
      return ours ? [`process ${pid} ${command.slice(0, 200)}`] : []
    })
}

function names(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function directories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch {
    return []
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
