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
  append: {
    summary: 'Put tar archives or directories on top of an image, each as a layer',
    load: async () => (await import('./commands/append.ts')).append,
  },
  attach: {
    summary: 'Attach local standard input, output, and error streams to a running container',
    load: async () => (await import('./commands/attach.ts')).attach,
  },
  build: { summary: 'Build an image from a Dockerfile', load: async () => (await import('./commands/build.ts')).build },
  catalog: {
    summary: 'List the repositories of a registry',
    load: async () => (await import('./commands/catalog.ts')).catalog,
  },
  commit: {
    summary: "Create a new image from a container's changes",
    load: async () => (await import('./commands/commit.ts')).commit,
  },
  copy: {
    summary: 'Copy an image between registries, the local store, directories and archives',
    load: async () => (await import('./commands/copy.ts')).copy,
  },
  cp: {
    summary: 'Copy files/folders between a container and the local filesystem',
    load: async () => (await import('./commands/cp.ts')).cp,
  },
  create: { summary: 'Create a new container', load: async () => (await import('./commands/create.ts')).create },
  df: { summary: 'Show disk usage', load: async () => (await import('./commands/system-df.ts')).systemDf },
  diff: {
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: async () => (await import('./commands/diff.ts')).diff,
  },
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
  export: {
    summary: "Export a container's filesystem as a tar archive",
    load: async () => (await import('./commands/export.ts')).exportContainer,
  },
  flatten: {
    summary: 'Make the layers of an image into one, without what they hide or replace',
    load: async () => (await import('./commands/flatten.ts')).flatten,
  },
  history: {
    summary: 'Show the history of an image',
    load: async () => (await import('./commands/history.ts')).history,
  },
  images: { summary: 'List images', load: async () => (await import('./commands/images.ts')).images },
  import: {
    summary: 'Make an image of a root file system: a tar archive or a directory',
    load: async () => (await import('./commands/import.ts')).importImage,
  },
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
  manifest: {
    summary: 'Print the manifest of an image, its configuration or its digest',
    load: async () => (await import('./commands/manifest.ts')).manifest,
  },
  mutate: {
    summary: 'Change the configuration of an image, without its layers being read',
    load: async () => (await import('./commands/mutate.ts')).mutate,
  },
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
  rebase: {
    summary: 'Put an image on a newer base, without building it again',
    load: async () => (await import('./commands/rebase.ts')).rebase,
  },
  referrers: {
    summary: 'List what refers to an image: signatures, attestations, SBOMs and other artifacts',
    load: async () => (await import('./commands/referrers.ts')).referrers,
  },
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
  sign: {
    summary: 'Sign an image with a key',
    load: async () => (await import('./commands/sign.ts')).sign,
  },
  start: {
    summary: 'Start one or more stopped containers',
    load: async () => (await import('./commands/start.ts')).start,
  },
  stats: {
    summary: 'Display a live stream of container(s) resource usage statistics',
    load: async () => (await import('./commands/stats.ts')).stats,
  },
  stop: { summary: 'Stop one or more running containers', load: async () => (await import('./commands/stop.ts')).stop },
  sync: {
    summary: 'Mirror repositories to a registry or an OCI layout directory',
    load: async () => (await import('./commands/sync.ts')).sync,
  },
  tag: {
    summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
    load: async () => (await import('./commands/tag.ts')).tag,
  },
  tags: {
    summary: 'List the tags of a repository',
    load: async () => (await import('./commands/tags.ts')).tags,
  },
  top: {
    summary: 'Display the running processes of a container',
    load: async () => (await import('./commands/top.ts')).top,
  },
  tree: {
    summary: 'Show the layers and files of an image, and which bytes are wasted',
    load: async () => (await import('./commands/tree.ts')).tree,
  },
  unpause: {
    summary: 'Unpause all processes within one or more containers',
    load: async () => (await import('./commands/unpause.ts')).unpause,
  },
  update: {
    summary: 'Change limits, ports, mounts, variables and labels of containers',
    load: async () => (await import('./commands/update.ts')).update,
  },
  validate: {
    summary: 'Check everything that an image is made of',
    load: async () => (await import('./commands/validate.ts')).validate,
  },
  verify: {
    summary: 'Verify that an image was signed with one of some keys',
    load: async () => (await import('./commands/verify.ts')).verify,
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
      lock: {
        summary: 'Choose the packages of a declared image, with versions and digests',
        load: async () => (await import('./commands/base-lock.ts')).baseLock,
      },
      update: {
        summary: 'Lock the newest packages of a declared image, and show what changes',
        load: async () => (await import('./commands/base-update.ts')).baseUpdate,
      },
    },
  },
  builder: {
    summary: 'Build images and look after the build cache',
    commands: {
      ...pick('build', {}),
      ...buildCacheRows('budget du df prune'),
    },
  },
  buildx: {
    summary: 'The same as builder, as Docker calls it',
    commands: {
      ...pick('build', {}),
      ...buildCacheRows('du prune'),
    },
  },
  checkpoint: {
    summary: 'Manage checkpoints of containers',
    commands: {
      create: {
        summary: 'Create a checkpoint from a running container',
        load: async () => (await import('./commands/checkpoint-create.ts')).checkpointCreate,
      },
      ls: {
        summary: 'List checkpoints for a container',
        load: async () => (await import('./commands/checkpoint-ls.ts')).checkpointLs,
      },
      rm: {
        summary: 'Remove a checkpoint',
        load: async () => (await import('./commands/checkpoint-rm.ts')).checkpointRm,
      },
    },
  },
  container: {
    summary: 'Manage containers',
    commands: {
      ...pick(
        'attach commit cp create diff exec export inspect kill logs pause port rename restart rm run start stats stop top unpause update wait',
        { ls: 'ps', list: 'ps', ps: 'ps', remove: 'rm' },
      ),
      prune: {
        summary: 'Remove all stopped containers',
        load: async () => (await import('./commands/container-prune.ts')).containerPrune,
      },
    },
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
    commands: {
      ...pick(
        'append build copy flatten history import load manifest mutate pull push rebase referrers save sign tag tags tree validate verify',
        {
          ls: 'images',
          list: 'images',
          rm: 'rmi',
          remove: 'rmi',
        },
      ),
      attach: {
        summary: 'Attach files to an image, as an artifact that refers to it',
        load: async () => (await import('./commands/image-attach.ts')).imageAttach,
      },
      detach: {
        summary: 'Take artifacts away that refer to an image',
        load: async () => (await import('./commands/image-detach.ts')).imageDetach,
      },
      diff: {
        summary: 'Compare two images: configuration, layers and files',
        load: async () => (await import('./commands/image-diff.ts')).imageDiff,
      },
      inspect: {
        summary: 'Display detailed information on one or more images',
        load: async () => (await import('./commands/image-inspect.ts')).imageInspect,
      },
      prune: {
        summary: 'Remove unused images',
        load: async () => (await import('./commands/image-prune.ts')).imagePrune,
      },
      export: {
        summary: 'Export the root file system of an image as a tar archive',
        load: async () => (await import('./commands/image-export.ts')).imageExport,
      },
    },
  },
  key: {
    summary: 'Manage keys for signing images',
    commands: {
      generate: {
        summary: 'Make a key pair for signing images',
        load: async () => (await import('./commands/key-generate.ts')).keyGenerate,
      },
    },
  },
  network: {
    summary: 'Manage networks',
    commands: {
      connect: {
        summary: 'Connect a container to a network',
        load: async () => (await import('./commands/network-connect.ts')).networkConnect,
      },
      create: {
        summary: 'Create a network',
        load: async () => (await import('./commands/network-create.ts')).networkCreate,
      },
      disconnect: {
        summary: 'Disconnect a container from a network',
        load: async () => (await import('./commands/network-disconnect.ts')).networkDisconnect,
      },
      inspect: {
        summary: 'Display detailed information on one or more networks',
        load: async () => (await import('./commands/network-inspect.ts')).networkInspect,
      },
      ls: { summary: 'List networks', load: async () => (await import('./commands/network-ls.ts')).networkLs },
      prune: {
        summary: 'Remove all unused networks',
        load: async () => (await import('./commands/network-prune.ts')).networkPrune,
      },
      rm: {
        summary: 'Remove one or more networks',
        load: async () => (await import('./commands/network-rm.ts')).networkRm,
      },
    },
  },
  registry: {
    summary: 'Serve the local images as a registry, and look after it',
    commands: {
      gc: {
        summary: 'Remove what no image, tag or container leads to',
        load: async () => (await import('./commands/registry-gc.ts')).registryGc,
      },
      htpasswd: {
        summary: 'Add a user to a password file, or remove one',
        load: async () => (await import('./commands/registry-htpasswd.ts')).registryHtpasswd,
      },
      key: {
        summary: 'Make, list and revoke API keys',
        load: async () => (await import('./commands/registry-key.ts')).registryKey,
      },
      rebuild: {
        summary: 'Make what the database knows of repositories again, from the blobs and the files beside them',
        load: async () => (await import('./commands/registry-rebuild.ts')).registryRebuild,
      },
      retention: {
        summary: 'Remove the tags and manifests that the rules do not keep',
        load: async () => (await import('./commands/registry-retention.ts')).registryRetention,
      },
      scrub: {
        summary: 'Verify every blob, and fetch good copies of damaged ones',
        load: async () => (await import('./commands/registry-scrub.ts')).registryScrub,
      },
      serve: {
        summary: 'Serve a registry over the local store',
        load: async () => (await import('./commands/registry-serve.ts')).registryServe,
      },
      webhooks: {
        summary: 'List, retry or forget the messages that webhooks could not be told',
        load: async () => (await import('./commands/registry-webhooks.ts')).registryWebhooks,
      },
    },
  },
  system: {
    summary: 'Manage Gantry',
    commands: {
      ...pick('events info', {}),
      df: { summary: 'Show disk usage', load: async () => (await import('./commands/system-df.ts')).systemDf },
      prune: {
        summary: 'Remove unused data',
        load: async () => (await import('./commands/system-prune.ts')).systemPrune,
      },
      reset: {
        summary: 'Remove all containers, images, volumes and networks, and everything done to this machine for them',
        load: async () => (await import('./commands/system-reset.ts')).systemReset,
      },
    },
  },
  secret: {
    summary: 'Manage secrets',
    commands: {
      create: {
        summary: 'Create a secret from a file or STDIN as content',
        load: async () => (await import('./commands/secret-create.ts')).secretCreate,
      },
      inspect: {
        summary: 'Display detailed information on one or more secrets, never their values',
        load: async () => (await import('./commands/secret-inspect.ts')).secretInspect,
      },
      ls: { summary: 'List secrets', load: async () => (await import('./commands/secret-ls.ts')).secretLs },
      rm: {
        summary: 'Remove one or more secrets',
        load: async () => (await import('./commands/secret-rm.ts')).secretRm,
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
      prune: {
        summary: 'Remove unused local volumes',
        load: async () => (await import('./commands/volume-prune.ts')).volumePrune,
      },
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

/** What looks after the build cache, by these words. Under `build` too, where no directory is called so. */
export function buildCacheRows(words: string): Record<string, TableRow> {
  const prune: TableRow = {
    summary: 'Remove what builds keep for later ones',
    load: async () => (await import('./commands/builder-prune.ts')).builderPrune,
  }
  const du: TableRow = {
    summary: 'Show what builds keep for later ones, and how much room it takes',
    load: async () => (await import('./commands/builder-du.ts')).builderDu,
  }
  const budget: TableRow = {
    summary: 'Show or set how much what builds keep may take',
    load: async () => (await import('./commands/builder-budget.ts')).builderBudget,
  }
  const rows: Readonly<Record<string, TableRow>> = { budget, df: du, du, prune }
  return Object.fromEntries(words.split(' ').flatMap((word) => (rows[word] === undefined ? [] : [[word, rows[word]]])))
}
