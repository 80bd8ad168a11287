import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isContainerBridge } from './forwarding.ts'

describe('isContainerBridge', () => {
  for (const link of ['gantry0', 'gtry-6c4663', 'gtry717b3ecba6', 'docker0', 'br-0123456789ab'])
    test(`${link} needs forwarding`, () => assert.ok(isContainerBridge(link)))
  for (const link of ['lo', 'eth0', 'gantry', 'gvdc264cb956b9', 'br-lan', 'virbr0'])
    test(`${link} does not`, () => assert.ok(!isContainerBridge(link)))
})
