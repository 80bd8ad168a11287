import type { SystemInfo } from '@gantry/client'
import type { Command } from '../command.ts'
import { defineCommand } from '../command.ts'
import { templateDetails, valueFormat } from '../format/format-flag.ts'
import { humanSize } from '../format/human-size.ts'
import { compileTemplate } from '../template/run-template.ts'

/** `gantry info` */
export const info: Command = defineCommand({
  name: 'info',
  aliases: ['system info'],
  summary: 'Display system-wide information',
  usage: '[OPTIONS]',
  details: templateDetails,
  arguments: [0, 0],
  flags: { format: valueFormat() },
  async run({ context, flags }) {
    const value = await (await context.daemon()).info()
    const text =
      flags.format === undefined
        ? describe(value)
        : `${flags.format === 'json' ? JSON.stringify(value) : compileTemplate(flags.format)(value)}\n`
    context.out.write(text)
  },
})

function describe(value: SystemInfo): string {
  const rows: [string, string | number][] = [
    ['Containers', value.Containers],
    [' Running', value.ContainersRunning],
    [' Paused', value.ContainersPaused],
    [' Stopped', value.ContainersStopped],
    ['Images', value.Images],
    ['Server Version', value.ServerVersion],
    ['Storage Driver', value.Driver],
    ['Logging Driver', value.LoggingDriver],
    ['Cgroup Driver', value.CgroupDriver],
    ['Cgroup Version', value.CgroupVersion],
    ['Runtimes', Object.keys(value.Runtimes).join(' ')],
    ['Default Runtime', value.DefaultRuntime],
    ['Security Options', value.SecurityOptions.join(' ')],
    ['Kernel Version', value.KernelVersion],
    ['Operating System', value.OperatingSystem],
    ['OSType', value.OSType],
    ['Architecture', value.Architecture],
    ['CPUs', value.NCPU],
    ['Total Memory', humanSize(value.MemTotal)],
    ['Name', value.Name],
    ['Gantry Root Dir', value.DockerRootDir],
  ]
  return (
    rows.map(([name, text]) => `${name}: ${text}\n`).join('') +
    value.Warnings.map((warning) => `WARNING: ${warning}\n`).join('')
  )
}
