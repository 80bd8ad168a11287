import type { Firewall } from '@gantry/client'
import { json } from '../http/message.ts'
import type { Route } from '../http/router.ts'
import type { DockerApiParts } from '../parts.ts'

/** `/gantry/firewall`: Gantry's own. */
export function firewallRoutes({ networks }: Pick<DockerApiParts, 'networks'>): readonly Route[] {
  return [
    [
      'GET',
      /^\/gantry\/firewall$/,
      async () => {
        const report: Firewall = await networks.firewall()
        return json(report)
      },
    ],
  ]
}
