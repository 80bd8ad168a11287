import { registerHooks } from 'node:module'

// Lets examples import the published subpaths (`gantry/oci`) from the sources of this checkout.
const packages = new URL('../../../', import.meta.url)

registerHooks({
  resolve(specifier, context, next) {
    const name = /^gantry\/([a-z-]+)$/.exec(specifier)?.[1]
    if (name === undefined) return next(specifier, context)
    return next(new URL(`${name}/src/index.ts`, packages).href, context)
  },
})
