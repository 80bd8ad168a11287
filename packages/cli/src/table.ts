import type { Command } from './command.ts'

/** A row of the command table: what `gantry help` needs, and how to load the rest when it is called. */
export interface TableRow {
  readonly summary: string
  readonly load: () => Promise<Command>
}

/** Several commands under one word: `network create`. */
export interface TableGroup {
  readonly summary: string
  readonly commands: Readonly<Record<string, TableRow>>
}

/**
 * Every command by the word that is typed. Importing this loads no command: the paths are literal, so that the bundler
 * gives each command a file of its own.
 */
export const commands: Readonly<Record<string, TableRow>> = {
  attach: {
    summary: 'Attach local standard input, output, and error streams to a running container',
    load: async () => (await import('./commands/attach.ts')).attach,
  },
  build: { summary: 'Build an image from a Dockerfile', load: async () => (await import('./commands/build.ts')).build },
  copy: {
    summary: 'Copy an image between registries, the local store, directories and archives',
    load: async () => (await import('./commands/copy.ts')).copy,
  },
  create: { summary: 'Create a new container', load: async () => (await import('./commands/create.ts')).create },
  doctor: {
    summary: 'Check that this machine can run containers, and say how to mend it',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  events: {
    summary: 'Get real time events from the daemon',
    load: async () => (await import('./commands/events.ts')).events,
  },
  exec: {
    summary: 'Execute a command in a running container',
    load: async () => (await import('./commands/exec.ts')).exec,
  },
  explain: {
    summary: 'Tell everything that was done to the system for a container',
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  history: {
    summary: 'Show the history of an image',
    load: async () => (await import('./commands/history.ts')).history,
  },
  images: { summary: 'List images', load: async () => (await import('./commands/images.ts')).images },
  info: { summary: 'Display system-wide information', load: async () => (await import('./commands/info.ts')).info },
  inspect: {
    summary: 'Return low-level information on containers, images, networks and volumes',
    load: async () => (await import('./commands/inspect.ts')).inspect,
  },
  kill: { summary: 'Kill one or more running containers', load: async () => (await import('./commands/kill.ts')).kill },
  load: {
    summary: 'Load an image from a tar archive or STDIN',
    load: async () => (await import('./commands/load.ts')).load,
  },
  login: { summary: 'Authenticate to a registry', load: async () => (await import('./commands/login.ts')).login },
  logout: { summary: 'Log out from a registry', load: async () => (await import('./commands/logout.ts')).logout },
  logs: { summary: 'Fetch the logs of a container', load: async () => (await import('./commands/logs.ts')).logs },
  pause: {
    summary: 'Pause all processes within one or more containers',
    load: async () => (await import('./commands/pause.ts')).pause,
  },
  port: {
    summary: 'List port mappings or a specific mapping for the container',
    load: async () => (await import('./commands/port.ts')).port,
  },
  ps: { summary: 'List containers', load: async () => (await import('./commands/ps.ts')).ps },
  pull: { summary: 'Download an image from a registry', load: async () => (await import('./commands/pull.ts')).pull },
  push: { summary: 'Upload an image to a registry', load: async () => (await import('./commands/push.ts')).push },
  rename: { summary: 'Rename a container', load: async () => (await import('./commands/rename.ts')).rename },
  restart: {
    summary: 'Restart one or more containers',
    load: async () => (await import('./commands/restart.ts')).restart,
  },
  rm: { summary: 'Remove one or more containers', load: async () => (await import('./commands/rm.ts')).rm },
  rmi: { summary: 'Remove one or more images', load: async () => (await import('./commands/rmi.ts')).rmi },
  run: {
    summary: 'Create and run a new container from an image',
    load: async () => (await import('./commands/run.ts')).run,
  },
  save: {
    summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
    load: async () => (await import('./commands/save.ts')).save,
  },
  start: {
    summary: 'Start one or more stopped containers',
    load: async () => (await import('./commands/start.ts')).start,
  },
  stop: { summary: 'Stop one or more running containers', load: async () => (await import('./commands/stop.ts')).stop },
  tag: {
    summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
    load: async () => (await import('./commands/tag.ts')).tag,
  },
  top: {
    summary: 'Display the running processes of a container',
    load: async () => (await import('./commands/top.ts')).top,
  },
  unpause: {
    summary: 'Unpause all processes within one or more containers',
    load: async () => (await import('./commands/unpause.ts')).unpause,
  },
  version: { summary: 'Show the version of Gantry', load: async () => (await import('./commands/version.ts')).version },
  wait: {
    summary: 'Block until one or more containers stop, then print their exit codes',
    load: async () => (await import('./commands/wait.ts')).wait,
  },
}

/** The commands that stand under a word of their own. */
export const groups: Readonly<Record<string, TableGroup>> = {
  base: {
    summary: 'Make base images from distribution packages',
    commands: {
      build: { summary: 'Build a base image', load: async () => (await import('./commands/base-build.ts')).baseBuild },
      ls: {
        summary: 'List the base images that can be built',
        load: async () => (await import('./commands/base-ls.ts')).baseLs,
      },
    },
  },
  container: {
    summary: 'Manage containers',
    commands: pick(
      'attach create exec inspect kill logs pause port rename restart rm run start stop top unpause wait',
      { ls: 'ps', list: 'ps', ps: 'ps', remove: 'rm' },
    ),
  },
  daemon: {
    summary: 'Manage the daemon that keeps containers',
    commands: {
      log: {
        summary: 'Show the log of the daemon',
        load: async () => (await import('./commands/daemon-log.ts')).daemonLog,
      },
      start: {
        summary: 'Start the daemon',
        load: async () => (await import('./commands/daemon-start.ts')).daemonStart,
      },
      status: {
        summary: 'Tell whether the daemon runs',
        load: async () => (await import('./commands/daemon-status.ts')).daemonStatus,
      },
      stop: {
        summary: 'Stop the daemon; containers go on',
        load: async () => (await import('./commands/daemon-stop.ts')).daemonStop,
      },
    },
  },
  image: {
    summary: 'Manage images',
    commands: pick('build copy history inspect load pull push save tag', {
      ls: 'images',
      list: 'images',
      rm: 'rmi',
      remove: 'rmi',
    }),
  },
  network: {
    summary: 'Manage networks',
    commands: {
      create: {
        summary: 'Create a network',
        load: async () => (await import('./commands/network-create.ts')).networkCreate,
      },
      inspect: {
        summary: 'Display detailed information on one or more networks',
        load: async () => (await import('./commands/network-inspect.ts')).networkInspect,
      },
      ls: { summary: 'List networks', load: async () => (await import('./commands/network-ls.ts')).networkLs },
      rm: {
        summary: 'Remove one or more networks',
        load: async () => (await import('./commands/network-rm.ts')).networkRm,
      },
    },
  },
  registry: {
    summary: 'Serve the local images as a registry',
    commands: {
      serve: {
        summary: 'Serve a registry over the local store',
        load: async () => (await import('./commands/registry-serve.ts')).registryServe,
      },
    },
  },
  system: {
    summary: 'Manage Gantry',
    commands: {
      ...pick('events info', {}),
      reset: {
        summary: 'Remove all containers, images, volumes and networks, and everything done to this machine for them',
        load: async () => (await import('./commands/system-reset.ts')).systemReset,
      },
    },
  },
  volume: {
    summary: 'Manage volumes',
    commands: {
      create: {
        summary: 'Create a volume',
        load: async () => (await import('./commands/volume-create.ts')).volumeCreate,
      },
      inspect: {
        summary: 'Display detailed information on one or more volumes',
        load: async () => (await import('./commands/volume-inspect.ts')).volumeInspect,
      },
      ls: { summary: 'List volumes', load: async () => (await import('./commands/volume-ls.ts')).volumeLs },
      rm: {
        summary: 'Remove one or more volumes',
        load: async () => (await import('./commands/volume-rm.ts')).volumeRm,
      },
    },
  },
}

function pick(names: string, others: Readonly<Record<string, string>>): Record<string, TableRow> {
  const rows: Record<string, TableRow> = {}
  for (const [name, target] of [...names.split(' ').map((word) => [word, word] as const), ...Object.entries(others)]) {
    const row = commands[target]
    if (row !== undefined) rows[name] = row
  }
  return rows
}
