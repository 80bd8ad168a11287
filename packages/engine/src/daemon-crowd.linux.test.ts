import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ContainerCreateBody } from '@gantry/client'
import { realDaemon, realDaemonMissing } from '@gantry/testing/daemon'

/** How many containers run meanwhile. */
const crowd = Number(process.env['GANTRY_TEST_CROWD'] ?? 20)

// A server that also logs a number every tenth of a second.
const serving = `mkdir /www && hostname >/www/index.html && httpd -p 80 -h /www
i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done`
const asking = 'while :; do nslookup c0 >/dev/null 2>&1 && echo found || echo lost; sleep 0.1; done'

async function run(client: Client, name: string, body: Partial<ContainerCreateBody>): Promise<string> {
  const { Id } = await client.containers.create({ Image: 'localhost/busybox', StopTimeout: 0, ...body }, { name })
  await client.containers.start(Id)
  return Id
}

async function linesOf(client: Client, id: string): Promise<string[]> {
  let text = ''
  for await (const { data } of await client.containers.logs(id)) text += Buffer.from(data).toString()
  return text.trim().split('\n')
}

/** Fetches from one port after the other until it is told to end, each over a connection of its own. */
async function traffic(ports: readonly number[], until: AbortSignal): Promise<{ answers: number; failures: string[] }> {
  const failures: string[] = []
  let answers = 0
  while (!until.aborted) {
    for (const [at, port] of ports.entries()) {
      const request = get({ host: '127.0.0.1', port, agent: false, timeout: 20_000 })
      request.once('timeout', () => request.destroy(new Error('no answer in 20 s')))
      try {
        const [answer] = (await once(request, 'response')) as [NodeJS.ReadableStream]
        let page = ''
        for await (const chunk of answer) page += String(chunk)
        if (page.trim() === `c${at}`) answers++
        else failures.push(`port ${port} answered ${JSON.stringify(page)}`)
      } catch (error) {
        failures.push(`port ${port}: ${String(error)}`)
      }
    }
  }
  return { answers, failures }
}

/** Makes the database look as one of an older gantry does. */
function makeOlder(path: string): void {
  const db = new DatabaseSync(path)
  db.exec(`DROP TABLE store_clock; UPDATE schema SET version = version - 1 WHERE package = 'store'`)
  db.close()
}

test(
  'killed, ended and upgraded under a crowd with traffic, the daemon is missed by nobody',
  {
    skip: realDaemonMissing() ?? false,
    timeout: 900_000,
  },
  async () => {
    await using daemon = await realDaemon()
    await daemon.client.networks.create({ Name: 'crowd', IPAM: { Config: [{ Subnet: '10.214.0.0/16' }] } })
    const HostConfig = { NetworkMode: 'crowd' }
    const ids: string[] = []
    for (let at = 0; at < crowd; at++) {
      ids.push(
        await run(daemon.client, `c${at}`, {
          Hostname: `c${at}`,
          Cmd: ['sh', '-c', serving],
          HostConfig: { ...HostConfig, PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
        }),
      )
    }
    const asker = await run(daemon.client, 'asker', { Cmd: ['sh', '-c', asking], HostConfig })
    const second = 1_000_000_000
    await run(daemon.client, 'checked', {
      Cmd: ['sleep', '1000'],
      Healthcheck: { Test: ['CMD', 'true'], Interval: second / 4, Retries: 1 },
      HostConfig,
    })
    await run(daemon.client, 'again', {
      Cmd: ['sleep', '0.3'],
      HostConfig: { ...HostConfig, RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } },
    })
    const ports: number[] = []
    for (const id of ids) {
      const { NetworkSettings } = await daemon.client.containers.inspect(id)
      ports.push(Number(NetworkSettings.Ports?.['80/tcp']?.[0]?.HostPort))
    }

    const enough = new AbortController()
    const fetching = traffic(ports, enough.signal)
    for (const way of ['kill', 'end', 'upgrade'] as const) {
      await sleep(500)
      await daemon.stop(way === 'kill' ? 'SIGKILL' : 'SIGTERM')
      await sleep(1000)
      if (way === 'upgrade') makeOlder(join(daemon.site.root, 'state.db'))
      assert.ok(await daemon.start(), daemon.log())
    }
    const restarts = (await daemon.client.containers.inspect('again')).RestartCount
    const checks = (await daemon.client.containers.inspect('checked')).State.Health?.Log?.at(-1)?.Start
    await sleep(3000)
    enough.abort()
    const { answers, failures } = await fetching
    assert.deepEqual(failures, [], 'a request was lost')
    assert.ok(answers >= crowd, `${answers} answers`)

    const again = await daemon.client.containers.inspect('again')
    assert.ok(again.RestartCount > restarts, 'the restart policy is not followed any more')
    const { Health } = (await daemon.client.containers.inspect('checked')).State
    assert.equal(Health?.Status, 'healthy')
    assert.notEqual(Health.Log?.at(-1)?.Start, checks, 'health is not looked at any more')
    for (const [at, id] of ids.entries()) {
      const numbers = (await linesOf(daemon.client, id)).map(Number)
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index),
        `a line of c${at} was lost`,
      )
    }
    assert.ok(
      (await linesOf(daemon.client, asker)).every((line) => line === 'found'),
      'a name was not resolved',
    )
    for (const { Id } of await daemon.client.containers.list())
      await daemon.client.containers.remove(Id, { force: true })
    await daemon.client.networks.remove('crowd')
    assert.deepEqual(await daemon.inventory(), [])
  },
)
