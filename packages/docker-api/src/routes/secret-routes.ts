import type { Secret } from '@gantry/client'
import type { SecretRecord } from '@gantry/engine'
import { badRequest } from '../http/api-failure.ts'
import { empty, json } from '../http/message.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'
import { defined, Fields } from '../translate/fields.ts'
import { timeText } from '../translate/times.ts'

/** `/gantry/secrets`: Docker's own `/secrets` belong to Swarm. A value goes in and never comes out. */
export function secretRoutes({ engine }: DockerApiParts): readonly Route[] {
  return [
    ['GET', /^\/gantry\/secrets$/, () => json(engine.listSecrets().map(secret))],
    [
      'POST',
      /^\/gantry\/secrets$/,
      async (request) => {
        const body = new Fields(await request.json())
        const [name, data] = [body.text('Name'), body.text('Data')]
        if (name === undefined || data === undefined) throw badRequest('a secret needs Name and Data')
        const value = Buffer.from(data, 'base64')
        return json(secret(engine.createSecret({ name, value, ...defined({ labels: body.map('Labels') }) })), 201)
      },
    ],
    ['GET', /^\/gantry\/secrets\/([^/]+)$/, (_, name = '') => json(secret(engine.inspectSecret(name)))],
    [
      'DELETE',
      /^\/gantry\/secrets\/([^/]+)$/,
      (_, name = '') => {
        engine.removeSecret(name)
        return empty()
      },
    ],
  ]
}

function secret({ name, created, labels, size }: SecretRecord): Secret {
  return { Name: name, CreatedAt: timeText(created), Labels: { ...labels }, Size: size }
}
