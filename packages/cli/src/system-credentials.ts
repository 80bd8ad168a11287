export { systemCredentials } from '@gantry/registry-client'
