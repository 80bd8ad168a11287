import type { Client } from '@gantry/client'
import type { Context } from '../context.ts'
import { registryAuth } from '../registry-auth.ts'
import { showTransfer } from '../progress/show-transfer.ts'

/** Has the daemon pull the image a container needs; progress goes to standard error, which keeps standard output clean. */
export async function pullForContainer(
  context: Context,
  client: Client,
  image: string,
  flags: { quiet: boolean; platform: string | undefined },
): Promise<void> {
  const auth = await registryAuth(image, context.env)
  const messages = client.images.pull(image, {
    signal: context.signal,
    ...(auth === undefined ? {} : { auth }),
    ...(flags.platform === undefined ? {} : { platform: flags.platform }),
  })
  await showTransfer(messages, context.err, { quiet: flags.quiet })
}
