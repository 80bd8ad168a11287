import type { Volume } from '@gantry/client'
import type { Engine, VolumeRecord } from '@gantry/engine'
import { notSupported } from '../http/api-failure.ts'
import { empty, json, type ApiRequest, type Reply } from '../http/message.ts'
import { filters, flag } from '../http/parameters.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { isBlank } from '../translate/face.ts'
import { defined, Fields } from '../translate/fields.ts'
import { hasLabels } from '../translate/labels.ts'
import { timeText } from '../translate/times.ts'

/** `/volumes`. */
export function volumeRoutes({ engine }: DockerApiParts): readonly Route[] {
  return [
    ['GET', /^\/volumes$/, (request) => list(engine, request)],
    ['POST', /^\/volumes\/create$/, (request) => create(engine, request)],
    ['GET', /^\/volumes\/([^/]+)$/, (_, name = '') => json(volume(engine, engine.inspectVolume(name)))],
    [
      'DELETE',
      /^\/volumes\/([^/]+)$/,
      ({ query }, name = '') => {
        engine.removeVolume(name, { force: flag(query, 'force') })
        return empty()
      },
    ],
  ]
}

function list(engine: Engine, { query }: ApiRequest): Reply {
  const { name, label, driver, dangling } = filters(query, ['name', 'label', 'driver', 'dangling'])
  const volumes = engine
    .listVolumes()
    .filter((each) => name === undefined || name.some((part) => each.name.includes(part)))
    .filter((each) => hasLabels(each.labels, label))
    .filter(() => driver === undefined || driver.includes('local'))
    .filter((each) => {
      if (dangling === undefined) return true
      const unused = engine.volumeUsers(each.name).length === 0
      return dangling.some((text) => (text === 'true' || text === '1') === unused)
    })
  return json({ Volumes: volumes.map((each) => volume(engine, each)), Warnings: [] })
}

async function create(engine: Engine, request: ApiRequest): Promise<Reply> {
  const body = new Fields(await request.json())
  const driver = body.text('Driver') ?? ''
  if (driver !== '' && driver !== 'local') throw notSupported(`volume driver "${driver}"`)
  if (!isBlank(body.raw('DriverOpts'))) throw notSupported('DriverOpts')
  const made = engine.createVolume(defined({ name: body.text('Name') || undefined, labels: body.map('Labels') }))
  return json(volume(engine, made), 201)
}

function volume(engine: Engine, record: VolumeRecord): Volume {
  return {
    Name: record.name,
    Driver: 'local',
    Mountpoint: engine.volumePath(record.name),
    CreatedAt: timeText(record.created),
    Labels: { ...record.labels },
    Scope: 'local',
    Options: Object.keys(record.options).length === 0 ? null : { ...record.options },
  }
}
