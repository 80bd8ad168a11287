/**
 * Where the group of a specification's `cgroupsPath` is, from the root of each hierarchy. systemd's form `slice:prefix:name` is a scope
 * in a slice, whose dashes are levels: `a-b.slice` is /a.slice/a-b.slice.
 */
export function groupPathOf(cgroupsPath: string): string {
  const parts = cgroupsPath.split(':')
  if (parts.length !== 3) return cgroupsPath.startsWith('/') ? cgroupsPath : `/${cgroupsPath}`
  const [slice = '', prefix = '', name = ''] = parts
  const unit = name.endsWith('.slice') ? name : `${prefix === '' ? '' : `${prefix}-`}${name}.scope`
  return `${slicePath(slice === '' ? 'system.slice' : slice)}/${unit}`
}

function slicePath(slice: string): string {
  const levels = slice.replace(/\.slice$/, '').split('-')
  return levels.map((_, index) => `/${levels.slice(0, index + 1).join('-')}.slice`).join('')
}
