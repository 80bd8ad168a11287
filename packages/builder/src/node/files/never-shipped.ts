const names = new Set([
  '.npmrc',
  '.yarnrc',
  '.yarnrc.yml',
  '.netrc',
  '.git',
  '.svn',
  '.hg',
  '.ssh',
  '.aws',
  '.DS_Store',
  'node_modules',
])

/**
 * Whether something never goes into an image or a build container, whatever ignore files say: what usually has secrets in it
 * (`.env`, `.env.*`, `.npmrc`, keys of SSH), version control, and `node_modules`, which is laid out from the lockfile.
 */
export function isNeverShipped(name: string): boolean {
  if (names.has(name) || name === '.env' || /^id_(?:rsa|dsa|ecdsa|ed25519)$/.test(name)) return true
  return name.startsWith('.env.') && !/\.(?:example|sample|template|defaults)$/.test(name)
}

const unneeded = [
  /^\.(?:dockerignore|editorconfig|eslintrc.*|gitattributes|gitignore|github|gitlab-ci\.yml|idea|nvmrc|node-version|npmignore|pnp\..*|prettierrc.*|vscode|yarn)$/,
  /^(?:Dockerfile|Containerfile)(?:\..*)?$/,
  /^(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|pnpm-workspace\.yaml|yarn\.lock|coverage)$/,
  /^tsconfig(?:\..*)?\.json$/,
  /\.(?:log|tsbuildinfo)$/,
]

/** Whether something at the top of a package is only needed by those who work on it. */
export function isUnneeded(name: string): boolean {
  return unneeded.some((pattern) => pattern.test(name))
}
