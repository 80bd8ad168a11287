import type { HealthAction, HealthRequest } from '@gantry/engine'
import { badRequest } from '../http/api-failure.ts'
import { defined, type Fields } from './fields.ts'

const actions: readonly HealthAction[] = ['none', 'kill', 'restart', 'stop']

/** Reads a health check: Docker's members, and `OnFailure`, which Docker does not have. @throws ApiFailure 400 */
export function healthRequest(check: Fields): HealthRequest | undefined {
  if (check.names.length === 0) return undefined
  const asked = check.text('OnFailure') || undefined
  const action = asked === undefined ? undefined : actions.find((each) => each === asked)
  if (asked !== undefined && action === undefined)
    throw badRequest(`invalid Healthcheck.OnFailure "${asked}": use one of ${actions.join(', ')}`)
  return defined({
    Test: check.texts('Test'),
    Interval: check.number('Interval'),
    Timeout: check.number('Timeout'),
    StartPeriod: check.number('StartPeriod'),
    StartInterval: check.number('StartInterval'),
    Retries: check.number('Retries'),
    OnFailure: action,
  })
}
